package request

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/event"
)

// Gather sends a request and returns the answers of n responders, or of all that there are when n is 0, in the order in which they came.
// A streaming responder's answer is its first value.
//
// When some are missing, because their responders failed, are busy or gone, are fewer than n, or because ctx ended, it returns what came and an
// [*IncompleteError], which answers to ErrIncomplete. Other errors are those of Do. Once there are n, the contexts of the others end.
func Gather[R any](ctx context.Context, c *Carrier, q any, n int, opts ...event.Option) ([]R, error) {
	if n < 0 {
		return nil, event.Invalid("n", "is %d; it is the number of answers, or 0 for those of all responders", n)
	}
	ctx, a, err := c.ask(ctx, q, max(n, 1), true, opts)
	if err != nil {
		return nil, err
	}
	defer a.end()
	g := gathering[R]{asked: a, want: n, heard: map[int]bool{}}
	for !g.complete() {
		answer, err := a.next(ctx)
		if err != nil {
			return g.got, g.missing(err)
		}
		g.take(&answer)
	}
	return g.got, g.missing(ErrNoMore)
}

// gathering is what came for one request.
type gathering[R any] struct {
	*asked
	want   int
	got    []R
	failed []error
	heard  map[int]bool // the responders that have answered, or never will
}

// take notes an answer. A stream says no more after its first value.
func (g *gathering[R]) take(a *Answer) {
	g.heard[a.From] = true
	if !a.Last {
		g.answers.Drop(a.From)
	}
	if a.Err != nil {
		g.failed = append(g.failed, a.Err)
		return
	}
	if a.Empty {
		g.failed = append(g.failed, &Error{Code: CodeFailed, Message: ErrNoAnswer.Error(), Responder: a.Responder, err: ErrNoAnswer})
		return
	}
	data, err := read[R](g.carrier, a)
	if err != nil {
		g.failed = append(g.failed, err)
		return
	}
	g.got = append(g.got, data)
}

// complete reports whether there is nothing to wait for any more.
func (g *gathering[R]) complete() bool {
	if g.want > 0 && len(g.got) == g.want {
		return true
	}
	n, all := g.answers.Asked()
	return all && len(g.heard) == n
}

// missing returns the error that tells what did not come, nil when all did. why is why no more was waited for.
func (g *gathering[R]) missing(why error) error {
	asked, all := g.answers.Asked()
	want := g.want
	if want == 0 {
		want = asked
	}
	known := all || g.want > 0 || errors.Is(why, ErrNoMore)
	if len(g.got) == want && known {
		return nil
	}
	return g.failure(&IncompleteError{Want: want, Got: len(g.got), Asked: asked, Failed: g.failed, Err: why})
}
