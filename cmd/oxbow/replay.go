package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// replayFlags say where to and how fast.
type replayFlags struct {
	filterFlags
	to     string
	speed  string
	maxGap time.Duration
}

func (c *cli) replayCommand() *cobra.Command {
	var f replayFlags
	command := &cobra.Command{
		Use:   "replay",
		Short: "Send stored events again, in order",
		Long: `Sends the events that match all flags once more, in order, as CloudEvents: to standard output, one a line, or with --to as one
HTTP POST each to a webhook or another Oxbow. Nothing in the store changes.

The events keep their ids, times and streams, so that a receiver which has handled one already can tell. Each POST must be answered
with a 2xx before the next is sent; one that fails is tried again a few times, then the replay stops and says where to go on.

--speed 1x keeps the pace of the events' own times, 10x is ten times as fast, max does not wait. --max-gap shortens long pauses.`,
		Example: `  oxbow replay --stream order-42
  oxbow replay --type order.placed --speed 10x --max-gap 5s
  oxbow replay --after 1000 --to http://127.0.0.1:7071/v1/events`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.replay(command.Context(), &f)
		},
	}
	f.bind(c, command)
	f.bindRange(command)
	flags := command.Flags()
	flags.StringVar(&f.to, "to", "", "POST each event to this URL")
	flags.StringVar(&f.speed, "speed", "max", "how fast: 1x, 10x, 0.5x, max")
	flags.DurationVar(&f.maxGap, "max-gap", 0, "wait no longer than this between two events; 0 is without limit")
	_ = command.RegisterFlagCompletionFunc("speed", cobra.FixedCompletions([]string{"1x", "10x", "max"}, cobra.ShellCompDirectiveNoFileComp))
	return command
}

func (c *cli) replay(ctx context.Context, f *replayFlags) error {
	q, err := f.query()
	if err != nil {
		return err
	}
	pace, err := f.pace()
	if err != nil {
		return err
	}
	out, err := c.replayTarget(f.to, pace.speed > 0)
	if err != nil {
		return err
	}
	b, err := c.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer b.Close()
	n, err := c.replayEach(ctx, b, q, &pace, out)
	if err != nil {
		return err
	}
	return out.done(n)
}

// replayTarget is where a replay goes.
type replayTarget struct {
	send     func(ctx context.Context, r *event.Record) error
	done     func(n int) error // after n were sent
	progress io.Writer         // where it can be shown without disturbing
}

func (c *cli) replayTarget(to string, paced bool) (replayTarget, error) {
	if to == "" {
		return c.replayToOutput(paced), nil
	}
	hook, err := backend.NewHook(to)
	if err != nil {
		return replayTarget{}, wrongFlag("to", "%v", err)
	}
	done := func(n int) error {
		c.note(fmt.Sprintf("sent %s to %s", counted(n, "event"), to))
		return nil
	}
	return replayTarget{send: hook.Send, done: done, progress: c.progressTo()}, nil
}

func (c *cli) replayToOutput(paced bool) replayTarget {
	p := cloudEventPrinter{c.output()}
	send := func(_ context.Context, r *event.Record) error {
		if err := p.Print(*r); err != nil || !paced {
			return err
		}
		return p.Flush()
	}
	target := replayTarget{send: send, done: func(int) error { return p.Flush() }, progress: io.Discard}
	if screen.Terminal(c.out) == nil {
		target.progress = c.progressTo()
	}
	return target
}

func (c *cli) replayEach(ctx context.Context, b backend.Backend, q store.Query, pace *pace, out replayTarget) (n int, err error) {
	head, err := b.Head(ctx)
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	bar := screen.NewProgress(out.progress, "replay", int64(head), screen.Events)
	defer bar.Done()
	last := q.After
	for r, err := range b.Read(ctx, q) {
		if err == nil {
			err = pace.wait(ctx, r.Time)
		}
		if err == nil {
			err = out.send(ctx, &r)
		}
		if err != nil {
			return n, replayStopped(n, last, err)
		}
		bar.Set(int64(r.Position))
		last = r.Position
		n++
	}
	return n, nil
}

func replayStopped(n int, last store.Position, err error) error {
	if n == 0 {
		return fmt.Errorf("replay: %w", err)
	}
	return fmt.Errorf("replay: %w; %s sent until then, to go on add --after %d", err, counted(n, "event"), last)
}

// pace says when the next event is due.
type pace struct {
	speed  float64 // 0: at once
	maxGap time.Duration

	due      time.Time // of the event before
	previous time.Time // when it happened
}

func (f *replayFlags) pace() (pace, error) {
	if f.maxGap < 0 {
		return pace{}, wrongFlag("max-gap", "is %v", f.maxGap)
	}
	if f.speed == "max" {
		return pace{}, nil
	}
	speed, err := strconv.ParseFloat(strings.TrimSuffix(f.speed, "x"), 64)
	if err != nil || !(speed >= 0.001 && speed <= 1e6) {
		return pace{}, wrongFlag("speed", "%q is neither max nor a factor as in 1x, 10x or 0.5x", f.speed)
	}
	return pace{speed: speed, maxGap: f.maxGap}, nil
}

// wait returns when an event that happened then is due. An event older than the one before it is due at once.
func (p *pace) wait(ctx context.Context, happened time.Time) error {
	if p.speed == 0 {
		return ctx.Err()
	}
	if p.due.IsZero() {
		p.due = time.Now()
	} else {
		p.due = p.due.Add(p.gap(happened.Sub(p.previous)))
	}
	p.previous = happened
	return backoff.Sleep(ctx, time.Until(p.due))
}

func (p *pace) gap(gap time.Duration) time.Duration {
	const farthest = 1 << 62 // about 146 years, so that no sum overflows
	gap = time.Duration(min(float64(max(gap, 0))/p.speed, farthest))
	if p.maxGap > 0 {
		return min(gap, p.maxGap)
	}
	return gap
}
