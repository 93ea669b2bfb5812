package main

// works are the rows of the table.
var works = []work{
	{
		name: "append 1 event, 1 writer, p50", durability: fsynced, prepare: prepareAppend,
		targets: map[string]target{rawName: atMost(1.3)},
	},
	{
		name: "append 1 event, 64 writers", durability: fsynced, unit: rate, goal: "60,000/s", prepare: prepareWriters(64),
		targets: map[string]target{"Pebble": atLeast(3), "SQLite": atLeast(4), "NATS JetStream": atLeast(25)},
	},
	{
		name: "append 1 event, 1,024 writers", durability: fsynced, unit: rate, goal: "100,000/s", prepare: prepareWriters(1024),
	},
	{
		name: "append 100 events at once, 1 writer", durability: fsynced, unit: rate, goal: "150,000/s", prepare: prepareAppend100,
		targets: map[string]target{"Pebble": atLeast(3)},
	},
	{
		name: "append 1 event, 1 writer, not synced", durability: inFile, unit: rate, goal: "150,000/s", prepare: prepareAppendUnsynced,
		targets: map[string]target{"Pebble": atLeast(2)},
	},
	{
		name: "replay everything in order, warm", durability: inFile, unit: rate, goal: "6,000,000/s", prepare: prepareReplay,
		targets: map[string]target{"Pebble": atLeast(5)},
	},
	{
		name: "replay into typed Go structs, warm", durability: inFile, unit: rate, prepare: prepareTyped,
		targets: map[string]target{decoderName: atLeast(0.9)},
	},
	{
		name: "read one stream of 1,000 events, p50", durability: inFile, goal: "500 µs", prepare: prepareStream,
		targets: map[string]target{"Pebble": atMost(0.1)},
	},
	{
		name: "open 100,000 streams, clean end", full: "open 1,000,000 streams, clean end", durability: inFile,
		goal: "300 ms with 1,000,000", prepare: prepareOpen,
	},
	{
		name: "open 100,000 streams, after kill -9", full: "open 1,000,000 streams, after kill -9", durability: inFile,
		goal: "1 s with 1,000,000", prepare: prepareOpenKilled,
	},
	{
		name: "growth: append to 1,000,000 events, p50", full: "growth: append to 10,000,000 events, p50", durability: fsynced,
		targets: map[string]target{smallName: atMost(1.3)}, prepare: prepareGrownAppend,
	},
	{
		name: "growth: read 10 of 1,000,000 events, p50", full: "growth: read 10 of 10,000,000 events, p50", durability: inFile,
		targets: map[string]target{smallName: atMost(1.3)}, prepare: prepareGrownRead,
	},
	{
		name: "growth: read after a reboot, p50", durability: inFile,
		targets: map[string]target{smallName: atMost(1.3)}, prepare: prepareGrownReadAnew,
	},
	{
		name: "growth: open 1,000,000 events, clean end", full: "growth: open 10,000,000 events, clean end", durability: inFile,
		goal: "1 s with 10,000,000", prepare: prepareGrownOpen,
	},
	{
		name: "growth: open 1,000,000 events, kill -9", full: "growth: open 10,000,000 events, kill -9", durability: inFile,
		goal: "5 s with 10,000,000", prepare: prepareGrownOpenKilled,
	},
	{
		name: "resident memory, 100,000 streams", full: "resident memory, 1,000,000 streams", durability: inFile, unit: mebibytes,
		once: true, goal: "256 MiB with 1,000,000", prepare: prepareResident,
	},
	{
		name: "private memory, 100,000 streams", full: "private memory, 1,000,000 streams", durability: inFile, unit: mebibytes,
		once: true, prepare: preparePrivate,
	},
	{
		name: "bytes on disk per event, with indexes", durability: inFile, unit: bytes, once: true, goal: "480 B", limit: 480,
		prepare: prepareDisk,
	},
	{
		name: "publish, 1 sync subscriber", goal: "250 ns, 1 alloc", prepare: preparePublish(inSync, 1),
	},
	{
		name: "publish, 1 queued subscriber", goal: "300 ns", prepare: preparePublish(queued, 1),
	},
	{
		name: "publish, 16 queued subscribers", goal: "1,000 ns", prepare: preparePublish(queued, 16),
	},
	{
		name: "broadcast, 16 readers of one ring", goal: "300 ns", prepare: prepareBroadcast(16),
	},
	{
		name: "publish, 8 publishers, 1 sync subscriber", targets: map[string]target{onePublisher: atMost(1.5)}, prepare: preparePublishers,
	},
	{
		name: "match a topic in 1,000,000 patterns, hot", goal: "80 ns, 0 allocs", large: true, prepare: prepareTopics(1),
	},
	{
		name: "match a topic in 1,000,000 patterns, cold", goal: "3 µs, 0 allocs", large: true, prepare: prepareTopics(1_000_000),
	},
	{
		name: "memory of a pattern, 1,000,000 patterns", unit: bytes, once: true, goal: "150 B", prepare: preparePatterns,
	},
	{
		name: "request and reply, 8 callers", unit: rate, goal: "500,000/s", prepare: prepareRequests,
	},
	{
		name: "command to its handler", goal: "1 µs", prepare: prepareCommands,
	},
	{
		name: "HTTP request in middleware", goal: "bare + 2 µs, + 4 allocs", prepare: prepareHTTP,
	},
	{
		name: "consumer of records, empty handler", durability: fsynced, unit: rate, goal: "500,000/s", prepare: prepareConsumer,
	},
	{
		name: "typed consumer, empty handler", durability: fsynced, unit: rate, prepare: prepareTypedConsumer,
		targets: map[string]target{decoderName: atLeast(0.9)},
	},
	{
		name: "consumer, one item an event, once", durability: fsynced, unit: rate, goal: "50,000/s", prepare: prepareItems,
	},
	{
		name: "consumer beside 1,000,000 parked keys", durability: fsynced, unit: rate, prepare: prepareParked,
		targets: map[string]target{noneParked: atLeast(0.9)},
	},
	{
		name: "from append to handler, idle system, p99", durability: fsynced, goal: "1 ms", prepare: prepareDelivery,
	},
	{
		name: "projection rebuild, 1,000 documents", durability: fsynced, unit: rate, goal: "300,000/s", prepare: prepareRebuild,
	},
	{
		name: "timers: resident memory, 1,000,000 pending", durability: fsynced, unit: mebibytes, once: true, goal: "100 MiB",
		limit: 100 << 20, prepare: prepareTimersMemory,
	},
	{
		name: "timers: firing at 1,000/s, p99 after due", durability: fsynced, goal: "20 ms", limit: 20e6, prepare: prepareTimersFiring,
	},
}

// What has been reached when the work counts as done, by all of a row.
const (
	fsynced  = "fsynced" // survives a power cut
	inFile   = "file"    // survives the end of the process
	inMemory = "memory"
)
