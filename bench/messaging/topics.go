//go:build peers

package messaging

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/nats-io/nats-server/v2/server"
)

var sublist = Index{
	Name: "NATS sublist", Does: "of the NATS server, with its cache of 1,024 subjects",
	New: func() Patterns { return &natsSublist{list: server.NewSublistWithCache()} },
}

type natsSublist struct{ list *server.Sublist }

// Add makes what Insert takes by reflection, since its type has no name outside of the server.
func (s *natsSublist) Add(pattern string, _ int) error {
	insert := reflect.ValueOf(s.list.Insert)
	sub := reflect.New(insert.Type().In(0).Elem())
	subject := sub.Elem().FieldByName("subject")
	text := []byte(strings.TrimSuffix(pattern, "**"))
	if len(text) < len(pattern) {
		text = append(text, '>')
	}
	*(*[]byte)(subject.Addr().UnsafePointer()) = text
	err, _ := insert.Call([]reflect.Value{sub})[0].Interface().(error)
	return err
}

func (s *natsSublist) Match(topic string) { s.list.Match(topic) }

func (s *natsSublist) Count(topic string) int {
	return reflect.ValueOf(s.list.Match(topic)).Elem().FieldByName("psubs").Len()
}

var mochi = Index{
	Name: "mochi-mqtt", Does: "its index of topic filters",
	New: func() Patterns { return mochiIndex{mqtt.NewTopicsIndex()} },
}

type mochiIndex struct{ index *mqtt.TopicsIndex }

var toMQTT = strings.NewReplacer(".", "/", "**", "#", "*", "+")

func (x mochiIndex) Add(pattern string, number int) error {
	x.index.Subscribe(strconv.Itoa(number), packets.Subscription{Filter: toMQTT.Replace(pattern)})
	return nil
}

func (x mochiIndex) Match(topic string) { x.index.Subscribers(strings.ReplaceAll(topic, ".", "/")) }

func (x mochiIndex) Count(topic string) int {
	return len(x.index.Subscribers(strings.ReplaceAll(topic, ".", "/")).Subscriptions)
}
