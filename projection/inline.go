package projection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// ErrNotBuilt means that an inline projection's documents are not those that this program's handlers keep: there were events before it,
// its version or its indexes are others. Its Run or Rebuild builds them.
var ErrNotBuilt = errors.New("the documents are not built")

// Inlined is a projection whose documents change with the commit of the events: a *Projection with Config.Inline.
type Inlined interface {
	Name() string
	checkInline() error
	registry() *event.Registry
	inline(ctx context.Context, records []event.Record) (effect, error)
	owns(conflict *store.ConflictError) bool
}

// Committer writes commits: a *store.Store, or an *oxbow.App, which delivers the events to subscriptions too. An error beside a
// receipt is about what came after the commit.
type Committer interface {
	Commit(ctx context.Context, c store.Commit) (store.Receipt, error)
}

// Inline writes commits together with the documents that their events change, so that whoever reads after Commit sees what it wrote. It
// is a Committer too. Its methods may be called at the same time.
//
// All events of the types that the projections handle must be written through it, by every process: those that were not are missing in
// the documents until a rebuild. Handlers see events without position and revision, which they get only when they are committed.
type Inline struct {
	to   Committer
	list []Inlined
}

// NewInline returns what commits to a store and keeps the projections' documents. They must be over that store.
func NewInline(to Committer, projections ...Inlined) (*Inline, error) {
	if len(projections) == 0 {
		return nil, event.Invalid("projections", "there are none; pass those with Config.Inline")
	}
	names := map[string]bool{}
	for _, p := range projections {
		if err := p.checkInline(); err != nil {
			return nil, err
		}
		if names[p.Name()] {
			return nil, event.Invalid("projections", "%s is there twice", p.Name())
		}
		names[p.Name()] = true
	}
	return &Inline{to, projections}, nil
}

// Append makes events of data as [store.Store.Append] does, and commits them.
func (in *Inline) Append(ctx context.Context, data ...any) (store.Receipt, error) {
	records := make([]event.Record, len(data))
	for i, d := range data {
		e, err := event.New(ctx, d)
		if err != nil {
			return store.Receipt{}, fmt.Errorf("append %T: %w", d, err)
		}
		if records[i], err = in.list[0].registry().Encode(e); err != nil {
			return store.Receipt{}, fmt.Errorf("append: %w", err)
		}
	}
	return in.Commit(ctx, store.Commit{Events: records})
}

const (
	inlineAttempts = 50               // of one commit, when others changed the same documents
	fenceLimit     = 10 * time.Second // after which a fence is taken for left behind
)

// effect is what the events of a commit do to the documents of one projection.
type effect struct {
	items      []store.ItemWrite
	conditions []store.Condition
}

// Commit writes the commit with what its events change in documents, all or nothing. When somebody else changed a document meanwhile, the
// handlers are called again with what it is now. A handler's error is returned, and nothing is written. Errors answer to ErrNotBuilt
// while a projection's documents are another version's.
func (in *Inline) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	complete(c.Events)
	for attempt := 1; ; attempt++ {
		whole, err := in.with(ctx, c)
		if err != nil {
			return store.Receipt{}, err
		}
		receipt, err := in.to.Commit(ctx, whole)
		if err == nil || receipt.Durability != 0 || attempt == inlineAttempts || !in.ours(err) {
			return receipt, err
		}
		if err := backoff.Sleep(ctx, backoff.Full(attempt, time.Millisecond, 50*time.Millisecond)); err != nil {
			return store.Receipt{}, err
		}
	}
}

// with returns the commit with the effects of its events.
func (in *Inline) with(ctx context.Context, c store.Commit) (store.Commit, error) {
	c.Items, c.Conditions = slices.Clone(c.Items), slices.Clone(c.Conditions)
	for _, p := range in.list {
		e, err := p.inline(ctx, c.Events)
		if err != nil {
			return c, fmt.Errorf("inline projection %s: %w", p.Name(), err)
		}
		c.Items, c.Conditions = append(c.Items, e.items...), append(c.Conditions, e.conditions...)
	}
	return c, nil
}

