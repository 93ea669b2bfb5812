package telemetry

import (
	"github.com/oxbow-events/oxbow/event"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// The spans of events follow OpenTelemetry's semantic conventions for messaging spans as of version 1.43 (package semconv/v1.43.0;
// https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/), which are in development. The destination is the
// event's type: topics and streams may name people and have no bound.

// system is messaging.system.
const system = "oxbow"

// What the conventions for messaging have no name for.
const (
	attemptKey  = attribute.Key("oxbow.attempt")
	positionKey = attribute.Key("oxbow.position")
	topicKey    = attribute.Key("oxbow.topic")
	streamKey   = attribute.Key("oxbow.stream")
	afterKey    = attribute.Key("oxbow.retry.after") // seconds
	repeatedKey = attribute.Key("oxbow.repeated")
	itemsKey    = attribute.Key("oxbow.items")
)

// about returns what spans say of one event.
func (t *Telemetry) about(operation string, kind attribute.KeyValue, m *event.Metadata) []attribute.KeyValue {
	if t.silent {
		return nil
	}
	attrs := make([]attribute.KeyValue, 0, 10)
	attrs = append(attrs,
		semconv.MessagingSystemKey.String(system),
		semconv.MessagingOperationName(operation),
		kind,
		semconv.MessagingDestinationName(clip(m.Type)),
		semconv.MessagingMessageID(m.ID.String()),
	)
	if !m.CorrelationID.IsZero() {
		attrs = append(attrs, semconv.MessagingMessageConversationID(m.CorrelationID.String()))
	}
	if t.cfg.Names && m.Topic != "" {
		attrs = append(attrs, topicKey.String(clip(m.Topic)))
	}
	return attrs
}

// link returns a link to a span, none when it is not valid.
func link(sc trace.SpanContext) []trace.Link {
	if !sc.IsValid() {
		return nil
	}
	return []trace.Link{{SpanContext: sc}}
}
