package request_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

// after returns a handler that knows a price after a while.
func after(d time.Duration, n int64) func(context.Context, PriceAsked) (Price, error) {
	return func(ctx context.Context, _ PriceAsked) (Price, error) {
		select {
		case <-time.After(d):
			return Price{Cents: n}, nil
		case <-ctx.Done():
			return Price{}, ctx.Err()
		}
	}
}

// gathered is what one Gather returned.
func gathered(t *testing.T, c *request.Carrier, n int, limit time.Duration) (sum int64, missing *request.IncompleteError, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	prices, err := request.Gather[Price](ctx, c, PriceAsked{"oak"}, n)
	for _, p := range prices {
		sum += p.Cents
	}
	errors.As(err, &missing)
	return sum, missing, err
}

func TestGatherReturnsTheFirstNAndCancelsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		handle(t, c, after(3*time.Second, 100))
		handle(t, c, after(time.Second, 1))
		last := handle(t, c, patient)
		handle(t, c, after(2*time.Second, 10))
		began := time.Now()
		if sum, _, err := gathered(t, c, 2, time.Minute); sum != 11 || err != nil {
			t.Errorf("Gather returned a sum of %d, %v; want those of the fastest two", sum, err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if synctest.Wait(); last.Stats().Running != 0 {
			t.Error("the last responder was not cancelled")
		}
	})
}

func TestGatherOfNoneWaitsForAllThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		_, _, err := gathered(t, c, 0, time.Minute)
		expectError(t, err, request.ErrNoResponder)
		handle(t, c, cents(1))
		handle(t, c, after(time.Second, 10))
		if sum, _, err := gathered(t, c, 0, time.Minute); sum != 11 || err != nil {
			t.Errorf("Gather returned a sum of %d, %v", sum, err)
		}
	})
}

func TestGatherTellsWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		handle(t, c, cents(1))
		handle(t, c, after(time.Hour, 10))
		sum, missing, err := gathered(t, c, 0, time.Second)
		if sum != 1 || missing == nil || missing.Missing() != 1 || missing.Asked != 2 {
			t.Fatalf("Gather returned a sum of %d, %v", sum, err)
		}
		expectError(t, err, request.ErrIncomplete)
		expectError(t, err, context.DeadlineExceeded)
		if want := "request price.asked: 1 of 2 answers are missing, 2 responders were asked: context deadline exceeded"; err.Error() != want {
			t.Errorf("the error reads %q, want %q", err, want)
		}
	})
}

func TestGatherDoesNotWaitForMoreThanThereAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		release := make(chan struct{})
		full := handle(t, c, deaf(release), request.Limit(1, 0), request.Named("full"))
		go ask(t, c) // fills it, since nobody else answers yet
		synctest.Wait()
		handle(t, c, cents(1))
		handle(t, c, func(context.Context, PriceAsked) (Price, error) { return Price{}, errUnknown }, request.Named("failing"))
		began := time.Now()
		sum, missing, err := gathered(t, c, 5, time.Minute)
		if sum != 1 || missing == nil || missing.Missing() != 4 || missing.Asked != 3 || len(missing.Failed) != 2 {
			t.Errorf("Gather returned a sum of %d, %v", sum, err)
		}
		expectError(t, err, errUnknown)
		expectError(t, err, request.ErrBusy)
		expectError(t, err, request.ErrNoMore)
		for _, text := range []string{"4 of 5 answers are missing, 3 responders were asked: ", "full: responder is busy", "; "} {
			if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), request.ErrNoMore.Error()) {
				t.Errorf("the error reads %q", err)
			}
		}
		if time.Since(began) != 0 || full.Stats().Refused != 1 {
			t.Errorf("it took %v", time.Since(began))
		}
		close(release)
	})
}

func TestGatherTakesOneValueOfAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := over(t, request.Config{})
		endless := func(context.Context, PriceAsked) iter.Seq2[Price, error] {
			return func(yield func(Price, error) bool) {
				for n := int64(1); yield(Price{Cents: n}, nil); n++ {
				}
			}
		}
		if _, err := request.HandleStream(c, endless); err != nil {
			t.Fatal(err)
		}
		request.HandleStream(c, func(context.Context, PriceAsked) iter.Seq2[Price, error] {
			return func(func(Price, error) bool) {}
		}, request.Named("empty"))
		handle(t, c, after(time.Second, 10))
		sum, missing, err := gathered(t, c, 0, time.Minute)
		if sum != 11 || missing == nil || missing.Missing() != 1 || !errors.Is(err, request.ErrNoAnswer) {
			t.Errorf("Gather returned a sum of %d, %v", sum, err)
		}
	})
}

func TestAnAnswerOfAnotherTypeIsMissing(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, cents(1))
	handle(t, c, func(context.Context, PriceAsked) (string, error) { return "seven", nil }, request.Named("talkative"))
	sum, missing, err := gathered(t, c, 0, time.Minute)
	if sum != 1 || missing == nil || !strings.Contains(err.Error(), "the answer of talkative is string") {
		t.Errorf("Gather returned a sum of %d, %v", sum, err)
	}
}

func TestGatherRefusesANegativeNumber(t *testing.T) {
	c, _ := over(t, request.Config{})
	_, err := request.Gather[Price](t.Context(), c, PriceAsked{}, -1)
	expectError(t, err, event.ErrInvalid)
}
