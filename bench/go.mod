module github.com/oxbow-events/oxbow/bench

go 1.26.0

require (
	github.com/oxbow-events/oxbow v0.0.0
	github.com/oxbow-events/oxbow/store/filelog v0.0.0
)

require (
	github.com/google/btree v1.1.3 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	github.com/oxbow-events/oxbow => ..
	github.com/oxbow-events/oxbow/store/filelog => ../store/filelog
)
