package request

import (
	"context"

	"github.com/oxbow-events/oxbow/event"
)

// Driver moves requests to responders and their answers back. A bus within the process is one ([Over]), a broker can be another.
// Package requesttest proves one. Calls may overlap.
type Driver interface {
	// Ask gives the request to every responder whose pattern matches its topic. It returns an error that answers to ErrNoResponder
	// if it knows that there is none; a driver that learns it later says it in Next. The request stays as it is until the Answers
	// are closed; afterwards, too, nobody changes it.
	//
	// No responder sends more than window answers that the asker has not taken.
	Ask(ctx context.Context, q *event.Event[any], window int) (Answers, error)

	// Respond gives the requests of a route to take, from now until stop is called. A request that is on its way then may still come.
	Respond(ctx context.Context, route Route, take Take) (stop func(), err error)

	// Close ends everything with ErrClosed, also calls of Next that wait. Closing twice is fine.
	Close() error
}

// Route is what a responder listens to.
type Route struct {
	Pattern string // of topics, as package topic reads it; one that does not parse is refused
	Name    string // the responder's
}

// Take is called by a driver with each request, and does not wait for the answer. The data are a Go value, or as they came from
// another process: json.RawMessage or []byte, with their content type in the metadata.
//
// ctx carries the request as its cause (event.WithCause). It ends as soon as the asker no longer wants answers of this responder: when
// the ctx of Ask ended, when the Answers were closed or another responder was kept or this one dropped, and when the last answer was sent. It ends for nothing else.
//
// The error is nil when the responder answers; ErrBusy when it must be told to the asker that it has no room; anything else makes it as if the
// responder were not there.
type Take func(ctx context.Context, q *event.Event[any], r Reply) error

// Reply is where a responder puts its answers to one request. Calls may overlap.
type Reply interface {
	// Send gives an answer to the asker, after those sent before it, and waits while the window is full. It drops it and returns an error
	// when ctx has ended, when nobody wants it any more, and after the last answer. ctx is the one given to Take, or made of it.
	Send(ctx context.Context, a Answer) error

	// Leave tells the asker that no more answers come, as an answer with NoAnswer and the code CodeGone, and ends the ctx of Take. It does
	// not wait for room. After the last answer it does nothing. A driver tells the same when it finds that a responder is gone.
	Leave()
}

// Answers is what comes back for one request. Only Close may be called while another call runs.
type Answers interface {
	// Next waits for the next answer. It returns ErrNoMore when every responder has sent its last one, ErrClosed when the
	// driver is closed, and the error of ctx. An answer that is there comes before any of these.
	Next(ctx context.Context) (Answer, error)

	// Asked returns how many responders took the request or were too busy for it, as far as is known; all says that there will be no more of them.
	Asked() (n int, all bool)

	// Keep ends the contexts of all responders but one, whose answers alone are given from now on.
	Keep(from int)

	// Drop ends the context of one responder, whose answers are not given any more.
	Drop(from int)

	// Close ends the contexts of all responders and drops what they send. Closing twice is fine.
	Close()
}

// Answer is one thing that a responder says about a request.
type Answer struct {
	From        int    // which responder of this request, from 1; the driver sets it
	Responder   string // its name
	Data        any    // a Go value, or as it came from another process: json.RawMessage or []byte, with ContentType
	ContentType string // of data that came from another process
	Type        string // the event type of the data's Go type, if that has one; set when the data came from another process
	Version     int    // its schema version likewise
	Err         *Error // why there is no data
	Empty       bool   // there is no data: a stream has ended
	Last        bool   // this responder says no more
	NoAnswer    bool   // not what the handler said: the responder was busy or is gone. Err says which
}
