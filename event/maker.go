package event

import (
	"context"
	"reflect"
	"slices"
)

// Maker makes events of one Go type as [New] does, with less effort: what the type says of itself was asked and checked
// when the maker was made. It is for rooms that make very many events; keep it, and use it from anywhere at the same time.
type Maker[T any] struct {
	Descriptor
	aggregate, topical, tagged bool
	plainly                    bool // New does it, since the data have more to say
	streams                    names
}

// NewMaker returns the maker of T's events. T must be a type that [Describe] knows, and no event.
func NewMaker[T any]() (*Maker[T], error) {
	t := reflect.TypeFor[T]()
	d := descriptionOf(t)
	if d.err != nil {
		return nil, d.err
	}
	asked := any(new(T))
	if _, isEvent := asked.(interface{ Untyped() Event[any] }); isEvent {
		return nil, Invalid("type", "%v is an event already; name the type of its data", t)
	}
	m := &Maker[T]{Descriptor: d.Descriptor}
	_, m.aggregate = asked.(Aggregate)
	_, m.topical = asked.(Topical)
	_, m.tagged = asked.(Tagged)
	_, validated := asked.(interface{ Validate() error })
	m.plainly = validated || d.pointer
	return m, nil
}

// Fill makes an event of e.Data in place. Nothing but the data may be set.
func (m *Maker[T]) Fill(ctx context.Context, e *Event[T]) error {
	if m.plainly {
		return m.fillPlainly(ctx, e)
	}
	at := now()
	e.ID, e.Time = newIDAt(at), utc(at)
	e.Type, e.Version, e.Stream = m.Type, m.Version, m.Type
	if err := m.ask(e); err != nil {
		return err
	}
	return e.inheritChecked(ctx)
}

func (m *Maker[T]) fillPlainly(ctx context.Context, e *Event[T]) error {
	made, err := New(ctx, e.Data)
	if err != nil {
		return err
	}
	e.Metadata, e.Place = made.Metadata, made.Place
	return nil
}

// ask has the data say what differs from event to event. It asks a pointer to them, since the data themselves would be allocated
// for it; none of the methods can change them.
func (m *Maker[T]) ask(e *Event[T]) error {
	if m.aggregate {
		e.AggregateType = m.AggregateType
		e.AggregateID = any(&e.Data).(Aggregate).AggregateID()
		if err := m.joinStream(e); err != nil {
			return err
		}
	}
	if m.topical {
		if e.Topic = any(&e.Data).(Topical).EventTopic(); e.Topic != "" {
			if err := CheckType("topic", e.Topic); err != nil {
				return err
			}
		}
	}
	if m.tagged {
		e.Tags = slices.Clone(any(&e.Data).(Tagged).EventTags())
		return e.checkTags()
	}
	return nil
}

// joinStream makes the stream of the aggregate.
func (m *Maker[T]) joinStream(e *Event[T]) error {
	if e.AggregateID == "" {
		return nil
	}
	if len(e.AggregateID) > maxText {
		return Invalid("aggregate id", "is %d bytes long, the limit is %d", len(e.AggregateID), maxText)
	}
	if err := CheckText("aggregate id", e.AggregateID); err != nil {
		return err
	}
	e.Stream = m.streams.join(e.AggregateType, e.AggregateID)
	if len(e.Stream) > MaxName {
		return CheckName("stream", e.Stream)
	}
	return nil // its parts are right, and so is the whole
}

// inheritChecked is inherit for an event whose other metadata are known to be right.
func (m *Metadata) inheritChecked(ctx context.Context) error {
	m.inherit(ctx)
	if m.UserID == "" && m.TraceParent == "" && m.TraceState == "" {
		return nil
	}
	return m.checkTexts()
}
