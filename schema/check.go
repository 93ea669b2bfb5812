package schema

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// CheckConfig is how Check works; the zero CheckConfig does.
type CheckConfig struct {
	Sampling
	// MayLose names fields whose loss or change is meant, by the type they are read as: {"order.placed": {"legacy", "lines[].note"}}.
	// What is inside of them may be lost too. Default none.
	MayLose map[string][]string
	// Ignore are types that are stored and of no concern to this program. Default none.
	Ignore []string
}

// maxKept is how many failures and losses of one type and version a report describes; it counts the rest.
const maxKept = 10

// Check samples the records of each stored type and version, and takes them round: lifted and decoded into their registered Go
// type, encoded again, decoded again. A report says what failed, what was not the same after the second time, which stored
// fields were lost or changed on the way, and which types are registered nowhere. Nothing is written.
//
// What an upcaster leaves out is its own affair: fields are compared from what it returned. Only JSON is looked into for fields.
//
// The registry is the store's. Register every event type and add every upcaster before, as the program does. The error is that
// of reading; what Check found is [Report.Err]'s.
func Check(ctx context.Context, st *store.Store, cfg CheckConfig) (Report, error) {
	samples, seed, err := Sample(ctx, st, cfg.Sampling)
	if err != nil {
		return Report{Seed: seed}, fmt.Errorf("check upcasters: %w", err)
	}
	report := Report{Seed: seed}
	for _, s := range samples {
		if slices.Contains(cfg.Ignore, s.Schema.Type) {
			continue
		}
		c := checker{reg: st.Registry(), cfg: &cfg, schemas: map[reflect.Type]*node{}}
		report.Stored = append(report.Stored, c.check(s))
	}
	return report, nil
}

// checker checks what is stored of one type and version.
type checker struct {
	reg     *event.Registry
	cfg     *CheckConfig
	schemas map[reflect.Type]*node // nil: there is none
	result  Stored
}

func (c *checker) check(s Sampled) Stored {
	c.result = Stored{Schema: s.Schema, Records: s.Records, First: s.First, Last: s.Last, Sampled: len(s.Sample)}
	for _, r := range s.Sample {
		if err := c.record(r); err != nil {
			c.fail(r, err)
		}
	}
	slices.SortFunc(c.result.ReadAs, compareSchemas)
	slices.SortFunc(c.result.Lost, func(a, b Loss) int { return cmp.Compare(a.Field, b.Field) })
	return c.result
}

func (c *checker) fail(r event.Record, err error) {
	c.result.Failed++
	if len(c.result.Failures) < maxKept {
		c.result.Failures = append(c.result.Failures, Failure{Position: r.Position, Stream: r.Stream, ID: r.ID, Err: err})
	}
}

// record takes one record round. A panic of the program's own methods is a failure.
func (c *checker) record(r event.Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panicked: %v\n%s", v, debug.Stack())
		}
	}()
	lifted, err := c.reg.Lift(r)
	if err != nil {
		return err
	}
	readAs := event.Schema{Type: lifted.Type, Version: lifted.Version}
	if !slices.Contains(c.result.ReadAs, readAs) {
		c.result.ReadAs = append(c.result.ReadAs, readAs)
	}
	goType, ok := c.reg.Types()[lifted.Type]
	if !ok {
		if !slices.Contains(c.result.Unregistered, lifted.Type) && !slices.Contains(c.cfg.Ignore, lifted.Type) {
			c.result.Unregistered = append(c.result.Unregistered, lifted.Type)
		}
		return nil
	}
	return c.round(lifted, goType)
}

func (c *checker) round(lifted event.Record, goType reflect.Type) error {
	first, err := c.reg.Decode(lifted)
	if err != nil {
		return err
	}
	if lifted.Data == nil {
		return nil // an event without data stays one
	}
	encoded, err := c.reg.Encode(first)
	if err != nil {
		return err
	}
	second, err := c.reg.Decode(encoded)
	if err != nil {
		return fmt.Errorf("read what was written again: %w", err)
	}
	again, err := c.reg.Encode(second)
	if err != nil {
		return fmt.Errorf("write it a second time: %w", err)
	}
	if !reflect.DeepEqual(first.Data, second.Data) && string(encoded.Data) != string(again.Data) {
		return fmt.Errorf("%v is not the same after it was written and read again: first %s, then %s", goType, excerpt(encoded.Data), excerpt(again.Data))
	}
	if event.IsJSON(lifted.ContentType) {
		c.compare(lifted, encoded.Data, goType)
	}
	return nil
}

// excerpt returns the beginning of a text for a message.
func excerpt(text []byte) string {
	const limit = 200
	if len(text) <= limit {
		return string(text)
	}
	return strings.ToValidUTF8(string(text[:limit]), "") + "…"
}

// compare notes what is in the JSON that was read and not in the JSON that was written.
func (c *checker) compare(read event.Record, written []byte, goType reflect.Type) {
	if _, ok := c.schemas[goType]; !ok {
		n, err := generate(goType, "")
		if err != nil {
			n = nil // then a field counts as lost even if it holds an empty value
		}
		c.schemas[goType] = n
	}
	for _, l := range losses(read.Data, written, c.schemas[goType]) {
		if mayLose(c.cfg.MayLose[read.Type], l.Field) {
			continue
		}
		c.lose(read, l)
	}
}

func (c *checker) lose(r event.Record, l Loss) {
	i := slices.IndexFunc(c.result.Lost, func(other Loss) bool { return other.Field == l.Field && other.What == l.What })
	if i >= 0 {
		c.result.Lost[i].Records++
		return
	}
	if len(c.result.Lost) == maxKept {
		c.result.More++
		return
	}
	l.Records, l.Position, l.Stream = 1, r.Position, r.Stream
	c.result.Lost = append(c.result.Lost, l)
}
