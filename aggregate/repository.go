package aggregate

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Repository loads aggregates of one kind, and executes commands on them. Make one with New. Its methods may be called at the same
// time.
type Repository[S, C any] struct {
	store   *store.Store
	name    string
	decider Decider[S, C]
	cfg     Config
	events  map[string]bool // the event types that Evolve knows
	due     *due
}

// Config is how a repository works; the zero Config does.
type Config struct {
	Snapshots Snapshots    // default: none are taken, and none are read
	Ignore    []string     // event types, as stored or as lifted, that may be in the streams and change nothing; default none
	Logger    *slog.Logger // gets a warning for each snapshot that Run could not take; default slog.Default()
}

// Snapshots says when a snapshot is due: when there are Every events since the last one, or the oldest of them happened Age ago,
// whichever is set and comes first. Without a last one, all events count.
type Snapshots struct {
	Every int
	Age   time.Duration
	// Version is that of the code: of S, and of what Evolve makes of the events. Raise it with each change to either; snapshots of
	// other versions are not read. Default 1.
	Version int
}

// New returns the repository of the aggregates of a kind, such as "account". The events of number 42 are the stream "account-42". New
// registers the decider's events and starts nothing; see [Repository.Run].
func New[S, C any](st *store.Store, name string, d Decider[S, C], cfg Config) (*Repository[S, C], error) {
	if err := checkKind(name); err != nil {
		return nil, err
	}
	r := &Repository[S, C]{store: st, name: name, decider: d, cfg: cfg.withDefaults(), due: newDue()}
	err := d.check()
	if err == nil {
		err = cfg.check()
	}
	if err == nil {
		r.events, err = register(st.Registry(), name, d.Events)
	}
	if err != nil {
		return nil, fmt.Errorf("aggregate %s: %w", name, err)
	}
	return r, nil
}

func checkKind(name string) error {
	if err := event.CheckName("aggregate name", name); err != nil {
		return err
	}
	if strings.Contains(name, "-") {
		return event.Invalid("aggregate name", "%q has a hyphen, which ends the name in a stream's; write it as bank.account", name)
	}
	return event.CheckName("bucket", bucketOf(name))
}

func (cfg *Config) check() error {
	switch {
	case cfg.Snapshots.Every < 0:
		return event.Invalid("Snapshots.Every", "is negative")
	case cfg.Snapshots.Age < 0:
		return event.Invalid("Snapshots.Age", "is negative")
	case cfg.Snapshots.Version < 0:
		return event.Invalid("Snapshots.Version", "is negative")
	}
	for i, name := range cfg.Ignore {
		if err := event.CheckType(fmt.Sprintf("Ignore[%d]", i), name); err != nil {
			return err
		}
	}
	return nil
}

func (cfg Config) withDefaults() Config {
	cfg.Ignore = slices.Clone(cfg.Ignore)
	if cfg.Snapshots.Version == 0 {
		cfg.Snapshots.Version = 1
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return cfg
}

// register makes the registry decode the events, and returns the names of their types.
func register(reg *event.Registry, kind string, events []any) (map[string]bool, error) {
	names := map[string]bool{}
	for i, e := range events {
		field, t := fmt.Sprintf("Events[%d]", i), reflect.TypeOf(e)
		d, err := event.Describe(t)
		if err != nil {
			return nil, event.Invalid(field, "%v", err)
		}
		if d.AggregateType != "" && d.AggregateType != kind {
			return nil, event.Invalid(field, "%v says that it is about a %s, which leads it to other streams; "+
				"give it the method AggregateType() string that returns %q, or no method AggregateID", t, d.AggregateType, kind)
		}
		if err := reg.RegisterType(t); err != nil {
			return nil, event.Invalid(field, "%v", err)
		}
		names[d.Type] = true
	}
	return names, nil
}

// Stream returns the stream of an aggregate's events.
func (r *Repository[S, C]) Stream(id string) string { return r.name + "-" + id }

// stream is Stream for an id that may be bad.
func (r *Repository[S, C]) stream(id string) (string, error) {
	if err := event.CheckName("aggregate id", id); err != nil {
		return "", err
	}
	stream := r.Stream(id)
	return stream, event.CheckName("stream", stream)
}
