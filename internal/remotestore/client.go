package remotestore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Client is a store.Driver whose data another process has. Make one with Dial.
type Client struct {
	address string
	http    *http.Client
	life    context.Context
	end     context.CancelFunc
	close   sync.Once
}

// Dial returns a driver for the store that is served at the address. It connects when it is used.
func Dial(address string) *Client {
	life, end := context.WithCancel(context.Background())
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	return &Client{address: address, http: &http.Client{Transport: transport}, life: life, end: end}
}

// Append writes the commit there. When ctx ends it may still happen.
func (c *Client) Append(ctx context.Context, commit store.Commit) (store.Receipt, error) {
	if err := c.usable(ctx); err != nil {
		return store.Receipt{}, err
	}
	if err := commit.Check(); err != nil {
		return store.Receipt{}, err
	}
	q, parts, err := commitRequest(&commit)
	if err != nil {
		return store.Receipt{}, err
	}
	a, err := c.ask(ctx, "append", q, parts...)
	if err != nil {
		return store.Receipt{}, err
	}
	return *a.Receipt, nil
}

// Read yields the records that match.
func (c *Client) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		if err := q.Check(); err != nil {
			yield(event.Record{}, err)
			return
		}
		for a, err := range c.answers(ctx, "read", request{Query: q}) {
			if err != nil {
				yield(event.Record{}, err)
				return
			}
			if !yield(a.record, nil) {
				return
			}
		}
	}
}

// Head returns the position of the newest record.
func (c *Client) Head(ctx context.Context) (store.Position, error) {
	a, err := c.ask(ctx, "head", request{})
	if err != nil {
		return 0, err
	}
	return a.Position, nil
}

// Wait returns the head as soon as it is after the given position.
func (c *Client) Wait(ctx context.Context, after store.Position) (store.Position, error) {
	a, err := c.ask(ctx, "wait", request{After: after})
	if err != nil {
		return 0, err
	}
	return a.Position, nil
}

// Get returns an item; one that does not exist has revision 0.
func (c *Client) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	a, err := c.ask(ctx, "get", request{Bucket: []byte(bucket), Key: []byte(key)})
	if err != nil {
		return store.Item{}, err
	}
	return *a.Item, nil
}

// List yields the items of a bucket with from <= key < to.
func (c *Client) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		for a, err := range c.answers(ctx, "list", request{Bucket: []byte(bucket), From: []byte(from), To: []byte(to)}) {
			if err != nil {
				yield(store.Item{}, err)
				return
			}
			if !yield(*a.Item, nil) {
				return
			}
		}
	}
}

// Close ends the client's calls with store.ErrClosed. The store goes on for others.
func (c *Client) Close() error {
	c.close.Do(func() {
		c.end()
		c.http.CloseIdleConnections()
	})
	return nil
}

// usable returns why a call must end now.
func (c *Client) usable(ctx context.Context) error {
	if c.life.Err() != nil {
		return store.ErrClosed
	}
	return ctx.Err()
}

// ask returns the one answer to a request.
func (c *Client) ask(ctx context.Context, call string, q request, parts ...[]byte) (found answer, err error) {
	answered := false
	for a, err := range c.answers(ctx, call, q, parts...) {
		if err != nil {
			return answer{}, err
		}
		found, answered = a, true
	}
	if !answered {
		return answer{}, fmt.Errorf("%s: no answer from %s", call, c.address)
	}
	return found, nil
}

// answers yields the answers to a request. After an error it yields no more.
func (c *Client) answers(ctx context.Context, call string, q request, parts ...[]byte) iter.Seq2[answer, error] {
	return func(yield func(answer, error) bool) {
		within, stop := c.within(ctx)
		defer stop()
		body, err := c.send(within, call, q, parts)
		if err != nil {
			yield(answer{}, c.reason(ctx, call, err))
			return
		}
		defer body.Close()
		from := bufio.NewReader(body)
		for {
			a, err := readAnswer(from)
			if err == nil && a.Error != nil {
				err = a.Error.unpacked()
			}
			if ended := c.usable(ctx); ended != nil {
				err = ended
			}
			if err != nil {
				yield(answer{}, c.reason(ctx, call, err))
				return
			}
			if a.End || !yield(a, nil) {
				return
			}
		}
	}
}

// within returns a context that ends with ctx and with the client.
func (c *Client) within(ctx context.Context) (within context.Context, stop func()) {
	within, cancel := context.WithCancel(ctx)
	unlink := context.AfterFunc(c.life, cancel)
	return within, func() { unlink(); cancel() }
}

func (c *Client) send(ctx context.Context, call string, q request, parts [][]byte) (io.ReadCloser, error) {
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := writeMessage(&b, q, parts...); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.address+"/"+call, &b)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		response.Body.Close()
		return nil, fmt.Errorf("%s: %s", response.Status, bytes.TrimSpace(text))
	}
	return response.Body, nil
}

// reason returns why a call ended, which is the caller's doing when it closed the client or ended ctx.
func (c *Client) reason(ctx context.Context, call string, err error) error {
	if ended := c.usable(ctx); ended != nil {
		return ended
	}
	if remote := (*remoteError)(nil); errors.As(err, &remote) {
		return err
	}
	return fmt.Errorf("%s at %s: %w", call, c.address, err)
}
