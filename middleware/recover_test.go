package middleware_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/middleware"
)

func TestRecoverMakesAPanicAnError(t *testing.T) {
	for name, value := range map[string]any{"error": errDown, "text": "nil map", "nil": nil} {
		t.Run(name, func(t *testing.T) {
			handle := middleware.Recover()(func(context.Context, *middleware.Call) (any, error) { panic(value) })
			result, err := handle(t.Context(), newCall())
			var panicked *middleware.PanicError
			if !errors.As(err, &panicked) || result != nil {
				t.Fatalf("a panic became %v, %v", result, err)
			}
			if value != nil && panicked.Value != value || !strings.Contains(string(panicked.Stack), "recover_test.go") {
				t.Errorf("the panic's value is %v, its stack\n%s", panicked.Value, panicked.Stack)
			}
			if errors.Is(err, errDown) != (name == "error") {
				t.Errorf("%v answers to the wrong error", err)
			}
		})
	}
}

func TestRecoverLetsResultsThrough(t *testing.T) {
	if result, err := middleware.Recover()(succeed)(t.Context(), newCall()); result != "done" || err != nil {
		t.Errorf("returned %v, %v", result, err)
	}
	if _, err := middleware.Recover()(fail)(t.Context(), newCall()); err != errDown {
		t.Errorf("returned %v", err)
	}
}
