module github.com/oxbow-events/oxbow/store/filelog

go 1.26.0

require (
	github.com/google/btree v1.1.3
	github.com/oxbow-events/oxbow v0.0.0
	golang.org/x/sys v0.49.0
)

replace github.com/oxbow-events/oxbow => ../..
