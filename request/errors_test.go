package request_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

var errUnknown = errors.New("price unknown")

type stockError struct{ Left int }

func (e *stockError) Error() string { return "sold out" }

// refuse has a responder called pricing return err, and returns what the asker gets.
func refuse(t *testing.T, cfg request.Config, err error) (*request.Error, error) {
	t.Helper()
	c, _ := over(t, cfg)
	handle(t, c, func(context.Context, PriceAsked) (Price, error) { return Price{}, err }, request.Named("pricing"))
	_, got := ask(t, c)
	var typed *request.Error
	if !errors.As(got, &typed) {
		t.Fatalf("the asker got %v, want a *request.Error", got)
	}
	return typed, got
}

func TestAHandlersErrorArrivesTyped(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"any":        {errUnknown, request.CodeFailed},
		"registered": {errors.Join(errUnknown, errors.New("more")), "shop.price.unknown"},
		"invalid":    {event.Invalid("sku", "is empty"), request.CodeInvalid},
		"deadline":   {context.DeadlineExceeded, request.CodeDeadline},
		"canceled":   {context.Canceled, request.CodeCanceled},
		"busy below": {request.ErrBusy, request.CodeBusy},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := request.Config{}
			if name == "registered" {
				cfg.Codes = map[string]error{"shop.price.unknown": errUnknown, "shop.stock": errors.New("another")}
			}
			typed, err := refuse(t, cfg, c.err)
			if typed.Code != c.code || typed.Responder != "pricing" || typed.Message != c.err.Error() {
				t.Errorf("the error is %+v", typed)
			}
			expectError(t, err, c.err)
			if want := "request price.asked: pricing: " + c.err.Error(); err.Error() != want {
				t.Errorf("it reads %q, want %q", err, want)
			}
		})
	}
	_, err := refuse(t, request.Config{}, &stockError{Left: 3})
	var stock *stockError
	if !errors.As(err, &stock) || stock.Left != 3 {
		t.Errorf("errors.As does not find the handler's error in %v", err)
	}
}

func TestAHandlerChoosesCodeAndDetails(t *testing.T) {
	own := &request.Error{Code: "shop.sold.out", Message: "sold out", Details: map[string]string{"until": "Monday"}}
	typed, _ := refuse(t, request.Config{}, own)
	if typed.Code != own.Code || typed.Message != own.Message || typed.Details["until"] != "Monday" || typed.Responder != "pricing" {
		t.Errorf("the error is %+v", typed)
	}
	if own.Responder != "" {
		t.Error("the handler's own error was changed")
	}
}

func TestAPanicIsAnErrorAndItsStackStaysWithTheResponder(t *testing.T) {
	var told reports
	c, _ := over(t, request.Config{OnError: told.note})
	handle(t, c, func(context.Context, PriceAsked) (Price, error) { panic("the secret") }, request.Named("pricing"))
	_, err := ask(t, c)
	var typed *request.Error
	if !errors.As(err, &typed) || typed.Code != request.CodePanic {
		t.Fatalf("the asker got %v", err)
	}
	if text := err.Error(); strings.Contains(text, "secret") || strings.Contains(text, ".go") {
		t.Errorf("the error's text tells what the handler did: %q", text)
	}
	var within, reported *bus.PanicError
	if !errors.As(err, &within) || within.Value != "the secret" {
		t.Error("within the process, errors.As does not find the panic")
	}
	if !errors.As(told.all(), &reported) || !strings.Contains(string(reported.Stack), "errors_test.go") {
		t.Errorf("OnError was told %v, want the panic with its stack", told.all())
	}
	if _, err := ask(t, c); err == nil {
		t.Error("the responder does not go on")
	}
}

type panicky struct{}

func (*panicky) Error() string   { panic("in Error") }
func (*panicky) Is(error) bool   { panic("in Is") }
func (p *panicky) Unwrap() error { panic("in Unwrap") }

func TestHostileErrorsAreErrors(t *testing.T) {
	var none *stockError
	var nothing *request.Error
	for name, err := range map[string]error{
		"typed nil": none, "typed nil of ours": nothing, "methods that panic": &panicky{},
	} {
		t.Run(name, func(t *testing.T) {
			var told reports
			if typed, _ := refuse(t, request.Config{OnError: told.note}, err); typed.Code == "" || typed.Responder != "pricing" {
				t.Errorf("the error is %+v", typed)
			}
		})
	}
}

func TestAHandlerThatEndsItsGoroutineIsGone(t *testing.T) {
	c, _ := over(t, request.Config{})
	r := handle(t, c, func(context.Context, PriceAsked) (Price, error) { runtime.Goexit(); return Price{}, nil })
	_, err := ask(t, c)
	expectError(t, err, request.ErrGone)
	if err := r.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if s := r.Stats(); s.Failed != 1 {
		t.Errorf("the responder has %+v", s)
	}
}

func TestAnErrorOfAnErrorKeepsItsCode(t *testing.T) {
	c, _ := over(t, request.Config{Codes: map[string]error{"shop.price.unknown": errUnknown}})
	type TotalAsked struct{}
	handle(t, c, func(context.Context, PriceAsked) (Price, error) { return Price{}, errUnknown }, request.Named("pricing"))
	handle(t, c, func(ctx context.Context, _ TotalAsked) (int, error) {
		_, err := request.Do[Price](ctx, c, PriceAsked{"oak"})
		return 0, err
	}, request.Named("totals"))
	_, err := request.Do[int](t.Context(), c, TotalAsked{})
	expectError(t, err, errUnknown)
	var typed *request.Error
	if !errors.As(err, &typed) || typed.Code != "shop.price.unknown" || typed.Responder != "totals" {
		t.Errorf("the error is %+v", typed)
	}
	if want := "request total.asked: totals: request price.asked: pricing: price unknown"; err.Error() != want {
		t.Errorf("it reads %q, want %q", err, want)
	}
}