func (in *Inline) ours(err error) bool {
	conflict, ok := errors.AsType[*store.ConflictError](err)
	return ok && slices.ContainsFunc(in.list, func(p Inlined) bool { return p.owns(conflict) })
}

// complete gives records what the store would give them, before handlers see them.
func complete(records []event.Record) {
	for i := range records {
		r := &records[i]
		if r.ID.IsZero() {
			r.ID = event.NewID()
		}
		if r.Time.IsZero() {
			r.Time = now()
		}
		if r.CorrelationID.IsZero() {
			r.CorrelationID = r.ID
		}
		r.Version = r.SchemaVersion()
	}
}

func (p *Projection[D]) registry() *event.Registry { return p.store.Registry() }

func (p *Projection[D]) checkInline() error {
	if err := p.check(); err != nil {
		return err
	}
	if !p.cfg.Inline {
		return fmt.Errorf("projection %s: %w", p.name, event.Invalid("Inline", "is false; set it in the projection's Config"))
	}
	return nil
}

// owns reports whether a conflict is about the projection's documents or their state.
func (p *Projection[D]) owns(c *store.ConflictError) bool {
	switch {
	case c.Bucket == inlineBucket:
		return c.Key == p.name
	case c.Bucket != "":
		return strings.HasPrefix(c.Bucket, Bucket+"/"+p.name+"/")
	default: // the condition that there were no events before the first commit
		return c.Stream == "" && c.ID == "" && c.GotPosition > 0
	}
}

// inlineBucket is where inline projections keep what their commits need to know.
const inlineBucket = Bucket + ".inline"

// inlineState says which documents commits change. Whoever changes it makes all commits under way begin again.
type inlineState struct {
	Live     generation `json:"live"`
	Fenced   bool       `json:"fenced,omitempty"` // commits wait: a rebuild is about to switch
	revision uint64
}

func (p *Projection[D]) loadInline(ctx context.Context) (inlineState, error) {
	item, err := p.store.Get(ctx, inlineBucket, p.name)
	if err != nil || item.Revision == 0 {
		return inlineState{}, err
	}
	s := inlineState{revision: item.Revision}
	if err := json.Unmarshal(item.Value, &s); err != nil {
		return inlineState{}, fmt.Errorf("item %q in %q: %w: %w", item.Key, item.Bucket, store.ErrDamaged, err)
	}
	return s, nil
}

func (p *Projection[D]) inlineWrite(s inlineState) (store.ItemWrite, error) {
	value, err := json.Marshal(s)
	return store.Put(inlineBucket, p.name, value), err
}

// inline applies the records to the documents as they are now.
func (p *Projection[D]) inline(ctx context.Context, records []event.Record) (effect, error) {
	wanted := slices.DeleteFunc(slices.Clone(records), func(r event.Record) bool { return !store.MatchAny(p.handlers.filters(), &r) })
	if len(wanted) == 0 {
		return effect{}, nil
	}
	s, err := p.unfenced(ctx)
	if err != nil {
		return effect{}, err
	}
	var e effect
	if s.revision == 0 {
		if e, s, err = p.first(ctx); err != nil {
			return effect{}, err
		}
	}
	if s.Live.Version != p.cfg.Version || !slices.Equal(s.Live.Indexes, p.indexNames()) {
		return effect{}, fmt.Errorf("%w: they are of version %d with indexes %q, this program's of version %d with %q; Run or Rebuild it",
			ErrNotBuilt, s.Live.Version, s.Live.Indexes, p.cfg.Version, p.indexNames())
	}
	docs := p.docs(&s.Live)
	if err := p.applyInline(ctx, docs, wanted); err != nil {
		return effect{}, err
	}
	writes, err := docs.writes(ctx)
	if err != nil {
		return effect{}, err
	}
	e.items = append(e.items, writes...)
	e.conditions = append(append(e.conditions, store.ItemAt(inlineBucket, p.name, s.revision)), docs.seen()...)
	return e, nil
}

