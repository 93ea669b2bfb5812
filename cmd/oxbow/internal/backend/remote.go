package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/store"
)

// Remote is a store behind an Oxbow server.
type Remote struct {
	base   *url.URL
	client *http.Client
	notice func(string)
}

// Dial returns the store behind the server at an address as in http://127.0.0.1:7070. It asks nothing of the server yet. notice
// is told of what a person who waits should know, such as a lost connection.
func Dial(address string, notice func(string)) (*Remote, error) {
	base, err := parseURL(address)
	if err != nil {
		return nil, event.Invalid("--server", "%v", err)
	}
	if base.RawQuery != "" || base.Fragment != "" {
		return nil, event.Invalid("--server", "%q is more than the address of a server; leave out what follows the ? or #", address)
	}
	return &Remote{base: base, client: newClient(), notice: notice}, nil
}

const maxAnswer = 32 << 20 // bytes of one answer: more than a page and the largest event beyond it

// receipt is the server's answer to a commit.
type receipt struct {
	First      store.Position    `json:"first"`
	Last       store.Position    `json:"last"`
	Revisions  map[string]uint64 `json:"revisions"`
	Durability store.Durability  `json:"durability"`
	Repeated   bool              `json:"repeated"`
}

// Commit writes all or nothing. The conditions may be about the revision of the one stream that the events go to; a server takes
// no others.
func (r *Remote) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	query, err := expectation(c)
	if err != nil {
		return store.Receipt{}, err
	}
	body, err := cloudevents.AppendBatch(nil, c.Events)
	if err != nil {
		return store.Receipt{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url("v1/events", query), bytes.NewReader(body))
	if err != nil {
		return store.Receipt{}, err
	}
	req.Header.Set("Content-Type", cloudevents.BatchContentType)
	var told receipt
	if err := r.answer(req, &told); err != nil {
		return store.Receipt{}, err
	}
	return store.Receipt{
		First: told.First, Last: told.Last, Revisions: told.Revisions, Durability: told.Durability, Repeated: told.Repeated,
	}, nil
}

// expectation returns the parameters for the commit's condition.
func expectation(c store.Commit) (url.Values, error) {
	if len(c.Conditions) == 0 {
		return nil, nil
	}
	condition := c.Conditions[0]
	if len(c.Conditions) > 1 || len(c.Items) > 0 {
		return nil, event.Invalid("conditions", "a server takes one, about one stream, and no items")
	}
	for i := range c.Events {
		if c.Events[i].Stream != condition.Stream {
			return nil, event.Invalid("conditions", "are about %q, but an event goes to %q", condition.Stream, c.Events[i].Stream)
		}
	}
	switch condition.Expect {
	case store.ExpectExists:
		return url.Values{"expect": {"exists"}}, nil
	case store.ExpectRevision:
		return url.Values{"expect": {strconv.FormatUint(condition.Exact, 10)}}, nil
	}
	return nil, event.Invalid("conditions", "a server takes only one about a stream's revision")
}

// Stats counts what the store holds.
func (r *Remote) Stats(ctx context.Context) (s store.Stats, err error) {
	return s, r.get(ctx, "v1/stats", nil, &s)
}

// Close lets go of connections.
func (r *Remote) Close() error {
	r.client.CloseIdleConnections()
	return nil
}

func (r *Remote) url(path string, query url.Values) string {
	u := r.base.JoinPath(path)
	u.RawQuery = query.Encode()
	return u.String()
}

func (r *Remote) get(ctx context.Context, path string, query url.Values, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url(path, query), nil)
	if err != nil {
		return err
	}
	return r.answer(req, into)
}

// answer sends a request and decodes the JSON that comes back.
func (r *Remote) answer(req *http.Request, into any) error {
	req.Header.Set("Accept", "application/json")
	body, err := do(r.client, req, maxAnswer)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s answered with something else than expected (%v); is it an Oxbow?", origin(req.URL), err)
	}
	return nil
}
