package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// message is one block of an event stream. One without data is a heartbeat.
type message struct {
	id, retry string
	data      []string
}

// messages reads an event stream as https://html.spec.whatwg.org/multipage/server-sent-events.html says.
type messages struct{ in *bufio.Reader }

func newMessages(r io.Reader) *messages { return &messages{bufio.NewReader(r)} }

// next returns the next whole block; one that is cut off does not count.
func (m *messages) next() (msg message, err error) {
	for {
		line, err := m.in.ReadString('\n')
		if err != nil {
			return message{}, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return msg, nil
		}
		switch name, value, _ := strings.Cut(line, ":"); name {
		case "id":
			msg.id = strings.TrimPrefix(value, " ")
		case "data":
			msg.data = append(msg.data, strings.TrimPrefix(value, " "))
		case "retry":
			msg.retry = strings.TrimPrefix(value, " ")
		case "": // a comment
		default:
			return message{}, fmt.Errorf("unknown field in %q", line)
		}
	}
}

// event returns the next block that has data, as the record it holds.
func (m *messages) event() (r event.Record, id string, err error) {
	for {
		msg, err := m.next()
		if err != nil {
			return event.Record{}, "", err
		}
		if len(msg.data) == 0 {
			continue
		}
		if len(msg.data) > 1 {
			return event.Record{}, "", fmt.Errorf("event on %d lines", len(msg.data))
		}
		r, err := cloudevents.Unmarshal([]byte(msg.data[0]))
		return r, msg.id, err
	}
}

// wantEvents reads as many events and returns their ids.
func (m *messages) wantEvents(t *testing.T, n int) string {
	t.Helper()
	var ids []string
	for range n {
		r, _, err := m.event()
		if err != nil {
			t.Fatalf("after events %v: %v", ids, err)
		}
		ids = append(ids, r.ID.String())
	}
	return strings.Join(ids, " ")
}

// follow opens an event stream of a running server; the test's end closes it.
func follow(t *testing.T, url string, header ...string) (*messages, *http.Response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return newMessages(res.Body), res
}

func TestStreamCatchesUpThenGoesOn(t *testing.T) {
	st := newStore(t)
	fill(t, st, 3)
	run := serve(t, server.Config{Store: st})
	in, res := follow(t, run.url+"/v1/events/stream")
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	first, err := in.next()
	if err != nil || first.retry != "2000" || first.id != "0" {
		t.Errorf("first block %+v, %v; want a retry hint and id 0", first, err)
	}
	if got := in.wantEvents(t, 3); got != "1 2 3" {
		t.Errorf("caught up with %q", got)
	}
	commit(t, st, event.Record{Metadata: event.Metadata{ID: id(t, "new"), Type: "a.b"}, Place: event.Place{Stream: "s"}, Data: []byte("{\n\"a\":\n1}")})
	r, position, err := in.event()
	if err != nil || r.ID.String() != "new" || position != "4" || string(r.Data) != `{"a":1}` {
		t.Errorf("live: %v %q %q, %v", r.ID, position, r.Data, err)
	}
}

func TestStreamCatchesUpHoweverFarBehindItIs(t *testing.T) {
	const events = 1500
	st := newStore(t)
	fill(t, st, events)
	run := serve(t, server.Config{Store: st})
	for query, step := range map[string]event.Position{"": 1, "?stream=order-even": 2} {
		in, _ := follow(t, run.url+"/v1/events/stream"+query)
		for want := step; want <= events; want += step {
			if r, _, err := in.event(); err != nil || r.Position != want {
				t.Fatalf("%s: position %d, %v; want %d", query, r.Position, err, want)
			}
		}
	}
}

func TestStreamBeginsWhereItIsTold(t *testing.T) {
	st := newStore(t)
	fill(t, st, 9)
	run := serve(t, server.Config{Store: st})
	for _, c := range []struct {
		query, lastEventID, want string
	}{
		{"?after=7", "", "8 9"},
		{"?after=2", "7", "8 9"},
		{"?after=head", "7", "8 9"},
		{"?type=order.placed&after=4", "", "6 8"},
		{"?tag=mod3:0", "", "3 6 9"},
		{"?stream=order-odd&after=6", "", "7 9"},
		{"?correlation=c1", "", "1 5 9"},
	} {
		in, _ := follow(t, run.url+"/v1/events/stream"+c.query, "Last-Event-ID", c.lastEventID)
		if got := in.wantEvents(t, len(strings.Fields(c.want))); got != c.want {
			t.Errorf("%s after %q: %q, want %q", c.query, c.lastEventID, got, c.want)
		}
	}
}

func TestStreamAfterHeadIsLiveOnly(t *testing.T) {
	st := newStore(t)
	fill(t, st, 3)
	run := serve(t, server.Config{Store: st})
	in, _ := follow(t, run.url+"/v1/events/stream?after=head")
	if first, err := in.next(); err != nil || first.id != "3" {
		t.Fatalf("first block %+v, %v; want id 3", first, err)
	}
	commit(t, st, event.Record{Metadata: event.Metadata{ID: id(t, "new"), Type: "a.b"}, Place: event.Place{Stream: "s"}})
	if got := in.wantEvents(t, 1); got != "new" {
		t.Errorf("live: %q", got)
	}
}

