package aggregate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// Tx gathers what becomes one commit. It is valid during the call of Together's function, in one goroutine.
type Tx struct {
	store   *store.Store
	command event.ID
	commit  store.Commit
	joined  map[string]any // by stream: its *history
	after   []func()       // to be called after the commit
}

// Require adds conditions to the commit.
func (tx *Tx) Require(conditions ...store.Condition) {
	tx.commit.Conditions = append(tx.commit.Conditions, conditions...)
}

// Write adds items to the commit.
func (tx *Tx) Write(items ...store.ItemWrite) {
	tx.commit.Items = append(tx.commit.Items, items...)
}

// Together calls fn, and commits the events, items and conditions that it gathered, all or nothing, if every aggregate it executed
// commands on or loaded is still as it was. When one is not, or another condition does not hold, Together begins anew: so fn has no
// effect but through tx. When attempts are spent it returns the conflict, which answers to store.ErrConflict. An error of fn is returned
// as it is, at once. Without events and items nothing is written, and the receipt is zero. When the command was executed before, fn is not
// called, and the receipt is the first one.
func Together(ctx context.Context, st *store.Store, fn func(tx *Tx) error, opts ...Option) (store.Receipt, error) {
	done, err := together(ctx, st, opts, fn)
	return done.receipt, err
}

// Option sets one thing of one call of Execute or Together.
type Option func(*options)

type options struct {
	command  event.ID
	named    bool // a command id was given
	attempts int
}

// WithCommandID names the command, so that it is executed once: when a commit under this id has written events before, nothing is
// decided and nothing written, and the result is that of the first time. The ids of the events are derived from it, in place of their
// own. Two commands need two ids: a handler that sends several for one event derives them from the event's, with [event.ID.Derive].
func WithCommandID(id event.ID) Option { return func(o *options) { o.command, o.named = id, true } }

// WithAttempts sets how often to try, the first time included. The default is 10. The wait before the second attempt is about a
// millisecond, and it doubles up to 100.
func WithAttempts(n int) Option { return func(o *options) { o.attempts = n } }

const (
	firstWait   = time.Millisecond
	longestWait = 100 * time.Millisecond
)

// outcome is what became of a transaction.
type outcome struct {
	receipt store.Receipt
	stored  []event.Record // the events of the first time, when the command was executed before
}

func together(ctx context.Context, st *store.Store, opts []Option, fn func(*Tx) error) (outcome, error) {
	o, err := gather(opts)
	if err != nil {
		return outcome{}, err
	}
	for attempt := 1; ; attempt++ {
		done, err := try(ctx, st, o.command, fn)
		var lost *lostError
		if !errors.As(err, &lost) {
			return done, err
		}
		if attempt == o.attempts {
			return outcome{}, fmt.Errorf("gave up after attempt %d: %w", attempt, lost.conflict)
		}
		if err := backoff.Sleep(ctx, backoff.Delay(attempt, firstWait, longestWait)); err != nil {
			return outcome{}, err
		}
	}
}

func gather(opts []Option) (options, error) {
	o := options{attempts: 10}
	for _, opt := range opts {
		opt(&o)
	}
	if o.attempts < 1 {
		return o, event.Invalid("attempts", "are %d; one is the least", o.attempts)
	}
	if o.named && o.command.IsZero() {
		return o, event.Invalid("command id", "is missing; without one, leave WithCommandID out")
	}
	return o, nil
}

// lostError is a conflict of the commit, which another attempt may mend.
type lostError struct{ conflict error }

func (e *lostError) Error() string { return e.conflict.Error() }

func try(ctx context.Context, st *store.Store, command event.ID, fn func(*Tx) error) (outcome, error) {
	tx := &Tx{store: st, command: command, joined: map[string]any{}}
	if done, err := tx.before(ctx); err != nil || done.stored != nil {
		return done, err
	}
	if err := fn(tx); err != nil {
		return outcome{}, err
	}
	if len(tx.commit.Events) == 0 && len(tx.commit.Items) == 0 {
		return outcome{}, nil
	}
	receipt, err := st.Commit(ctx, tx.commit)
	if errors.Is(err, store.ErrConflict) {
		return outcome{}, &lostError{err}
	}
	if err != nil {
		return outcome{}, err
	}
	if receipt.Repeated {
		return tx.repeated(ctx, receipt)
	}
	for _, note := range tx.after {
		note()
	}
	return outcome{receipt: receipt}, nil
}
