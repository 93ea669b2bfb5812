package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// delivery is a line of the input, decoded here by encoding/json alone.
type delivery struct {
	Event, Action string
	Payload       json.RawMessage
}

func parse(t *testing.T, deliveries []byte) (parsed []delivery) {
	t.Helper()
	for line := range bytes.Lines(deliveries) {
		var d delivery
		if err := json.Unmarshal(line, &d); err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, d)
	}
	return parsed
}

// at returns what stands in the payload under a path of names, nil when nothing does.
func (d delivery) at(t *testing.T, path ...string) (value any) {
	t.Helper()
	if err := json.Unmarshal(d.Payload, &value); err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func (d delivery) repository(t *testing.T) string {
	if name, ok := d.at(t, "repository", "full_name").(string); ok {
		return name
	}
	return "(no repository)"
}

func (d delivery) tag(t *testing.T) string {
	tag, _ := d.at(t, "release", "tag_name").(string)
	return tag
}

// counted counts what the read model should hold, in the simplest way there is.
func counted(t *testing.T, deliveries []byte) map[string]Repository {
	model := map[string]Repository{}
	for _, d := range parse(t, deliveries) {
		key := d.repository(t)
		repo, ok := model[key]
		if !ok {
			repo = Repository{Events: map[string]int{}}
		}
		repo.Events["github."+d.Event]++
		switch d.Event {
		case "push":
			commits, _ := d.at(t, "commits").([]any)
			repo.Commits += len(commits)
		case "issues":
			state, _ := d.at(t, "issue", "state").(string)
			if d.Action == "deleted" || d.Action == "transferred" {
				state = d.Action
			}
			if repo.Issues == nil {
				repo.Issues = map[int]string{}
			}
			if state != "" {
				repo.Issues[int(d.at(t, "issue", "number").(float64))] = state
			}
		case "pull_request":
			if repo.PullRequests == nil {
				repo.PullRequests = map[int]Pull{}
			}
			if d.at(t, "pull_request", "merged") == true {
				t.Fatal("a pull request was merged, which this count does not know")
			}
			opened, err := time.Parse(time.RFC3339, d.at(t, "pull_request", "created_at").(string))
			if err != nil {
				t.Fatal(err)
			}
			state := d.at(t, "pull_request", "state").(string)
			repo.PullRequests[int(d.at(t, "pull_request", "number").(float64))] = Pull{State: state, Opened: opened}
		}
		model[key] = repo
	}
	return model
}

func same(t *testing.T, got, want map[string]Repository) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d repositories, want %d", len(got), len(want))
	}
	for key := range want {
		if !reflect.DeepEqual(got[key], want[key]) {
			t.Errorf("%s:\n got %+v\nwant %+v", key, got[key], want[key])
		}
	}
}

func TestReadModelIsWhatCountingTheFileGives(t *testing.T) {
	for label, deliveries := range inputs(t) {
		t.Run(label, func(t *testing.T) {
			got, out := process(t, newMemory(t), deliveries)
			same(t, got, counted(t, deliveries))
			if !strings.Contains(out, fmt.Sprintf("imported %d events", len(parse(t, deliveries)))) || !strings.Contains(out, "byte for byte") {
				t.Errorf("printed:\n%s", out)
			}
		})
	}
}

// pull returns a delivery about pull request number of a/b.
func pull(number int, action, state, merged string) string {
	return fmt.Sprintf(`{"event":"pull_request","action":%q,"payload":{"action":%[1]q,"repository":{"full_name":"a/b"},`+
		`"pull_request":{"number":%d,"state":%q,"merged":%t,"created_at":"2026-01-02T03:00:00Z","merged_at":%s}}}`+"\n",
		action, number, state, merged != "null", merged)
}

