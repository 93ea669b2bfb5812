//go:build !peers

package messaging

const notBuilt = "build it in with -tags peers"

var (
	natsBus          = Bus{Name: "NATS", Missing: notBuilt}
	natsRequest      = Answerer{Name: "NATS", Missing: notBuilt}
	watermillBus     = Bus{Name: "Watermill", Missing: notBuilt}
	watermillCommand = Answerer{Name: "Watermill CQRS", Missing: notBuilt}
	sublist          = Index{Name: "NATS sublist", Missing: notBuilt}
	mochi            = Index{Name: "mochi-mqtt", Missing: notBuilt}
)
