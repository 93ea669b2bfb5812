package remotestore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/oxbow-events/oxbow/event"
)

// packRecord returns a record as bytes, without its data. They have no version: both sides are the same program.
func packRecord(r *event.Record) ([]byte, error) {
	at, err := r.Time.MarshalBinary()
	if err != nil {
		return nil, err
	}
	var p packer
	for _, text := range append([]string{string(at), r.ID.String(), r.CorrelationID.String(), r.CausationID.String()}, texts(r)...) {
		p.text(text)
	}
	for _, n := range [...]uint64{uint64(r.Version), r.Revision, uint64(r.Position)} {
		p.number(n)
	}
	p.count(len(r.Tags), r.Tags == nil)
	for _, tag := range r.Tags {
		p.text(tag)
	}
	p.count(len(r.Headers), r.Headers == nil)
	for name, value := range r.Headers {
		p.text(name)
		p.text(value)
	}
	return p, nil
}

func texts(r *event.Record) (texts []string) {
	for _, field := range textFields(r) {
		texts = append(texts, *field)
	}
	return texts
}

func textFields(r *event.Record) []*string {
	return []*string{
		&r.Type, &r.Topic, &r.Source, &r.Subject, &r.UserID, &r.AggregateType, &r.AggregateID, &r.TraceParent, &r.TraceState,
		&r.ContentType, &r.DataSchema, &r.Stream,
	}
}

func unpackRecord(b []byte) (r event.Record, err error) {
	p := unpacker{rest: b}
	if err := r.Time.UnmarshalBinary([]byte(p.text())); err != nil {
		return r, fmt.Errorf("record: %w", err)
	}
	for _, id := range [...]*event.ID{&r.ID, &r.CorrelationID, &r.CausationID} {
		if *id, err = event.ParseID(p.text()); err != nil {
			return r, fmt.Errorf("record: %w", err)
		}
	}
	for _, field := range textFields(&r) {
		*field = p.text()
	}
	r.Version, r.Revision, r.Position = int(p.number()), p.number(), event.Position(p.number())
	if n, ok := p.count(); ok {
		r.Tags = slices.Grow([]string{}, n)
		for range n {
			r.Tags = append(r.Tags, p.text())
		}
	}
	if n, ok := p.count(); ok {
		r.Headers = map[string]string{}
		for range n {
			name := p.text()
			r.Headers[name] = p.text()
		}
	}
	if p.short || len(p.rest) > 0 {
		return r, errors.New("record: its bytes are not what was written")
	}
	return r, nil
}

type packer []byte

func (p *packer) number(n uint64) { *p = binary.AppendUvarint(*p, n) }

func (p *packer) text(s string) {
	p.number(uint64(len(s)))
	*p = append(*p, s...)
}

// count writes a number of elements; nil is told from none.
func (p *packer) count(n int, null bool) {
	if null {
		p.number(0)
		return
	}
	p.number(uint64(n) + 1)
}

type unpacker struct {
	rest  []byte
	short bool
}

func (p *unpacker) number() uint64 {
	n, size := binary.Uvarint(p.rest)
	if size <= 0 {
		p.short, p.rest = true, nil
		return 0
	}
	p.rest = p.rest[size:]
	return n
}

func (p *unpacker) text() string {
	n := p.number()
	if n > uint64(len(p.rest)) {
		p.short, p.rest = true, nil
		return ""
	}
	s := string(p.rest[:n])
	p.rest = p.rest[n:]
	return s
}

func (p *unpacker) count() (n int, ok bool) {
	found := p.number()
	if found > uint64(len(p.rest))+1 { // each element takes a byte at least
		p.short, p.rest = true, nil
		return 0, false
	}
	return int(found) - 1, found > 0
}
