module github.com/oxbow-events/oxbow/schedule/internal/peertest

go 1.26.0

replace github.com/oxbow-events/oxbow => ../../..

require (
	github.com/netresearch/go-cron v0.9.1
	github.com/oxbow-events/oxbow v0.0.0
)
