// Package archtest is Oxbow's architecture as a test: the table of which room
// may import which. What it guarantees of the whole tree:
//
//   - The root module requires nothing: no require line, no go.sum, and every
//     import is the standard library or Oxbow.
//   - Every folder with Go files has a row in the table, and every row a folder.
//   - One Oxbow package imports another only if its row says so. Test files may
//     in addition import their own package and the rooms that are made for tests.
package archtest

// A Room is one row of the table.
type Room struct {
	// Path is a folder, "." for the root package. "examples/..." is examples
	// and all below it, except what has a row further up.
	Path string
	// Imports are the Oxbow folders that the room may import, in the same
	// notation; "..." is every folder.
	Imports []string
	// Why gives the reason for what DESIGN does not make obvious.
	Why string
}

// Table is the architecture, from what knows nobody to what knows everybody.
//
// A new package is a new row. A new import is a new entry in the importer's
// row, with its reason in Why. Features import contracts and never a driver;
// two features know each other only for a reason.
var Table = []Room{
	{
		Path:    "internal/discover",
		Imports: []string{"event"},
		Why:     "event: it tells handlers by the events they take; bus, consumers and projections share it",
	},
	{
		Path:    "internal/parked",
		Imports: []string{"event", "event/cloudevents", "store"},
		Why:     "dead letters as items, which consumer writes and deadletter shows; event/cloudevents: how their records are written",
	},
	{
		Path:    "internal/lease",
		Imports: []string{"event", "store", "internal/backoff"},
		Why:     "event, store: it shares slots by items; consumers and projections are built on it",
	},
	{
		Path:    "internal/remotestore",
		Imports: []string{"event", "store"},
		Why:     "event, store: a store served to other processes, for tests",
	},
	{Path: "internal/...", Why: "tools of the standard library's kind, which know nothing of Oxbow"},
	{Path: "tools", Why: "pins programs, holds no code"},

	// Contracts.
	{
		Path:    "event",
		Imports: []string{"internal/causation", "internal/spread"},
		Why:     "internal/causation: the key under which the bus's own contexts carry the cause of new events",
	},
	{Path: "event/cloudevents", Imports: []string{"event", "internal/..."}},
	{
		Path:    "event/cloudevents/internal/peertest",
		Imports: []string{"event", "event/cloudevents"},
		Why:     "a module of its own, tests only: the SDK of the CloudEvents project reads what we write",
	},
	{
		Path:    "event/ndjson",
		Imports: []string{"event", "event/cloudevents", "internal/..."},
		Why:     "event/cloudevents: a line may be a CloudEvent",
	},
	{Path: "topic"},
	{Path: "middleware", Imports: []string{"event", "internal/..."}},
	{
		Path:    "bus",
		Imports: []string{"event", "topic", "middleware", "internal/..."},
		Why:     "middleware: one set of them wraps the handlers of every room",
	},
	{
		Path:    "store",
		Imports: []string{"event", "topic", "internal/..."},
		Why:     "topic: a query's type patterns are topic patterns",
	},
	{Path: "store/storetest", Imports: []string{"event", "store", "internal/..."}},

	// Drivers.
	{Path: "store/memory", Imports: []string{"event", "store", "internal/..."}},
	{Path: "store/filelog", Imports: []string{"event", "store", "store/filelog/internal/...", "internal/..."}},
	{Path: "store/filelog/internal/disk"},
	{Path: "store/filelog/internal/index", Imports: []string{"event", "store/filelog/internal/disk"}},
	{Path: "store/filelog/internal/items", Imports: []string{"store"}},

	// Features.
	{
		Path:    "consumer",
		Imports: []string{"event", "store", "topic", "middleware", "internal/..."},
		Why:     "topic: a consumer may ask for topics by patterns; middleware: one set of them wraps the handlers of every room",
	},
	{
		Path:    "projection",
		Imports: []string{"event", "store", "consumer", "middleware", "internal/..."},
		Why:     "consumer: a projection is a consumer whose effect is a read model; middleware: what a panic becomes in every room",
	},
	{
		Path:    "deadletter",
		Imports: []string{"event", "event/cloudevents", "store", "consumer", "internal/..."},
		Why:     "event/cloudevents: a letter in JSON has its record as one; consumer: its tests and examples only, which park letters with one",
	},
	{
		Path:    "projection/internal/peertest",
		Imports: []string{"event", "store", "consumer", "projection"},
		Why:     "a module of its own, tests only: projections into a real database, SQLite",
	},
	{Path: "aggregate", Imports: []string{"event", "store", "internal/..."}},
	{
		Path:    "httpevent",
		Imports: []string{"event", "bus", "internal/..."},
		Why:     "bus: its tests and examples only, which publish to one; the package asks for a Publisher",
	},
	{
		Path:    "httpevent/internal/peertest",
		Imports: []string{".", "event", "bus", "store", "httpevent"},
		Why:     "a module of its own, tests only: the router chi around it, and an App that stores what it publishes",
	},
	{
		Path:    "cqrs",
		Imports: []string{"event", "store", "middleware", "internal/..."},
		Why:     "store: what commands decide is appended, and what changes an answer is read from it",
	},
	{
		Path:    "request",
		Imports: []string{"event", "topic", "bus", "middleware", "internal/..."},
		Why:     "bus: requests within a process are events on it; topic: responders listen to patterns; middleware: it wraps handlers of every kind",
	},
	{
		Path:    "request/requesttest",
		Imports: []string{"event", "request", "bus", "internal/..."},
		Why:     "bus: the suite's own tests break the driver over one",
	},

	{
		Path:    "schedule",
		Imports: []string{"event", "store", "internal/..."},
	},
	{
		Path:    "schedule/internal/peertest",
		Imports: []string{"schedule"},
		Why:     "a module of its own, tests only: another implementation reads the same cron expressions",
	},
	{
		Path:    "schema",
		Imports: []string{"event", "store", "internal/..."},
		Why:     "store: it samples what is stored",
	},
	{Path: "schema/schematest", Imports: []string{"event", "schema", "store", "internal/..."}, Why: "for users' tests"},
	{
		Path:    "schema/internal/peertest",
		Imports: []string{"event", "schema"},
		Why:     "a module of its own, tests only: a validator of JSON Schema judges what we write",
	},

	{
		Path:    "telemetry",
		Imports: []string{"event", "store", "bus", "consumer", "middleware", "httpevent", "internal/..."},
		Why:     "a module of its own: it implements the hooks that these rooms offer, and none of them knows it; httpevent: its tests only",
	},

	// What wires them.
	{Path: ".", Imports: []string{"event", "middleware", "bus", "store", "consumer", "projection", "cqrs", "request", "internal/..."}},
	{
		Path: "oxbowtest",
		Imports: []string{
			".", "event", "bus", "store", "store/memory", "consumer", "projection", "aggregate", "cqrs", "middleware", "internal/...",
		},
		Why: "for users' tests of all of these; store/memory: the store that they run on",
	},
	{
		Path:    "server",
		Imports: []string{".", "event", "event/cloudevents", "event/ndjson", "bus", "store", "deadletter", "internal/..."},
		Why:     "deadletter: those on call look after dead letters over HTTP",
	},
	{Path: "cmd/oxbow/...", Imports: []string{"..."}, Why: "the one binary: it picks the drivers and wires everything"},
	{Path: "examples/...", Imports: []string{"..."}, Why: "programs of users, who may use everything"},
	{Path: "bench/...", Imports: []string{"..."}, Why: "measures everything"},
}

// testRooms are made for tests: the test files of every room may import them.
var testRooms = []string{"store/memory", "store/storetest", "schema/schematest", "request/requesttest", "oxbowtest", "internal/..."}

// planned are the rows whose folder is still to come.
var planned []string