func TestPullRequestsCountByTheirLastState(t *testing.T) {
	opened := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for label, c := range map[string]struct {
		deliveries []string
		want       map[int]Pull
		median     time.Duration
	}{
		"opened, closed, reopened": {
			[]string{pull(1, "opened", "open", "null"), pull(1, "closed", "closed", "null"), pull(1, "reopened", "open", "null")},
			map[int]Pull{1: {State: "open", Opened: opened}},
			0,
		},
		"closed twice": {
			[]string{pull(1, "closed", "closed", "null"), pull(1, "closed", "closed", "null")},
			map[int]Pull{1: {State: "closed", Opened: opened}},
			0,
		},
		"merged, then labeled": {
			[]string{
				pull(1, "opened", "open", "null"), pull(1, "closed", "closed", `"2026-01-02T04:30:00Z"`),
				pull(1, "labeled", "closed", `"2026-01-02T04:30:00Z"`),
			},
			map[int]Pull{1: {State: "merged", Opened: opened, Merged: opened.Add(90 * time.Minute)}},
			90 * time.Minute,
		},
		"merged without having been seen before": {
			[]string{pull(7, "closed", "closed", `"2026-01-02T03:00:10+00:00"`)},
			map[int]Pull{7: {State: "merged", Opened: opened, Merged: opened.Add(10 * time.Second)}},
			10 * time.Second,
		},
		"several": {
			[]string{
				pull(1, "closed", "closed", `"2026-01-02T04:00:00Z"`), pull(2, "opened", "open", "null"),
				pull(3, "closed", "closed", `"2026-01-02T06:00:00Z"`), pull(4, "closed", "closed", "null"),
			},
			map[int]Pull{
				1: {State: "merged", Opened: opened, Merged: opened.Add(time.Hour)}, 2: {State: "open", Opened: opened},
				3: {State: "merged", Opened: opened, Merged: opened.Add(3 * time.Hour)}, 4: {State: "closed", Opened: opened},
			},
			2 * time.Hour,
		},
		"three merged": {
			[]string{
				pull(1, "closed", "closed", `"2026-01-02T13:00:00Z"`), pull(2, "closed", "closed", `"2026-01-02T04:00:00Z"`),
				pull(3, "closed", "closed", `"2026-01-02T08:00:00Z"`),
			},
			map[int]Pull{
				1: {State: "merged", Opened: opened, Merged: opened.Add(10 * time.Hour)},
				2: {State: "merged", Opened: opened, Merged: opened.Add(time.Hour)},
				3: {State: "merged", Opened: opened, Merged: opened.Add(5 * time.Hour)},
			},
			5 * time.Hour,
		},
	} {
		t.Run(label, func(t *testing.T) {
			model, out := process(t, newMemory(t), []byte(strings.Join(c.deliveries, "")))
			repo := model["a/b"]
			if !reflect.DeepEqual(repo.PullRequests, c.want) {
				t.Errorf("got %+v, want %+v", repo.PullRequests, c.want)
			}
			median, ok := repo.timeToMerge()
			if median != c.median || ok != (c.median > 0) {
				t.Errorf("the median time to merge is %v, %t; want %v", median, ok, c.median)
			}
			if ok && !strings.Contains(out, " "+median.String()+" ") {
				t.Errorf("the table does not show %v:\n%s", median, out)
			}
		})
	}
}

func TestIssuesCountByTheirLastState(t *testing.T) {
	var deliveries strings.Builder
	for _, d := range []struct {
		number        int
		action, state string
	}{
		{1, "opened", `"open"`},
		{1, "pinned", "null"}, // says nothing about the state
		{2, "opened", `"open"`},
		{2, "deleted", `"open"`},
		{3, "opened", `"open"`},
		{3, "transferred", `"open"`},
		{4, "closed", `"closed"`},
		{4, "reopened", `"open"`},
		{5, "opened", `"open"`},
		{5, "closed", `"closed"`},
	} {
		fmt.Fprintf(&deliveries, `{"event":"issues","action":%q,"payload":{"action":%[1]q,"repository":{"full_name":"a/b"},`+
			`"issue":{"number":%d,"state":%s}}}`+"\n", d.action, d.number, d.state)
	}
	model, _ := process(t, newMemory(t), []byte(deliveries.String()))
	want := map[int]string{1: "open", 2: "deleted", 3: "transferred", 4: "open", 5: "closed"}
	if repo := model["a/b"]; !reflect.DeepEqual(repo.Issues, want) || repo.openIssues() != 2 {
		t.Errorf("%d issues are open, all are %v; want %v", repo.openIssues(), repo.Issues, want)
	}
}
