package topic

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
)

// How much a Set remembers.
const (
	maxAnswers = 8192 // answers
	maxValues  = 64   // values in an answer
	maxSights  = 4096 // topics that were asked for once
	minAnswers = 16   // answers it has room for at first
	reach      = 8    // places where the answer to a topic may be, one after the other
)

// recent keeps the answers to topics that were asked for at least twice since the last change of the Set. Each change
// throws it away and begins another, so it never holds an old answer.
type recent[V any] struct {
	sights  *sights
	epoch   uint32 // tells sights in this recent from those in others
	kept    atomic.Int32
	answers atomic.Pointer[[]atomic.Pointer[answer[V]]] // nil, or a power of two many
}

type answer[V any] struct {
	hash   uint64
	topic  string
	values []V
}

// sights remembers roughly which topics were asked for lately: they take each other's places, by chance. While many
// different topics pass by, few are still remembered when they come again, and so little effort is lost on keeping
// answers that nobody will need.
type sights [maxSights]atomic.Uint32

// find returns the answer to topic, or nil.
func (r *recent[V]) find(hash uint64, topic string) *answer[V] {
	answers := r.answers.Load()
	if answers == nil {
		return nil
	}
	last := uint64(len(*answers) - 1)
	for i := hash; i < hash+reach; i++ {
		a := (*answers)[i&last].Load()
		if a == nil {
			return nil
		}
		if a.hash == hash && a.topic == topic {
			return a
		}
	}
	return nil
}

// again reports whether it is remembered that a topic with this hash was asked for, and may remember it from now on.
func (r *recent[V]) again(hash uint64) bool {
	sight := &r.sights[hash%maxSights]
	mark := uint32(hash>>32) ^ r.epoch*0x9e3779b1
	if sight.Load() == mark {
		return true
	}
	if rand.Uint32()%2 == 0 { // always would let two topics that come in turn drive each other out forever
		sight.Store(mark)
	}
	return false
}

// keep remembers the answer to topic if it is short enough.
func (r *recent[V]) keep(hash uint64, topic string, values []V) {
	if len(values) > maxValues {
		return
	}
	place(r.room(), &answer[V]{hash: hash, topic: strings.Clone(topic), values: slices.Clone(values)})
}

// place puts a into the first free place within reach, or else takes the first from another.
func place[V any](answers []atomic.Pointer[answer[V]], a *answer[V]) {
	last := uint64(len(answers) - 1)
	for i := a.hash; i < a.hash+reach; i++ {
		if answers[i&last].CompareAndSwap(nil, a) {
			return
		}
	}
	answers[a.hash&last].Store(a)
}

// room returns the places for answers: twice as many as before when about half of them are taken.
func (r *recent[V]) room() []atomic.Pointer[answer[V]] {
	old := r.answers.Load()
	if old == nil {
		return r.grow(nil, minAnswers)
	}
	if int(r.kept.Add(1)) > len(*old)/2 && len(*old) < maxAnswers {
		return r.grow(old, 2*len(*old))
	}
	return *old
}

// grow moves the answers to a new list. When several callers do so at once, one list stays; the answers lost with
// the others are kept when they are asked for again.
func (r *recent[V]) grow(old *[]atomic.Pointer[answer[V]], size int) []atomic.Pointer[answer[V]] {
	grown := make([]atomic.Pointer[answer[V]], size)
	if old != nil {
		for i := range *old {
			if a := (*old)[i].Load(); a != nil {
				place(grown, a)
			}
		}
	}
	r.answers.CompareAndSwap(old, &grown)
	return *r.answers.Load()
}
