package ndjson

// Mapping says how a line of JSON becomes a record. Each target but Tags and Data takes templates, of which the first that fits
// a line is taken.
type Mapping struct {
	Type          []string // the event type; a line that no template fits is refused
	Topic         []string // default: none, which means the type
	Stream        []string // default: the type
	ID            []string // default: an id made of the line, the same each time that the input is read
	Time          []string // RFC 3339, or seconds since 1970; default: none, and storing fills in now
	Source        []string // default: none, as for the rest
	Subject       []string
	CorrelationID []string
	CausationID   []string
	UserID        []string
	Tags          []string // each makes a tag of its own, on the lines that it fits
	Data          string   // path of the data: payload, or payload.order; default: the whole line
}

// GitHub maps webhook deliveries of GitHub, one a line: {"event": …, "action": …, "payload": {…}}, where event is what GitHub
// sends in the header X-GitHub-Event. A pull request that was opened has the type github.pull_request, the topic
// github.pull_request.opened, and the repository's stream: repo-octo-org/octo-repo.
func GitHub() Mapping {
	return Mapping{
		Type:  []string{"github.{event}"},
		Topic: []string{"github.{event}.{action}"},
		Stream: []string{
			"repo-{payload.repository.full_name}",
			"org-{payload.organization.login}",
			"installation-{payload.installation.account.login}",
			"github-{event}",
		},
		Source: []string{"https://github.com"},
		Tags: []string{
			"repo:{payload.repository.full_name}",
			"org:{payload.organization.login}",
			"sender:{payload.sender.login}",
			"action:{action}",
		},
		Data: "payload",
	}
}
