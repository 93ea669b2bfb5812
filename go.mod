module github.com/oxbow-events/oxbow

go 1.26
