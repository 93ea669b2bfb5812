package lease

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// MaxSlots is the largest number of slots.
const MaxSlots = 1024

// Config is what a group shares, and how it behaves. Bucket and Name are needed.
type Config struct {
	Bucket string // where the items are kept, and in Bucket + ".slot" and ".member"
	Name   string // whose slots they are

	Slots    int            // how many, if this is the first run of the name; default 1, at most MaxSlots
	TTL      time.Duration  // after which a member that does not renew is dead; default 10s
	Poll     time.Duration  // between two looks at the others; default 1s, or a fifth of TTL if that is less
	Expire   bool           // members renew and expire on an exclusive store too
	Note     string         // tells people which member this is; default host name and process id
	Settings func(Settings) // is told of the settings before the first slot is gained, and of each change; must not block; default nobody
	Logger   *slog.Logger   // default slog.Default()
}

func (cfg *Config) check() error {
	if err := event.CheckName("Bucket", cfg.Bucket+memberBucket); err != nil {
		return err
	}
	if err := event.CheckName("Name", cfg.Name); err != nil {
		return err
	}
	switch {
	case cfg.Slots < 0 || cfg.Slots > MaxSlots:
		return event.Invalid("Slots", "is %d, which is not between 1 and %d", cfg.Slots, MaxSlots)
	case cfg.TTL < 0:
		return event.Invalid("TTL", "is negative")
	case cfg.Poll < 0:
		return event.Invalid("Poll", "is negative")
	}
	return nil
}

func (cfg Config) withDefaults() Config {
	if cfg.Slots == 0 {
		cfg.Slots = 1
	}
	if cfg.TTL == 0 {
		cfg.TTL = 10 * time.Second
	}
	if cfg.Poll == 0 {
		cfg.Poll = min(time.Second, cfg.TTL/5)
	}
	if cfg.Note == "" {
		cfg.Note = process()
	}
	if cfg.Settings == nil {
		cfg.Settings = func(Settings) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return cfg
}

// process names this process for people.
func process() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d", host, os.Getpid())
}