func TestStreamNamesBadParameters(t *testing.T) {
	st := newStore(t)
	fill(t, st, 3)
	h := newServer(t, server.Config{Store: st}).Handler()
	for _, c := range []struct{ query, lastEventID, parameter string }{
		{"?after=4", "", "after"},
		{"?after=now", "", "after"},
		{"?limit=3", "", "limit"},
		{"?type=a..b", "", "type"},
		{"", "x", "Last-Event-ID"},
		{"", "4", "Last-Event-ID"},
	} {
		rep := send(t, h, request{target: "/v1/events/stream" + c.query, header: map[string]string{"Last-Event-ID": c.lastEventID}})
		if p := problem(t, rep, http.StatusBadRequest); len(p.Errors) != 1 || p.Errors[0].Parameter != c.parameter {
			t.Errorf("%s %s: errors %+v, want one about %s", c.query, c.lastEventID, p.Errors, c.parameter)
		}
	}
}

// TestStreamCutAtRandomLosesNothing is a follower whose connection breaks again and again, in the middle of whatever it carries.
func TestStreamCutAtRandomLosesNothing(t *testing.T) {
	const writers, each = 4, 150
	st := newStore(t)
	run := serve(t, server.Config{Store: st})
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				commit(t, st, event.Record{
					Metadata: event.Metadata{Type: "a.b", Source: "/test"}, Place: event.Place{Stream: fmt.Sprintf("s-%d", w)},
					Data: fmt.Appendf(nil, `{"n":%d,"text":%q}`, i, strings.Repeat("x", i)),
				})
			}
		})
	}

	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	var got []event.Position
	last, cuts := "", 0
	for ; len(got) < writers*each; cuts++ {
		res, err := http.DefaultClient.Do(resume(t, run.url, last))
		if err != nil {
			t.Fatal(err)
		}
		in := newMessages(io.LimitReader(res.Body, random.Int64N(8000)))
		for len(got) < writers*each {
			msg, err := in.next()
			if err != nil {
				break
			}
			last = msg.id
			if len(msg.data) == 0 {
				continue
			}
			r, err := cloudevents.Unmarshal([]byte(msg.data[0]))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.Position)
		}
		res.Body.Close() // unread: the connection is closed
	}
	writing.Wait()

	want := make([]event.Position, writers*each)
	for i := range want {
		want[i] = event.Position(i + 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("over %d connections the positions were %v", cuts, got)
	}
	if cuts < 5 {
		t.Errorf("only %d connections: the test did not cut", cuts)
	}
}

func resume(t *testing.T, url, last string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/events/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	return req
}

// In a bubble, since a follower that gets no processor for 15s is one that has stopped, and cut off.
func TestManyFollowersSeeEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const followers, events = 100, 200
		st := newStore(t)
		run := servePiped(t, server.Config{Store: st})
		var following sync.WaitGroup
		var bodies []io.Closer
		for range followers {
			body := run.get(t, "/v1/events/stream").Body
			bodies = append(bodies, body)
			in := newMessages(body)
			following.Go(func() {
				for want := event.Position(1); want <= events; want++ {
					if r, _, err := in.event(); err != nil || r.Position != want {
						t.Errorf("position %d, %v; want %d", r.Position, err, want)
						return
					}
				}
			})
		}
		fill(t, st, events)
		following.Wait()
		metrics, err := io.ReadAll(run.get(t, "/metrics").Body)
		if err != nil || !strings.Contains(string(metrics), "\noxbow_sse_followers 100\n") {
			t.Errorf("metrics do not count 100 followers: %v\n%s", err, metrics)
		}
		for _, body := range bodies {
			body.Close()
		}
		run.stop()
		if err := <-run.served; err != nil {
			t.Error(err)
		}
	})
}

func TestStreamHeartbeatsMoveAFilteredFollowerOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		fill(t, st, 3)
		run := servePiped(t, server.Config{Store: st})
		res := run.get(t, "/v1/events/stream?type=unheard.of")
		in := newMessages(res.Body)
		began := time.Now()
		for i, want := range []string{"0", "3", "3"} {
			if msg, err := in.next(); err != nil || msg.id != want || len(msg.data) > 0 {
				t.Errorf("block %d: %+v, %v; want id %s without data", i, msg, err, want)
			}
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("two heartbeats took %v, want 30s", took)
		}
		res.Body.Close()
		run.stop()
		if err := <-run.served; err != nil {
			t.Error(err)
		}
	})
}

// busyStream gets another event each second, so that who waits never waits in vain.
type busyStream struct {
	store.Driver
	t *testing.T
}

