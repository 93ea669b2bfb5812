package middleware_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

func textLogger(into *strings.Builder, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(into, &slog.HandlerOptions{Level: level}))
}

func TestLoggingTellsOfEachCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id, err := event.ParseID("01890a5d-ac96-774b-bcce-b302099a8057")
		if err != nil {
			t.Fatal(err)
		}
		correlation, err := event.ParseID("first")
		if err != nil {
			t.Fatal(err)
		}
		c := newCall()
		c.Metadata.ID, c.Metadata.CorrelationID = id, correlation
		const about = "kind=command name=order.place handler=shop.place id=01890a5d-ac96-774b-bcce-b302099a8057 correlation=first attempt=1 took=2s"
		for _, x := range []struct {
			name   string
			err    error
			prefix string
			want   string
		}{
			{"success", nil, "level=DEBUG msg=handled ", about},
			{"failure", errDown, `level=WARN msg="handler failed" `, about + ` error="card service is down"`},
			{"panic", &middleware.PanicError{Value: "oops", Stack: []byte("main.go:7")}, `level=ERROR msg="handler failed" `, about + ` error="panic: oops" stack=main.go:7`},
		} {
			var out strings.Builder
			handle := middleware.Logging(middleware.LoggingConfig{Logger: textLogger(&out, slog.LevelDebug)})(func(context.Context, *middleware.Call) (any, error) {
				time.Sleep(2 * time.Second) // fake time
				return "secret", x.err
			})
			if result, err := handle(t.Context(), c); result != "secret" || err != x.err {
				t.Errorf("%s: returned %v, %v", x.name, result, err)
			}
			_, line, _ := strings.Cut(strings.TrimSpace(out.String()), " ")
			if line != x.prefix+x.want {
				t.Errorf("%s is logged as\n%s\nwant\n%s", x.name, line, x.prefix+x.want)
			}
		}
	})
}

func TestLoggingIsQuietByDefault(t *testing.T) {
	var out strings.Builder
	handle := middleware.Logging(middleware.LoggingConfig{Logger: textLogger(&out, slog.LevelInfo)})(succeed)
	if _, err := handle(t.Context(), newCall()); err != nil || out.Len() > 0 {
		t.Errorf("a success (%v) is logged at the usual level: %s", err, &out)
	}
	chosen := middleware.LoggingConfig{
		Logger: textLogger(&out, slog.LevelInfo), Success: slog.LevelInfo,
		Failure: func(err error) slog.Level {
			if errors.Is(err, errDown) {
				return slog.LevelDebug
			}
			return slog.LevelError
		},
	}
	_, _ = middleware.Logging(chosen)(succeed)(t.Context(), newCall())
	_, _ = middleware.Logging(chosen)(fail)(t.Context(), newCall())
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=INFO msg=handled") {
		t.Errorf("with levels of its own it logged\n%s", got)
	}
}

func TestLoggingTellsOfAPanicThatPassesThrough(t *testing.T) {
	for name, leave := range map[string]func(){"panic": func() { panic("oops") }, "the end of the goroutine": runtime.Goexit} {
		var out strings.Builder
		handle := middleware.Logging(middleware.LoggingConfig{Logger: textLogger(&out, slog.LevelInfo)})(func(context.Context, *middleware.Call) (any, error) {
			leave()
			return nil, nil
		})
		recovered := make(chan any, 1)
		go func() {
			defer func() { recovered <- recover() }()
			_, _ = handle(t.Context(), newCall())
		}()
		if v := <-recovered; (v == "oops") != (name == "panic") {
			t.Errorf("%s: recovered %v", name, v)
		}
		if !strings.Contains(out.String(), "level=ERROR") || !strings.Contains(out.String(), "panicked or ended its goroutine") {
			t.Errorf("%s is logged as %q", name, out.String())
		}
	}
}

func TestLoggingOfWhatIsNotWantedAllocatesNothing(t *testing.T) {
	handle := middleware.Logging(middleware.LoggingConfig{Logger: slog.New(slog.DiscardHandler)})(fail)
	c, ctx := newCall(), t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = handle(ctx, c) }); n != 0 {
		t.Errorf("what is not logged allocates %v times", n)
	}
}