// applyInline calls the handlers once. They are not tried again: the caller of Commit is there to do that.
func (p *Projection[D]) applyInline(ctx context.Context, docs *Docs[D], records []event.Record) error {
	part := &part[*Docs[D]]{records: records}
	p.handlers.decode(part)
	for i := range records {
		r := &records[i]
		if err := p.handlers.apply(event.WithCause(ctx, r.Cause()), docs, part, i); err != nil {
			return fmt.Errorf("%s in %q: %w", r.Type, r.Stream, err)
		}
	}
	return nil
}

// first returns what makes the state of a projection that has none, if there are no events yet that it should know.
func (p *Projection[D]) first(ctx context.Context) (effect, inlineState, error) {
	filters := p.conditionFilters()
	for r, err := range p.store.Read(ctx, store.Query{Any: filters, Limit: 1}) {
		if err != nil {
			return effect{}, inlineState{}, err
		}
		return effect{}, inlineState{}, fmt.Errorf("%w: there are events from before it, the first at position %d; Run or Rebuild it",
			ErrNotBuilt, r.Position)
	}
	s := inlineState{Live: generation{Version: p.cfg.Version, Indexes: p.indexNames(), Begun: now()}}
	write, err := p.inlineWrite(s)
	return effect{[]store.ItemWrite{write}, []store.Condition{store.NoneAfter(0, filters...)}}, s, err
}

// conditionFilters returns what the handlers are for, also when that is every event.
func (p *Projection[D]) conditionFilters() []store.Filter {
	if filters := p.handlers.filters(); filters != nil {
		return filters
	}
	return []store.Filter{{}}
}

// unfenced returns the state once it is not fenced, and takes away a fence whose owner seems to have died: it is only there to let a
// rebuild catch up, and never what keeps documents right.
func (p *Projection[D]) unfenced(ctx context.Context) (inlineState, error) {
	var fence uint64
	var since time.Time
	for {
		s, err := p.loadInline(ctx)
		if err != nil || !s.Fenced {
			return s, err
		}
		if s.revision != fence {
			fence, since = s.revision, time.Now()
		}
		if time.Since(since) >= fenceLimit {
			s.Fenced = false
			if err := p.putInline(ctx, s); err != nil && !errors.Is(err, store.ErrConflict) {
				return s, err
			}
			continue
		}
		if err := backoff.Sleep(ctx, 5*time.Millisecond); err != nil {
			return s, err
		}
	}
}

func (p *Projection[D]) putInline(ctx context.Context, s inlineState) error {
	write, err := p.inlineWrite(s)
	if err != nil {
		return err
	}
	_, err = p.store.Commit(ctx, store.Commit{
		Items:      []store.ItemWrite{write},
		Conditions: []store.Condition{store.ItemAt(inlineBucket, p.name, s.revision)},
	})
	return err
}

// lookInline takes over what commits have as the live documents.
func (w *work[D]) lookInline(ctx context.Context) error {
	s, err := w.loadInline(ctx)
	if err == nil {
		w.inline, w.state.Live = s, s.Live
	}
	return err
}

// optimism is how often a rebuild tries to switch between two commits before it fences them off.
const optimism = 5

// switchInline makes the next generation the one that commits change, if no event came since it was brought to the head.
func (w *work[D]) switchInline(ctx context.Context) error {
	if w.tries++; w.tries > optimism && !w.inline.Fenced && w.inline.revision > 0 {
		s := w.inline
		s.Fenced = true
		return w.saveInline(ctx, w.state.clone(), s)
	}
	reached := w.state.Next.Position
	s := w.state.clone()
	s.switchOver()
	err := w.saveInline(ctx, s, inlineState{Live: s.Live, revision: w.inline.revision}, store.NoneAfter(reached, w.conditionFilters()...))
	if err != nil {
		return err
	}
	w.tries = 0
	w.reached.touch()
	return nil
}

func (w *work[D]) saveInline(ctx context.Context, s *state, in inlineState, conditions ...store.Condition) error {
	write, err := w.inlineWrite(in)
	if err != nil {
		return err
	}
	conditions = append(conditions, store.ItemAt(inlineBucket, w.name, in.revision))
	return w.save(ctx, s, []store.ItemWrite{write}, conditions...)
}
