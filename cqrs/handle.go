package cqrs

import (
	"context"
	"path"
	"reflect"
	"runtime"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// HandleCommand makes fn the handler of commands of type C. There is one for each type: a second one is refused, naming both.
//
// R is the result that Send returns. If R is [Events] or an [Outcome], what fn returns is appended to the store in one commit, the
// events with the command as their cause. fn is called again when somebody else was faster, which is when a condition did not hold, or
// when fn itself returned an error that answers to store.ErrConflict; so it has no effects but through what it returns.
func HandleCommand[C, R any](b *CommandBus, fn func(context.Context, C) (R, error), opts ...Option) error {
	if fn == nil {
		return event.Invalid("handler", "is nil")
	}
	call := func(ctx context.Context, data any) (any, error) { return fn(ctx, data.(C)) }
	return b.handle(reflect.TypeFor[C](), reflect.TypeFor[R](), call, functionName(fn), opts)
}

// HandleNoResult is HandleCommand for a function without a result. Send returns [None].
func HandleNoResult[C any](b *CommandBus, fn func(context.Context, C) error, opts ...Option) error {
	if fn == nil {
		return event.Invalid("handler", "is nil")
	}
	call := func(ctx context.Context, data any) (any, error) { return None{}, fn(ctx, data.(C)) }
	return b.handle(reflect.TypeFor[C](), reflect.TypeFor[None](), call, functionName(fn), opts)
}

func (b *CommandBus) handle(data, result reflect.Type, call callFunc, name string, opts []Option) error {
	set, err := newSettings(name, opts)
	if err != nil {
		return err
	}
	if set.except != nil {
		return event.Invalid("except", "is for Register, which looks for handlers; this is one handler")
	}
	h, err := b.newCommandHandler(data, result, call, set)
	if err != nil {
		return err
	}
	return b.add(h)
}

func (b *CommandBus) newCommandHandler(data, result reflect.Type, call callFunc, set settings) (*handler, error) {
	if result.Implements(reflect.TypeFor[lasting]()) && b.store == nil {
		return nil, event.Invalid("store", "is missing, and %s returns %v; give the bus a store", set.name, result)
	}
	h, err := b.newHandler(data, result, call, set.name)
	if err != nil {
		return nil, err
	}
	h.serve, err = b.wrap(b.serve(h), set)
	return h, err
}

// functionName returns fn's name with its package: shop.(*Desk).PlaceOrder.
func functionName(fn any) string {
	name := runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name()
	return strings.TrimSuffix(path.Base(name), "-fm") // Go's mark of a method used as a function
}