func (d busyStream) Wait(ctx context.Context, _ store.Position) (store.Position, error) {
	time.Sleep(time.Second) // of the bubble
	if d.t.Context().Err() != nil {
		return 0, d.t.Context().Err()
	}
	commit(d.t, store.New(d.Driver, store.Config{}), event.Record{Metadata: event.Metadata{Type: "a.b"}, Place: event.Place{Stream: "others"}})
	return d.Head(context.WithoutCancel(ctx))
}

func TestStreamBeatsThoughOthersWriteAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := servePiped(t, server.Config{Store: store.New(busyStream{memory.New(), t}, store.Config{})})
		res := run.get(t, "/v1/events/stream?stream=mine")
		in := newMessages(res.Body)
		began := time.Now()
		for _, want := range []string{"0", "15", "30"} {
			if msg, err := in.next(); err != nil || msg.id != want {
				t.Errorf("after %v: %+v, %v; want id %s", time.Since(began), msg, err, want)
			}
		}
		res.Body.Close()
		run.stop()
		<-run.served
	})
}

func TestStreamCutsOffAFollowerThatHasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		run := servePiped(t, server.Config{Store: st})
		res := run.get(t, "/v1/events/stream")
		for i := range 20 {
			commit(t, st, event.Record{
				Metadata: event.Metadata{ID: id(t, fmt.Sprint(i)), Type: "a.b"}, Place: event.Place{Stream: "s"},
				Data: []byte(`"` + strings.Repeat("x", 10_000) + `"`),
			})
		}
		time.Sleep(time.Minute) // of the bubble: far beyond the 15s that the follower has
		in := newMessages(res.Body)
		n := 0
		for ; ; n++ {
			if _, _, err := in.event(); err != nil {
				break
			}
		}
		if n >= 20 {
			t.Error("a follower that had stopped was not cut off")
		}
		res.Body.Close()
		run.stop()
		if err := <-run.served; err != nil {
			t.Error(err)
		}
	})
}

// countingDriver counts the records that were read from it.
type countingDriver struct {
	store.Driver
	read atomic.Int64
}

func (d *countingDriver) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for r, err := range d.Driver.Read(ctx, q) {
			d.read.Add(1)
			if !yield(r, err) {
				return
			}
		}
	}
}

func TestStreamReadsNoFurtherThanItsFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &countingDriver{Driver: memory.New()}
		st := store.New(driver, store.Config{})
		defer st.Close()
		for range 100 {
			commit(t, st, event.Record{
				Metadata: event.Metadata{Type: "a.b"}, Place: event.Place{Stream: "s"}, Data: []byte(`"` + strings.Repeat("x", 10_000) + `"`),
			})
		}
		run := servePiped(t, server.Config{Store: st})
		res := run.get(t, "/v1/events/stream")
		synctest.Wait() // the server waits for the follower, which reads nothing
		if n := driver.read.Load(); n > 5 {
			t.Errorf("%d events of 10 kB were read for a follower that takes nothing", n)
		}
		res.Body.Close()
		run.stop()
		<-run.served
	})
}

func TestStreamWaitsForASlowFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		commit(t, st, event.Record{
			Metadata: event.Metadata{Type: "a.b"}, Place: event.Place{Stream: "s"}, Data: []byte(`"` + strings.Repeat("x", 1<<20) + `"`),
		})
		run := servePiped(t, server.Config{Store: st})
		res := run.get(t, "/v1/events/stream")
		in := newMessages(slow{res.Body})
		if _, _, err := in.event(); err != nil {
			t.Errorf("a follower that took 4 KiB a second was cut off: %v", err)
		}
		res.Body.Close()
		run.stop()
		<-run.served
	})
}

// slow gives out at most 4 KiB a second.
type slow struct{ r io.Reader }

func (s slow) Read(b []byte) (int, error) {
	time.Sleep(time.Second) // of the bubble
	return s.r.Read(b[:min(len(b), 4<<10)])
}

func TestStreamEndsCleanlyWhenTheServerStops(t *testing.T) {
	st := newStore(t)
	fill(t, st, 3)
	run := serve(t, server.Config{Store: st})
	in, _ := follow(t, run.url+"/v1/events/stream")
	in.wantEvents(t, 3)
	run.stop()
	if _, err := in.next(); err != io.EOF {
		t.Errorf("the stream ended with %v, want a clean end", err)
	}
	if err := run.result(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
}

func TestStreamAnswersHeadAtOnce(t *testing.T) {
	rep := send(t, newServer(t, server.Config{}).Handler(), request{method: http.MethodHead, target: "/v1/events/stream"})
	if rep.status != http.StatusOK || rep.header.Get("Content-Type") != "text/event-stream" || rep.body != "" {
		t.Errorf("status %d, header %v, body %q", rep.status, rep.header, rep.body)
	}
}

func TestStreamEndsWhenTheStoreCloses(t *testing.T) {
	st := newStore(t)
	run := serve(t, server.Config{Store: st})
	in, _ := follow(t, run.url+"/v1/events/stream")
	if _, err := in.next(); err != nil {
		t.Fatal(err)
	}
	st.Close()
	if _, err := in.next(); err != io.EOF {
		t.Errorf("the stream ended with %v, want a clean end", err)
	}
}
