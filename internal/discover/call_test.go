package discover_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/discover"
)

type (
	commanded interface{ CommandType() string }
	queried   interface{ QueryType() string }
)

var (
	commands = discover.Kind{Noun: "command", Mark: reflect.TypeFor[commanded](), Foreign: append(discover.EventMarks(), reflect.TypeFor[queried]())}
	queries  = discover.Kind{Noun: "query", Mark: reflect.TypeFor[queried](), Foreign: append(discover.EventMarks(), reflect.TypeFor[commanded]()), Answers: true}
)

type Pay struct{ Order string }

type Marked string

func (*Marked) CommandType() string { return "marked" }

type Find struct{ Order string }

func (Find) QueryType() string { return "find" }

// One method each, called M.
type (
	does         struct{}
	answers      struct{}
	doesMarked   struct{}
	finds        struct{}
	doesPointer  struct{}
	noCtx        struct{}
	ctxLast      struct{}
	many         struct{}
	nothing      struct{}
	twoErrors    struct{}
	three        struct{}
	noError      struct{}
	moreMarked   struct{}
	markedInFace struct{}
	pointers     struct{}
	handles      struct{}
	handlesTyped struct{}
	text         struct{}
	twoStructs   struct{}
	both         struct{}
)

func (does) M(context.Context, Pay) error                   { return nil }
func (answers) M(context.Context, Pay) (int, error)         { return 0, nil }
func (doesMarked) M(context.Context, Marked) error          { return nil }
func (finds) M(context.Context, Find) (int, error)          { return 0, nil }
func (doesPointer) M(context.Context, *Pay) error           { return nil }
func (noCtx) M(Pay) (int, error)                            { return 0, nil }
func (ctxLast) M(Pay, context.Context) error                { return nil }
func (many) M(context.Context, ...Pay) error                { return nil }
func (nothing) M(context.Context, Pay)                      {}
func (twoErrors) M(context.Context, Pay) (err, also error)  { return nil, nil }
func (three) M(context.Context, Pay) (int, int, error)      { return 0, 0, nil }
func (noError) M(context.Context, Pay) int                  { return 0 }
func (moreMarked) M(context.Context, string, *Marked) error { return nil }
func (markedInFace) M(context.Context, commanded) error     { return nil }
func (pointers) M(*Pay) error                               { return nil }
func (handles) M(context.Context, event.Event[Pay]) error   { return nil }
func (handlesTyped) M(context.Context, Placed) error        { return nil }
func (text) M(context.Context, string) (int, error)         { return 0, nil }
func (twoStructs) M(context.Context, Pay, Pay) error        { return nil }
func (both) M(context.Context, context.Context, Pay) error  { return nil }

func TestCallsFindsHandlersAndRefusesWhatAlmostFits(t *testing.T) {
	const found, other = "found", "it has only M("
	for _, c := range []struct {
		x              any
		command, query string
	}{
		{does{}, found, "returns no result, and a query has one; return a result and an error"},
		{answers{}, found, found},
		{doesMarked{}, found, other},
		{finds{}, other, found},
		{doesPointer{}, "takes a pointer; take discover_test.Pay, as a value", other},
		{noCtx{}, "has no context; take a context.Context first", "has no context"},
		{ctxLast{}, "takes the context last; take it first", other},
		{many{}, "is variadic; take one command", other},
		{nothing{}, "returns nothing; return an error, or a result and an error", "returns nothing; return a result and an error"},
		{twoErrors{}, "returns something else", "returns something else"},
		{three{}, "returns something else; return an error, or a result and an error", "returns something else"},
		{noError{}, "returns something else", "returns something else"},
		{moreMarked{}, "takes a pointer; take discover_test.Marked, as a value, and takes more than a context and a command", other},
		{markedInFace{}, "takes the interface discover_test.commanded", other},
		{pointers{}, other, other},
		{handles{}, other, other},
		{handlesTyped{}, other, other},
		{text{}, other, other},
		{twoStructs{}, other, other},
		{both{}, "takes more than one context", other},
	} {
		for _, k := range []struct {
			kind discover.Kind
			want string
		}{{commands, c.command}, {queries, c.query}} {
			handlers, _, err := discover.Calls(c.x, k.kind, nil)
			if k.want == found {
				if err != nil || len(handlers) != 1 || handlers[0].Method != "M" || handlers[0].Type.Kind() == reflect.Pointer {
					t.Errorf("%s %T: found %+v, error %v", k.kind.Noun, c.x, handlers, err)
				}
				continue
			}
			if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), k.want) {
				t.Errorf("%s %T: error is %v, want it to say %q", k.kind.Noun, c.x, err, k.want)
			}
		}
	}
}

// shop has handlers of calls; one has a pointer receiver.
type shop struct{ got []any }

func (s *shop) Pay(ctx context.Context, p Pay) error {
	s.got = append(s.got, ctx, p)
	return io.EOF
}

func (s *shop) Sum(ctx context.Context, f Find) (int, error) {
	s.got = append(s.got, ctx, f)
	return 7, io.EOF
}

func TestCallOfACallGivesTheMethodWhatItTakes(t *testing.T) {
	s := &shop{}
	done, others, err := discover.Calls(s, commands, nil)
	if err != nil || len(done) != 1 || done[0].Result != nil || len(others) != 1 {
		t.Fatalf("commands are %+v, others %q, error %v", done, others, err)
	}
	asked, _, err := discover.Calls(s, queries, []string{"Pay"})
	if err != nil || len(asked) != 1 || asked[0].Result != reflect.TypeFor[int]() {
		t.Fatalf("queries are %+v, error %v", asked, err)
	}
	if result, err := done[0].Call(t.Context(), Pay{"7"}); result != nil || err != io.EOF {
		t.Errorf("Pay returned %v, %v", result, err)
	}
	if result, err := asked[0].Call(t.Context(), Find{"7"}); result != 7 || err != io.EOF {
		t.Errorf("Sum returned %v, %v", result, err)
	}
	if want := []any{t.Context(), Pay{"7"}, t.Context(), Find{"7"}}; !reflect.DeepEqual(s.got, want) {
		t.Errorf("the methods got %+v, want %+v", s.got, want)
	}
	_, _, err = discover.Calls(shop{}, commands, nil)
	if err == nil || !strings.Contains(err.Error(), "Pay(context.Context, discover_test.Pay) error: has a pointer receiver") {
		t.Errorf("error is %v", err)
	}
}
