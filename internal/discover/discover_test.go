package discover_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/discover"
)

type Paid struct{ Order string }

type Shutdown struct{}

type Placed struct{ order string } // its method says that it is an event

func (Placed) EventType() string { return "shop.placed" }
func (p Placed) String() string  { return p.order }

type Renamed string

func (Renamed) EventType() string { return "thing.renamed" }

type Labelled struct{ Name string }

func (*Labelled) EventTags() []string { return nil }

type Of[T any] struct{ Value T }

type Namely interface{ EventType() string }

// One method each, called M.
type (
	data           struct{}
	envelope       struct{}
	empty          struct{}
	unexported     struct{}
	notStruct      struct{}
	notStructs     struct{}
	pointerMarked  struct{}
	noContext      struct{}
	noContextEvent struct{}
	noResult       struct{}
	wrongResult    struct{}
	extraResult    struct{}
	swapped        struct{}
	pointer        struct{}
	pointerEvent   struct{}
	eventOfPointer struct{}
	eventOfAny     struct{}
	variadic       struct{}
	slice          struct{}
	extra          struct{}
	extraFirst     struct{}
	record         struct{}
	interfaced     struct{}
	generic        struct{}
	unnamed        struct{}
	twice          struct{}
	marked         struct{}

	bare       struct{}
	runs       struct{}
	closes     struct{}
	serves     struct{}
	counts     struct{}
	waits      struct{}
	reads      struct{}
	loads      struct{}
	keeps      struct{}
	saves      struct{}
	savesAll   struct{}
	savesWith  struct{}
	savesUnder struct{}
	describes  struct{}
	applies    struct{}
	begins     struct{}
	plainMap   struct{}
	identified struct{}
	anonymous  struct{}
)

func (data) M(context.Context, Paid) error                                { return nil }
func (envelope) M(context.Context, event.Event[Paid]) error               { return nil }
func (empty) M(context.Context, Shutdown) error                           { return nil }
func (unexported) M(context.Context, Placed) error                        { return nil }
func (notStruct) M(context.Context, Renamed) error                        { return nil }
func (notStructs) M(context.Context, event.Event[Renamed]) error          { return nil }
func (pointerMarked) M(context.Context, Labelled) error                   { return nil }
func (noContext) M(Paid) error                                            { return nil }
func (noContextEvent) M(event.Event[Paid])                                {}
func (noResult) M(context.Context, Paid)                                  {}
func (wrongResult) M(context.Context, Paid) bool                          { return true }
func (extraResult) M(context.Context, Paid) (int, error)                  { return 0, nil }
func (swapped) M(Paid, context.Context) error                             { return nil }
func (pointer) M(context.Context, *Paid) error                            { return nil }
func (pointerEvent) M(context.Context, *event.Event[Paid]) error          { return nil }
func (eventOfPointer) M(context.Context, event.Event[*Paid]) error        { return nil }
func (eventOfAny) M(context.Context, event.Event[any]) error              { return nil }
func (variadic) M(context.Context, ...Paid) error                         { return nil }
func (slice) M(context.Context, []event.Event[Paid]) error                { return nil }
func (extra) M(context.Context, event.Event[Paid], int) error             { return nil }
func (extraFirst) M(context.Context, string, *Placed) (bool, error)       { return false, nil }
func (record) M(context.Context, event.Record) error                      { return nil }
func (interfaced) M(context.Context, Namely) error                        { return nil }
func (generic) M(context.Context, Of[Paid]) error                         { return nil }
func (unnamed) M(context.Context, event.Event[map[string]any]) error      { return nil }
func (twice) M(context.Context, context.Context, event.Event[Paid]) error { return nil }
func (bare) M()                                                           {}
func (runs) M(context.Context) error                                      { return nil }
func (closes) M() error                                                   { return nil }
func (serves) M(http.ResponseWriter, *http.Request)                       {}
func (counts) M(context.Context, string) (int, error)                     { return 0, nil }
func (waits) M(context.Context, time.Time) error                          { return nil }
func (reads) M(context.Context, io.Reader) error                          { return nil }
func (loads) M(context.Context, *Paid) (int, error)                       { return 0, nil }
func (keeps) M(Paid)                                                      {}
func (saves) M(*Paid) error                                               { return nil }
func (savesAll) M(context.Context, []Paid) error                          { return nil }
func (savesWith) M(context.Context, Paid, int) error                      { return nil }
func (savesUnder) M(context.Context, string, Paid) error                  { return nil }
func (describes) M(context.Context, event.Metadata) error                 { return nil }
func (marked) M(Labelled)                                                 {}
func (applies) M(Paid) (int, error)                                       { return 0, nil }
func (begins) M(func(context.Context, Paid) error)                        {}
func (plainMap) M(context.Context, map[string]any) error                  { return nil }
func (identified) M(context.Context, event.ID) error                      { return nil }
func (anonymous) M(context.Context, struct{ Order string }) error         { return nil }

func TestMethodsThatAreHandlersAreFound(t *testing.T) {
	for _, c := range []struct {
		x    any
		want reflect.Type
	}{
		{data{}, reflect.TypeFor[Paid]()},
		{&data{}, reflect.TypeFor[Paid]()},
		{envelope{}, reflect.TypeFor[Paid]()},
		{empty{}, reflect.TypeFor[Shutdown]()},
		{unexported{}, reflect.TypeFor[Placed]()},
		{notStruct{}, reflect.TypeFor[Renamed]()},
		{notStructs{}, reflect.TypeFor[Renamed]()},
		{pointerMarked{}, reflect.TypeFor[Labelled]()},
		{struct{ data }{}, reflect.TypeFor[Paid]()},
	} {
		found, err := discover.Handlers(c.x, nil)
		if err != nil || len(found.Handlers) != 1 || found.Handlers[0].Type != c.want || found.Handlers[0].Method != "M" {
			t.Errorf("%T: found %+v, error %v; want a handler of %v", c.x, found, err, c.want)
		}
	}
}

