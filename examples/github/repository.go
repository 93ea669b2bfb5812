package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

// Repository is the read model: what is known about one repository.
type Repository struct {
	Events       map[string]int // how many there were of each type
	PullRequests map[int]Pull   // by number; many events are about the same one, and the last of them counts
	Issues       map[int]string // state by number: open, closed, deleted or transferred
	Commits      int            // pushed
}

// Pull is what the last event said about a pull request.
type Pull struct {
	State  string // open, closed or merged
	Opened time.Time
	Merged time.Time `json:",omitzero"`
}

// newRepositories returns the projection that keeps a Repository for each.
func newRepositories(st *store.Store) (*projection.Projection[Repository], error) {
	p, err := projection.New[Repository](st, "repositories", projection.Config{})
	if err != nil {
		return nil, err
	}
	projection.OnAny(p, count)
	projection.On(p, pullRequest)
	projection.On(p, issue)
	projection.On(p, push)
	return p, nil
}

// name returns the key of the document that an event changes: the import gives each repository a stream.
func name(stream string) string {
	repository, ok := strings.CutPrefix(stream, "repo-")
	if !ok {
		return "(no repository)"
	}
	return repository
}

func count(ctx context.Context, docs *projection.Docs[Repository], r event.Record) error {
	return docs.Update(ctx, name(r.Stream), func(repo *Repository) {
		if repo.Events == nil {
			repo.Events = map[string]int{}
		}
		repo.Events[r.Type]++
	})
}

func pullRequest(ctx context.Context, docs *projection.Docs[Repository], e event.Event[PullRequest]) error {
	pr := e.Data.PullRequest
	pull := Pull{State: pr.State, Opened: pr.CreatedAt}
	if pr.Merged {
		pull.State, pull.Merged = "merged", pr.MergedAt
	}
	return docs.Update(ctx, name(e.Stream), func(repo *Repository) {
		if repo.PullRequests == nil {
			repo.PullRequests = map[int]Pull{}
		}
		repo.PullRequests[pr.Number] = pull
	})
}

func issue(ctx context.Context, docs *projection.Docs[Repository], e event.Event[Issue]) error {
	state := e.Data.Issue.State
	if action := e.Data.Action; action == "deleted" || action == "transferred" {
		state = action
	}
	if state == "" { // not every delivery tells
		return nil
	}
	return docs.Update(ctx, name(e.Stream), func(repo *Repository) {
		if repo.Issues == nil {
			repo.Issues = map[int]string{}
		}
		repo.Issues[e.Data.Issue.Number] = state
	})
}

func push(ctx context.Context, docs *projection.Docs[Repository], e event.Event[Push]) error {
	return docs.Update(ctx, name(e.Stream), func(repo *Repository) { repo.Commits += len(e.Data.Commits) })
}

// pulls returns how many pull requests are in a state.
func (repo Repository) pulls(state string) (n int) {
	for _, pull := range repo.PullRequests {
		if pull.State == state {
			n++
		}
	}
	return n
}

func (repo Repository) openIssues() (n int) {
	for _, state := range repo.Issues {
		if state == "open" {
			n++
		}
	}
	return n
}

// timeToMerge returns the median time from opened to merged; ok is false when nothing was merged.
func (repo Repository) timeToMerge() (median time.Duration, ok bool) {
	var took []time.Duration
	for _, pull := range repo.PullRequests {
		if pull.State == "merged" {
			took = append(took, pull.Merged.Sub(pull.Opened))
		}
	}
	if len(took) == 0 {
		return 0, false
	}
	slices.Sort(took)
	return (took[(len(took)-1)/2] + took[len(took)/2]) / 2, true
}
