package filelog

import (
	"io"
	"time"
)

// What the tests of this folder need beside the exported API.

type (
	FileSystem = fileSystem
	File       = file
)

const (
	HeaderSize = headerSize
	FrameSize  = frameSize
	MagicSize  = len(magic)
)

// RealFiles is the file system that Open uses.
func RealFiles() FileSystem { return osFiles{} }

// OpenOn is Open on another file system.
func OpenOn(dir string, cfg Config, files FileSystem) (*Log, error) {
	sys := realSystem()
	sys.files = files
	return open(dir, cfg, sys)
}

// OpenFixed is Open with a fixed clock and source of randomness, so that equal commits make equal bytes.
func OpenFixed(dir string, cfg Config, now time.Time, random io.Reader) (*Log, error) {
	return open(dir, cfg, system{files: osFiles{}, now: func() time.Time { return now }, random: random})
}

// Decoders, for fuzzing.
var (
	AppendRecord = appendRecord
	DecodeRecord = decodeRecord
	AppendItem   = appendItem
	DecodeItem   = decodeItem
	ParseHeader  = parseHeader
)

// RecordVersion is the first byte of a record's payload.
const RecordVersion = recordVersion
