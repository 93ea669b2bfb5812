package backend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// pair is one store, near and behind a server.
type pair struct {
	near, far backend.Backend
	remote    *backend.Remote
	store     *store.Store
	handler   *server.Server
}

func newPair(t *testing.T, cfg server.Config) pair {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	cfg.Store, cfg.Logger = st, slog.New(slog.DiscardHandler)
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv.Handler())
	remote := dial(t, web.URL)
	t.Cleanup(func() {
		web.CloseClientConnections()
		web.Close()
		_ = st.Close()
	})
	return pair{near: backend.Local{Store: st}, far: remote, remote: remote, store: st, handler: srv}
}

func dial(t *testing.T, url string) *backend.Remote {
	t.Helper()
	remote, err := backend.Dial(url, func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = remote.Close() })
	return remote
}

// orders returns n events in three streams.
func orders(n int) []event.Record {
	records := make([]event.Record, n)
	for i := range records {
		records[i] = event.Record{
			Metadata: event.Metadata{
				ID: event.NewID(), Type: "order.placed", Version: 1, Time: time.Unix(int64(i), 0).UTC(), CorrelationID: event.NewID(),
				ContentType: "application/json", Tags: []string{fmt.Sprintf("customer:%d", i%2)},
			},
			Place: event.Place{Stream: fmt.Sprintf("order-%d", i%3)},
			Data:  fmt.Appendf(nil, `{"n":%d}`, i),
		}
	}
	return records
}

func fill(t *testing.T, b backend.Backend, n int) {
	t.Helper()
	if _, err := b.Commit(t.Context(), store.Commit{Events: orders(n)}); err != nil {
		t.Fatal(err)
	}
}

func collect[T any](t *testing.T, seq func(yield func(T, error) bool)) (all []T) {
	t.Helper()
	for x, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

var compareIDs = cmp.Comparer(func(a, b event.ID) bool { return a == b })

var ignoreRates = cmpopts.IgnoreFields(store.Stats{}, "EventsPerSecond", "BytesPerSecond") // they fall between two calls

func TestAServerAnswersAsItsFolder(t *testing.T) {
	p := newPair(t, server.Config{})
	fill(t, p.far, 1201)
	for name, q := range map[string]store.Query{
		"everything":         {},
		"newest first":       {Backward: true},
		"a page and one":     {Limit: 501},
		"exactly a page":     {Limit: 500},
		"newest of a tag":    {Any: []store.Filter{{Tags: []string{"customer:1"}}}, Backward: true, Limit: 7},
		"a range":            {After: 100, Before: 900},
		"a range, backward":  {After: 100, Before: 900, Backward: true},
		"a stream":           {Any: []store.Filter{{Stream: "order-2"}}},
		"a prefix":           {Any: []store.Filter{{StreamPrefix: "order-"}}, Limit: 3},
		"a type":             {Any: []store.Filter{{Types: []string{"order.placed", "order.paid"}}}, Limit: 3},
		"nothing":            {Any: []store.Filter{{Types: []string{"order.lost"}}}},
		"what is yet to be":  {After: 1201},
		"before everything":  {Before: 1},
		"special characters": {Any: []store.Filter{{Stream: "a&b=c/d é"}}},
	} {
		t.Run(name, func(t *testing.T) {
			near, far := collect(t, p.near.Read(t.Context(), q)), collect(t, p.far.Read(t.Context(), q))
			if diff := cmp.Diff(near, far, compareIDs); diff != "" {
				t.Errorf("near and far differ:\n%s", diff)
			}
		})
	}
	if near, far := collect(t, p.near.Streams(t.Context(), "order-")), collect(t, p.far.Streams(t.Context(), "order-")); !slices.Equal(near, far) {
		t.Errorf("streams: near %v, far %v", near, far)
	}
	near, _ := p.near.Stats(t.Context())
	if far, err := p.far.Stats(t.Context()); err != nil || !cmp.Equal(near, far, ignoreRates) || far.EventsPerSecond <= 0 || far.BytesPerSecond <= 0 {
		t.Errorf("stats: near %v, far %v, %v", near, far, err)
	}
	if head, err := p.far.Head(t.Context()); head != 1201 || err != nil {
		t.Errorf("head %d, %v; want 1201", head, err)
	}
}

func TestManyStreamsComeInPages(t *testing.T) {
	p := newPair(t, server.Config{})
	records := orders(1100)
	for i := range records {
		records[i].Stream = fmt.Sprintf("order-%04d", i)
	}
	if _, err := p.near.Commit(t.Context(), store.Commit{Events: records}); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, p.far.Streams(t.Context(), "")); len(got) != 1100 {
		t.Errorf("%d streams, want 1100", len(got))
	}
}

func TestReadEndsWithWhatWasThereAtItsBeginning(t *testing.T) {
	p := newPair(t, server.Config{})
	fill(t, p.near, 600)
	n := 0
	for _, err := range p.far.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			fill(t, p.near, 50)
		}
	}
	if n != 600 {
		t.Errorf("read %d events, want 600", n)
	}
}