func TestMethodsThatAlmostFitAreRefused(t *testing.T) {
	for _, c := range []struct {
		x    any
		want string
	}{
		{noContext{}, "M(discover_test.Paid) error: has no context; take a context.Context first"},
		{noContextEvent{}, "has no context; take a context.Context first, and returns nothing; return an error"},
		{noResult{}, "returns nothing; return an error"},
		{wrongResult{}, "returns something else; return an error and nothing more"},
		{extraResult{}, "returns something else; return an error and nothing more"},
		{swapped{}, "takes the context last; take it first"},
		{pointer{}, "takes a pointer; events are values, so take discover_test.Paid"},
		{pointerEvent{}, "takes a pointer; events are values, so take event.Event[discover_test.Paid]"},
		{eventOfPointer{}, "takes an event of a pointer; take event.Event[discover_test.Paid]"},
		{eventOfAny{}, `SubscribeTopic("**", …)`},
		{variadic{}, "is variadic; take one event"},
		{slice{}, "takes a slice; take one event"},
		{extra{}, "takes more than a context and an event; keep the rest in the receiver"},
		{extraFirst{}, "takes a pointer; events are values, so take discover_test.Placed, and takes more than"},
		{record{}, "takes a record; take event.Event[T]"},
		{interfaced{}, "takes the interface discover_test.Namely; take the type that has it"},
		{generic{}, "has no name to make an event type of"},
		{unnamed{}, "has no name to make an event type of"},
		{marked{}, "has no context; take a context.Context first, and returns nothing"},
		{twice{}, "takes more than one context; take one"},
	} {
		_, err := discover.Handlers(c.x, nil)
		var misfits *discover.MisfitError
		if !errors.As(err, &misfits) || len(misfits.Misfits) != 1 || !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%T: error is %v, want a misfit", c.x, err)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "\tM(") {
			t.Errorf("%T: message is %q, want it to say %q", c.x, err, c.want)
		}
	}
}

func TestMethodsThatAreSomethingElseAreLeftAlone(t *testing.T) {
	for _, x := range []any{
		bare{},
		runs{},
		closes{},
		serves{},
		counts{},
		waits{},
		reads{},
		loads{},
		keeps{},
		saves{},
		savesAll{},
		savesWith{},
		savesUnder{},
		describes{},
		applies{},
		begins{},
		plainMap{},
		identified{},
		anonymous{},
	} {
		_, err := discover.Handlers(x, nil)
		if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "has no handlers") || !strings.Contains(err.Error(), "it has only M(") {
			t.Errorf("%T: error is %v, want that it has only other methods", x, err)
		}
	}
}

// desk has handlers and others; those with a star have a pointer receiver.
type desk struct{ got []any }

func (d *desk) Data(ctx context.Context, e Paid) error {
	d.got = append(d.got, ctx, e)
	return nil
}

func (d *desk) Event(ctx context.Context, e event.Event[Paid]) error {
	d.got = append(d.got, ctx, e)
	return io.EOF
}

func (d *desk) Query(context.Context, Paid) (int, error) { return 0, nil }
func (d desk) Name() string                              { return "desk" }

func TestCallGivesTheMethodWhatItTakes(t *testing.T) {
	d := &desk{}
	found, err := discover.Handlers(d, []string{"Query"})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Others) != 2 || found.Others[0] != "Name() string" || len(found.Handlers) != 2 {
		t.Fatalf("found %+v", found)
	}
	e, err := event.New(t.Context(), Paid{"42"}, event.WithTags("a"))
	if err != nil {
		t.Fatal(err)
	}
	e.Place = event.Place{Stream: "s", Revision: 2, Position: 3}
	typed, _ := event.As[Paid](e)

	if err := found.Handlers[0].Call(t.Context(), e); err != nil {
		t.Errorf("Data returned %v", err)
	}
	if err := found.Handlers[1].Call(t.Context(), e); err != io.EOF {
		t.Errorf("Event returned %v, want the method's error", err)
	}
	if want := []any{t.Context(), Paid{"42"}, t.Context(), typed}; !reflect.DeepEqual(d.got, want) {
		t.Errorf("the methods got %+v, want %+v", d.got, want)
	}
}

func TestHandlersOfThePointerAreNotMissed(t *testing.T) {
	_, err := discover.Handlers(desk{}, []string{})
	var misfits *discover.MisfitError
	if !errors.As(err, &misfits) || strings.Join(misfits.Methods(), " ") != "Data Event Query" {
		t.Fatalf("error is %v", err)
	}
	if want := "Data(context.Context, discover_test.Paid) error: has a pointer receiver; pass a pointer to the value"; !strings.Contains(err.Error(), want) {
		t.Errorf("message is %q, want it to say %q", err, want)
	}
}

func TestValuesWithoutHandlersAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		x      any
		except []string
		want   string
	}{
		"nil":            {nil, nil, "value: is nil"},
		"nil pointer":    {(*desk)(nil), nil, "value: is a nil *discover_test.desk"},
		"function":       {func() {}, nil, "func() has no handlers"},
		"no methods":     {7, nil, "it has no exported methods"},
		"unknown except": {&desk{}, []string{"Query", "Quary"}, "except: *discover_test.desk has no exported method Quary"},
		"all excepted":   {&desk{}, []string{"Query", "Data", "Event"}, "*discover_test.desk has no handlers"},
	} {
		_, err := discover.Handlers(c.x, c.except)
		if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want it to say %q", name, err, c.want)
		}
	}
}
