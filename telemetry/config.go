package telemetry

import (
	"log/slog"
	"net/http"

	"github.com/oxbow-events/oxbow/event"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// Config says where telemetry goes and what is in it. The zero Config uses OpenTelemetry's global providers, which record nothing
// until a program sets them.
type Config struct {
	TracerProvider trace.TracerProvider // default: the global one
	MeterProvider  metric.MeterProvider // default: the global one
	Logger         *slog.Logger         // gets the lines of LogEvents, with service and trace added as by Handler; default slog.Default()
	Service        Service              // what the lines say of the service; give the same to Resource

	// LogEvents asks for a line about each publish, append, delivery, handling, command, query and request: at level Debug when it went
	// well, Warn when it failed or will be retried, and Error when a record is given up. Default: no line.
	LogEvents bool

	// Names asks for topics and streams in spans and lines, and for paths in HTTP spans. They may say whom they are about, as
	// user-42 does. Default: none.
	Names bool

	// MaxNames is how many event types, how many handlers, how many kinds of errors and how many HTTP routes metrics and span names
	// tell apart. Further ones are called "other". Default: 200.
	MaxNames int

	// ErrorText returns what spans and lines say of an error. Default: its text, at most 1,024 bytes of it.
	ErrorText func(error) string

	// Route returns the route of an HTTP request after it was served, such as /orders/{id}; "" when there is none. Default: the pattern
	// that http.ServeMux matched.
	Route func(*http.Request) string

	// PublicHTTP says that HTTP requests come from strangers: their trace is linked, and not gone on with. Default: it is gone on with.
	PublicHTTP bool
}

// Service is what a process is and where it runs. Empty fields are left out.
type Service struct {
	Name        string // such as shop
	Version     string // such as 1.4.0
	Instance    string // tells instances of the same service apart
	Environment string // such as production
	Stack       string // the product or system that it is a part of
	Layer       string // such as edge, domain or data
	Cluster     string // where it runs
	Mesh        string // the service mesh that joins it to others
}

const defaultMaxNames = 200

func (cfg *Config) check() error {
	if cfg.MaxNames < 0 {
		return event.Invalid("MaxNames", "is %d; leave it 0 for %d", cfg.MaxNames, defaultMaxNames)
	}
	return cfg.Service.check()
}

const maxServiceText = 255 // bytes

func (s *Service) check() error {
	for _, f := range s.fields() {
		field := "Service." + f.goName
		if len(f.value) > maxServiceText {
			return event.Invalid(field, "is %d bytes long, the limit is %d", len(f.value), maxServiceText)
		}
		if err := event.CheckText(field, f.value); err != nil {
			return err
		}
	}
	return nil
}
