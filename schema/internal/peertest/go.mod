module github.com/oxbow-events/oxbow/schema/internal/peertest

go 1.26.0

require (
	github.com/oxbow-events/oxbow v0.0.0
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3
)

require golang.org/x/text v0.14.0 // indirect

replace github.com/oxbow-events/oxbow => ../../..
