package lease

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/oxbow-events/oxbow/store"
)

// View is who has what, at one time.
type View struct {
	Settings Settings
	Slots    []SlotInfo // in order of number; none before the first run
	Members  []Member   // in order of id; those that died and were not noticed yet too
}

// SlotInfo describes a slot.
type SlotInfo struct {
	Number   int
	Owner    string // id of the member that has it; "" when nobody has
	Data     json.RawMessage
	Revision uint64 // of the item; 0 when nobody ever had it
}

// Member describes a member.
type Member struct {
	ID    string
	Note  string // Config.Note
	Self  bool   // it is the run of the group that was asked
	Slots int    // how many it has
}

// Look reads who has what. It takes part in nothing.
func Look(ctx context.Context, st *store.Store, bucket, name string) (View, error) {
	s, err := load(ctx, st, bucket, name, nil)
	if err != nil {
		return View{}, fmt.Errorf("look at lease %s: %w", name, err)
	}
	return s.view(""), nil
}

// state is all items of a name.
type state struct {
	settings Settings
	revision uint64 // of the settings
	slots    []slotState
	members  map[string]memberState
}

type slotState struct {
	slotItem
	revision uint64
}

type memberState struct {
	memberItem
	revision uint64
}

// load reads the members after the slots: an owner has an item before it has a slot, so one that has none then has left or was buried.
// What is as it was in the last state, which may be nil, is not decoded again.
func load(ctx context.Context, st *store.Store, bucket, name string, last *state) (s *state, err error) {
	s = &state{members: map[string]memberState{}}
	if s.settings, s.revision, err = loadSettings(ctx, st, bucket, name); err != nil || s.settings.Slots == 0 {
		return s, err
	}
	if last == nil || len(last.slots) != s.settings.Slots {
		last = &state{slots: make([]slotState, s.settings.Slots)}
	}
	s.slots = make([]slotState, s.settings.Slots)
	err = each(ctx, st, bucket+slotBucket, name, func(item store.Item, rest string) error {
		n, err := slotNumber(rest, len(s.slots))
		if err != nil {
			return damaged(item, err)
		}
		if s.slots[n] = last.slots[n]; s.slots[n].revision == item.Revision {
			return nil
		}
		s.slots[n] = slotState{revision: item.Revision}
		return decode(item, &s.slots[n].slotItem)
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, st, bucket+memberBucket, name, func(item store.Item, rest string) error {
		m := last.members[rest]
		if m.revision != item.Revision {
			m = memberState{revision: item.Revision}
			if err := decode(item, &m.memberItem); err != nil {
				return err
			}
		}
		s.members[rest] = m
		return nil
	})
	return s, err
}

// each calls see for the name's items in the bucket, with the end of their key.
func each(ctx context.Context, st *store.Store, bucket, name string, see func(item store.Item, rest string) error) error {
	from, to := within(name)
	for item, err := range st.List(ctx, bucket, from, to) {
		if err != nil {
			return err
		}
		rest, ok := own(name, item.Key)
		if !ok {
			continue
		}
		if err := see(item, rest); err != nil {
			return err
		}
	}
	return nil
}

// owned reports whether the slot's owner is a member.
func (s *state) owned(slot int) bool {
	_, ok := s.members[s.slots[slot].Owner]
	return ok
}

// taking returns the ids of the members that take slots, in order.
func (s *state) taking() []string {
	return slices.DeleteFunc(s.ids(), func(id string) bool { return s.members[id].Leaving })
}

// ids returns those of the members, in order.
func (s *state) ids() []string {
	ids := make([]string, 0, len(s.members))
	for id := range s.members {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (s *state) view(self string) View {
	v := View{Settings: s.settings}
	have := map[string]int{}
	for n, slot := range s.slots {
		info := SlotInfo{Number: n, Data: slot.Data, Revision: slot.revision}
		if s.owned(n) {
			info.Owner = slot.Owner
			have[slot.Owner]++
		}
		v.Slots = append(v.Slots, info)
	}
	for _, id := range s.ids() {
		v.Members = append(v.Members, Member{ID: id, Note: s.members[id].Note, Self: id == self, Slots: have[id]})
	}
	return v
}
