package telemetry

import (
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// Attributes of a service for which OpenTelemetry's semantic conventions 1.43 have no name.
const (
	stackKey   = attribute.Key("oxbow.stack")
	layerKey   = attribute.Key("oxbow.layer")
	clusterKey = attribute.Key("oxbow.cluster")
	meshKey    = attribute.Key("oxbow.mesh")
)

type serviceField struct {
	goName string
	key    attribute.Key
	value  string
}

func (s *Service) fields() []serviceField {
	return []serviceField{
		{"Name", semconv.ServiceNameKey, s.Name},
		{"Version", semconv.ServiceVersionKey, s.Version},
		{"Instance", semconv.ServiceInstanceIDKey, s.Instance},
		{"Environment", semconv.DeploymentEnvironmentNameKey, s.Environment},
		{"Stack", stackKey, s.Stack},
		{"Layer", layerKey, s.Layer},
		{"Cluster", clusterKey, s.Cluster},
		{"Mesh", meshKey, s.Mesh},
	}
}

// Resource returns the service as OpenTelemetry's SDK wants it, for its providers. What s does not say comes from the environment
// variables OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, or from the SDK's defaults.
func Resource(s Service) *resource.Resource {
	var attrs []attribute.KeyValue
	for _, f := range s.fields() {
		if f.value != "" {
			attrs = append(attrs, f.key.String(f.value))
		}
	}
	// A resource without a schema merges with any other, so the error, which is about schemas, cannot be.
	merged, _ := resource.Merge(resource.Default(), resource.NewSchemaless(attrs...))
	return merged
}

// attrs returns the service as attributes of log lines, under the names of the resource.
func (s *Service) attrs() (attrs []slog.Attr) {
	for _, f := range s.fields() {
		if f.value != "" {
			attrs = append(attrs, slog.String(string(f.key), f.value))
		}
	}
	return attrs
}
