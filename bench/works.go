package main

// works are the rows of the table.
var works = []work{
	{
		name: "append 1 event, 1 writer, p50", durability: "fsynced", target: "at most 1.3 times the peer",
		peer: "400 bytes appended to a file, fdatasync", prepare: prepareAppend,
	},
	{
		name: "append 1 event, 64 writers", durability: "fsynced", target: "60,000/s", rate: true,
		peer: "400 bytes appended to a file, fdatasync, by 1 writer", prepare: prepareAppend64,
	},
	{
		name: "append 100 events at once, 1 writer", durability: "fsynced", target: "150,000/s", rate: true,
		peer: "40,000 bytes appended to a file, fdatasync", prepare: prepareAppend100,
	},
	{
		name: "append 1 event, 1 writer, not synced", durability: "file", target: "150,000/s", rate: true,
		peer: "400 bytes appended to a file", prepare: prepareAppendUnsynced,
	},
	{
		name: "replay everything in order, warm", durability: "-", target: "6,000,000/s", rate: true,
		peer: "frames of 400 bytes read from a file, CRC-32C checked", prepare: prepareReplay,
	},
	{
		name: "open 200,000 events, 1,000 streams", durability: "-", target: "300 ms with 1,000,000 streams",
		peer: "the same files read into memory", prepare: prepareOpen,
	},
	{
		name: "publish on the bus, 1 sync subscriber", durability: "-", target: "250 ns",
		peer: "function called through an atomic slice, no metadata", prepare: preparePublish,
	},
	{
		name: "match a topic among 1,000,000 patterns, hot", durability: "-", target: "80 ns",
		peer: "the topic looked up in a Go map of as many", prepare: prepareTopics(1),
	},
	{
		name: "match a topic among 1,000,000 patterns, cold", durability: "-", target: "3,000 ns",
		peer: "the topic looked up in a Go map of as many", prepare: prepareTopics(1_000_000),
	},
	{
		name: "consumer of records, empty handler", durability: "memory", target: "500,000/s", rate: true,
		peer: "the same records read in a loop", prepare: prepareConsumer,
	},
}
