package main

import "time"

// PullRequest is something that happened to a pull request. The fields are those that this program needs, the types and names
// GitHub's: https://docs.github.com/webhooks/webhook-events-and-payloads.
type PullRequest struct {
	PullRequest struct {
		Number    int
		State     string
		Merged    bool
		CreatedAt time.Time `json:"created_at"`
		MergedAt  time.Time `json:"merged_at"`
	} `json:"pull_request"`
}

// EventType returns what the import makes of GitHub's X-GitHub-Event.
func (PullRequest) EventType() string { return "github.pull_request" }

// Issue is something that happened to an issue.
type Issue struct {
	Action string
	Issue  struct {
		Number int
		State  string
	}
}

// EventType returns what the import makes of GitHub's X-GitHub-Event.
func (Issue) EventType() string { return "github.issues" }

// Push is commits that arrived, and perhaps a branch or tag that came or went.
type Push struct {
	Commits []struct{ ID string }
}

// EventType returns what the import makes of GitHub's X-GitHub-Event.
func (Push) EventType() string { return "github.push" }