func TestCommitReturnsTheReceipt(t *testing.T) {
	p := newPair(t, server.Config{})
	commit := store.Commit{Events: orders(4)}
	first, err := p.far.Commit(t.Context(), commit)
	want := store.Receipt{First: 1, Last: 4, Revisions: map[string]uint64{"order-0": 2, "order-1": 1, "order-2": 1}, Durability: store.InMemory}
	if err != nil || !cmp.Equal(first, want) {
		t.Errorf("receipt %+v, %v; want %+v", first, err, want)
	}
	want.Repeated = true
	if again, err := p.far.Commit(t.Context(), commit); err != nil || !cmp.Equal(again, want) {
		t.Errorf("repeated: receipt %+v, %v; want %+v", again, err, want)
	}
}

func TestBothWaysRefuseTheSame(t *testing.T) {
	p := newPair(t, server.Config{MaxBodyBytes: 1 << 20})
	fill(t, p.near, 3)
	one := func(change func(*event.Record)) []event.Record {
		records := orders(1)
		change(&records[0])
		return records
	}
	keep := func(*event.Record) {}
	if _, err := p.store.TombstoneStream(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		commit store.Commit
		want   error
		says   string
	}{
		"stale revision":   {store.Commit{Events: one(keep), Conditions: []store.Condition{store.AtRevision("order-0", 7)}}, store.ErrConflict, "revision 1"},
		"stream exists":    {store.Commit{Events: one(keep), Conditions: []store.Condition{store.NoStream("order-0")}}, store.ErrConflict, "revision 1"},
		"no such stream":   {store.Commit{Events: one(func(r *event.Record) { r.Stream = "new" }), Conditions: []store.Condition{store.StreamExists("new")}}, store.ErrConflict, "exist"},
		"tombstone":        {store.Commit{Events: one(func(r *event.Record) { r.Stream = "gone" })}, store.ErrTombstone, "\"gone\" was deleted for good"},
		"stream with \\n":  {store.Commit{Events: one(func(r *event.Record) { r.Stream = "a\nb" })}, event.ErrInvalid, "stream"},
		"type with spaces": {store.Commit{Events: one(func(r *event.Record) { r.Type = "order placed" })}, event.ErrInvalid, "type"},
		"too many tags":    {store.Commit{Events: one(func(r *event.Record) { r.Tags = slices.Repeat([]string{"a"}, 99) })}, event.ErrInvalid, "tags"},
	} {
		t.Run(name, func(t *testing.T) {
			for way, b := range map[string]backend.Backend{"near": p.near, "far": p.far} {
				_, err := b.Commit(t.Context(), c.commit)
				if !errors.Is(err, c.want) || errors.Is(err, store.ErrConflict) != (c.want == store.ErrConflict) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%s: %v; want %v that says %q", way, err, c.want, c.says)
				}
			}
		})
	}
	large := store.Commit{Events: one(func(r *event.Record) { r.Data = fmt.Appendf(nil, "%q", strings.Repeat("x", 2<<20)) })}
	if _, err := p.far.Commit(t.Context(), large); !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "1048576 bytes") {
		t.Errorf("a large body: %v; want ErrInvalid that tells the limit", err)
	}
	if head, _ := p.near.Head(t.Context()); head != 3 {
		t.Errorf("%d events; the refused ones left something", head)
	}
}

func TestOnlyOxbowsWordMakesA410ATombstone(t *testing.T) {
	for name, c := range map[string]struct {
		media, body string
		want        bool
	}{
		"the problem":       {"application/problem+json", `{"type":"/docs/server.md#stream-tombstoned","detail":"gone for good"}`, true},
		"another problem":   {"application/problem+json", `{"type":"about:blank","title":"Gone"}`, false},
		"a page":            {"text/html", "<h1>moved away</h1>", false},
		"words that say so": {"text/plain", "/docs/server.md#stream-tombstoned", false},
	} {
		t.Run(name, func(t *testing.T) {
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.media)
				w.WriteHeader(http.StatusGone)
				_, _ = io.WriteString(w, c.body)
			}))
			defer web.Close()
			_, err := dial(t, web.URL).Commit(t.Context(), store.Commit{Events: orders(1)})
			if err == nil || errors.Is(err, store.ErrTombstone) != c.want {
				t.Errorf("%v; a tombstone %v, want %v", err, !c.want, c.want)
			}
		})
	}
}

func TestACancelledCallSaysSo(t *testing.T) {
	p := newPair(t, server.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.far.Stats(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want context.Canceled", err)
	}
	for _, err := range p.far.Read(ctx, store.Query{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v; want context.Canceled", err)
		}
	}
}

func TestDialRefusesWhatIsNoServer(t *testing.T) {
	for address, says := range map[string]string{
		"127.0.0.1:7070":           "write it as http://127.0.0.1:7070",
		"ftp://127.0.0.1":          "is not a URL as in",
		"http://":                  "is not a URL as in",
		"http://127.0.0.1/?a=b":    "leave out",
		"http://127.0.0.1:7070/#x": "leave out",
		"http://[::1":              "is not a URL",
	} {
		if _, err := backend.Dial(address, nil); !errors.Is(err, event.ErrInvalid) || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%s: %v; want ErrInvalid that says %q", address, err, says)
		}
	}
}
