package filelog

import (
	"cmp"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Config is how a log is opened; the zero Config works.
type Config struct {
	SegmentBytes int64 // size at which a segment is full; default 64 MiB, at most 1 GiB
	ItemCache    int64 // bytes of items kept in memory, and as many again, twice for a while, of those not written to files yet; default 16 MiB
	NoSync       bool  // acknowledge what is handed to the operating system: receipts say store.InFile, a power cut may lose it

	ScrubBytes int64              // bytes a second that are checked for damage in the background; default 4 MiB
	ScrubEvery time.Duration      // how often all of it is checked, the first time some minutes after opening; default 24h
	NoScrub    bool               // check nothing in the background
	OnDamage   func(*DamageError) // is told of each damaged place that a scrub finds, once; default: slog.Default().Error

	Holder string // who holds the folder, for the error that others get: "oxbow serve at http://127.0.0.1:7070"
}

const (
	defaultSegment = 64 << 20
	defaultItems   = 16 << 20
	defaultScrub   = 4 << 20
	maxSegment     = 1 << 30 // offsets in the index have 32 bits, and the last batch may stand over
)

func (c Config) withDefaults() (Config, error) {
	if c.SegmentBytes == 0 {
		c.SegmentBytes = defaultSegment
	}
	if c.SegmentBytes < 0 || c.SegmentBytes > maxSegment {
		return Config{}, event.Invalid("segment bytes", "is %d; use 1 to %d, or 0 for %d", c.SegmentBytes, maxSegment, defaultSegment)
	}
	if c.ItemCache == 0 {
		c.ItemCache = defaultItems
	}
	if c.ItemCache < 64<<10 || c.ItemCache > 1<<30 {
		return Config{}, event.Invalid("item cache", "is %d; use %d to %d, or 0 for %d", c.ItemCache, 64<<10, 1<<30, defaultItems)
	}
	if c.ScrubBytes < 0 {
		return Config{}, event.Invalid("scrub bytes", "is %d; use NoScrub to check nothing", c.ScrubBytes)
	}
	if c.ScrubEvery < 0 {
		return Config{}, event.Invalid("scrub every", "is %v; use NoScrub to check nothing", c.ScrubEvery)
	}
	c.ScrubBytes = cmp.Or(c.ScrubBytes, defaultScrub)
	c.ScrubEvery = cmp.Or(c.ScrubEvery, 24*time.Hour)
	if c.OnDamage == nil {
		c.OnDamage = logDamage
	}
	if len(c.Holder) > 1024 {
		return Config{}, event.Invalid("holder", "is %d bytes long, the limit is 1024", len(c.Holder))
	}
	return c, event.CheckText("holder", c.Holder)
}
