package aggregate_test

import (
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
)

var errRude = errors.New("the word is rude")

type rude struct{}

func (*rude) Validate() error { return errRude }

func TestInvalidDecidedEventsAreNotWritten(t *testing.T) {
	st, spy := newStore(t)
	repo := newAccounts(t, st, aggregate.Config{})
	_, err := repo.Execute(t.Context(), "42", raw{events: []any{deposited{5}, event.From("noted", rude{})}})
	if !errors.Is(err, event.ErrInvalid) || !errors.Is(err, errRude) {
		t.Errorf("Execute returned %v, want ErrInvalid and the error of Validate", err)
	}
	if spy.appends.Load() != 0 {
		t.Errorf("%d appends", spy.appends.Load())
	}
}
