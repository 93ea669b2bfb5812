package peertest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the test does not depend on the system's

	peer "github.com/netresearch/go-cron"

	"github.com/oxbow-events/oxbow/schedule"
)

// parser is the peer's, set to what POSIX says of the two fields about days.
var parser = peer.MustNewParser(peer.SecondOptional | peer.Minute | peer.Hour | peer.Dom | peer.Month | peer.Dow | peer.Descriptor | peer.DowOrDom)

// TestOrdinaryTimesAreThePeers compares random expressions. Where a zone changes the two differ on purpose, so the times are such that none does.
func TestOrdinaryTimesAreThePeers(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	compared := 0
	for range 20_000 {
		text := randomText(random)
		ours, err := schedule.ParseCron(text)
		theirs, theirErr := parser.Parse(text)
		if err != nil || theirErr != nil {
			if err == nil {
				t.Fatalf("seed %d: the peer refuses %q: %v", seed, text, theirErr)
			}
			if theirErr == nil && !strings.Contains(err.Error(), "never fire") {
				t.Fatalf("seed %d: %q is refused, and the peer takes it: %v", seed, text, err)
			}
			continue
		}
		compared++
		at := time.Date(2000+random.IntN(60), time.Month(1+random.IntN(12)), 1+random.IntN(31), random.IntN(24), random.IntN(60), random.IntN(60), 0, time.UTC)
		for range 5 {
			got, want := ours.Next(at), theirs.Next(at)
			if want.IsZero() {
				break // the peer looks five years ahead
			}
			if !got.Equal(want) {
				t.Fatalf("seed %d: %q after %v comes at %v, the peer says %v", seed, text, at, got, want)
			}
			at = got
		}
	}
	if compared < 10_000 {
		t.Errorf("only %d expressions were compared", compared)
	}
}

func TestTimesInASummerAreThePeers(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/St_Johns"} {
		in, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			text := fmt.Sprintf("%s %s * * %s", field(random, 0, 59, nil), field(random, 0, 23, nil), field(random, 0, 6, weekdays))
			ours, err := schedule.ParseCron(text)
			theirs, theirErr := parser.Parse(text)
			if err != nil || theirErr != nil {
				t.Fatalf("seed %d: %q: %v, %v", seed, text, err, theirErr)
			}
			at := time.Date(2026, time.June, 1+random.IntN(30), random.IntN(24), random.IntN(60), 0, 0, in)
			for range 5 {
				got, want := ours.Next(at), theirs.Next(at)
				if !got.Equal(want) {
					t.Fatalf("seed %d: %q in %s after %v comes at %v, the peer says %v", seed, text, name, at, got, want)
				}
				at = got
			}
		}
	}
}

var (
	months   = []string{"jan", "FEB", "mar", "Apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	weekdays = []string{"sun", "Mon", "tue", "wed", "Thu", "fri", "sat"}
)

func randomText(random *rand.Rand) string {
	if random.IntN(50) == 0 {
		return []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@every 90s", "@every 1h30m"}[random.IntN(9)]
	}
	fields := []string{
		field(random, 0, 59, nil), field(random, 0, 23, nil), field(random, 1, 31, nil), field(random, 1, 12, months), field(random, 0, 6, weekdays),
	}
	if random.IntN(3) == 0 {
		fields = append([]string{field(random, 0, 59, nil)}, fields...)
	}
	return strings.Join(fields, " ")
}

func field(random *rand.Rand, low, high int, names []string) string {
	if random.IntN(2) == 0 {
		return "*"
	}
	var parts []string
	for range 1 + random.IntN(3) {
		parts = append(parts, element(random, low, high, names))
	}
	return strings.Join(parts, ",")
}

func element(random *rand.Rand, low, high int, names []string) string {
	from := low + random.IntN(high-low+1)
	to := from + random.IntN(high-from+1)
	value := func(v int) string {
		if names != nil && random.IntN(2) == 0 {
			return names[v-low]
		}
		return fmt.Sprint(v)
	}
	text := value(from)
	switch random.IntN(4) {
	case 0:
		text, from, to = "*", low, high
	case 1, 2:
		text += "-" + value(to)
	default:
		if to = high; high == 6 {
			return text // the peer has a week end with Sunday there, and we with Saturday
		}
	}
	if size := to - from; size > 1 && (random.IntN(2) == 0 || text == "*") { // the peer refuses a step that leaves one value
		text += fmt.Sprint("/", 1+random.IntN(min(size, 6)))
	}
	return text
}
