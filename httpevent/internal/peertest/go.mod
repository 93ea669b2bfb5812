module github.com/oxbow-events/oxbow/httpevent/internal/peertest

go 1.26.0

require (
	github.com/go-chi/chi/v5 v5.5.0
	github.com/oxbow-events/oxbow v0.0.0
)

replace github.com/oxbow-events/oxbow => ../../..
