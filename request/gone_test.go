package request_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

// byHand is a driver whose requests are given by the test.
type byHand struct {
	request.Driver
	take request.Take
}

func (d *byHand) Respond(_ context.Context, _ request.Route, take request.Take) (func(), error) {
	d.take = take
	return func() {}, nil
}

func (d *byHand) Close() error { return nil }

// noted is a reply that notes what the responder says.
type noted struct{ answers, left atomic.Int32 }

func (n *noted) Send(context.Context, request.Answer) error {
	n.answers.Add(1)
	return nil
}

func (n *noted) Leave() { n.left.Add(1) }

func TestOnlyWhatStillRunsIsToldThatItsResponderIsGone(t *testing.T) {
	const requests = 4
	for name, order := range map[string][]int{
		"oldest first": {0, 1, 2, 3}, "newest first": {3, 2, 1, 0}, "from the middle": {1, 2, 0, 3}, "and out again": {2, 0, 3, 1},
	} {
		for finished := range requests + 1 {
			synctest.Test(t, func(t *testing.T) {
				d := &byHand{}
				c, err := request.New(d, request.Config{})
				if err != nil {
					t.Fatal(err)
				}
				var release [requests]chan struct{}
				r, err := request.HandleTopic(c, "**", func(_ context.Context, e event.Event[any]) (any, error) {
					<-release[e.Data.(int)]
					return nil, nil
				})
				if err != nil {
					t.Fatal(err)
				}
				var replies [requests]noted
				for i := range requests {
					release[i] = make(chan struct{})
					if err := d.take(t.Context(), &event.Event[any]{Data: i}, &replies[i]); err != nil {
						t.Fatal(err)
					}
				}
				for _, i := range order[:finished] {
					close(release[i])
					synctest.Wait()
				}
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				if err := r.Close(ended); (err == nil) != (finished == requests) {
					t.Errorf("%s, %d finished: Close returned %v", name, finished, err)
				}
				for n, i := range order {
					if left, want := replies[i].left.Load(), int32(n-finished+requests)/requests; left != want {
						t.Errorf("%s, %d finished: request %d was left %d times, want %d", name, finished, i, left, want)
					}
				}
				for _, i := range order[finished:] {
					close(release[i])
				}
				if err := r.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
