module github.com/oxbow-events/oxbow/projection/internal/peertest

go 1.26.0

require (
	github.com/mattn/go-sqlite3 v1.14.53
	github.com/oxbow-events/oxbow v0.0.0
)

replace github.com/oxbow-events/oxbow => ../../..
