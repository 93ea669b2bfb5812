package filelog_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"github.com/oxbow-events/oxbow/store/filelog"
)

// The simulated disk must be as bad as it says, or the tests over it prove nothing.

func simulate(seed uint64) *simDisk {
	return newSimDisk(rand.New(rand.NewPCG(seed, 0)), func(string, ...any) {})
}

// create makes a file with two sectors of ones on the disk.
func create(t *testing.T, d *simDisk) filelog.File {
	t.Helper()
	f, err := d.OpenFile("f", os.O_RDWR|os.O_CREATE)
	if err == nil {
		_, err = f.WriteAt(bytes.Repeat([]byte{1}, 2*d.sector), 0)
	}
	if err := errors.Join(err, f.Sync(), d.SyncDir(".")); err != nil {
		t.Fatal(err)
	}
	return f
}

// sectors returns the first byte of each sector of the file, each of which must be of one kind.
func sectors(t *testing.T, d *simDisk) (firsts string) {
	t.Helper()
	b := d.root.entries["f"].cache
	for ; len(b) >= d.sector; b = b[d.sector:] {
		if !bytes.Equal(b[:d.sector], bytes.Repeat(b[:1], d.sector)) {
			t.Fatal("a sector is torn")
		}
		firsts += string('0' + b[0])
	}
	return firsts
}

// outcomes does something to a fresh disk again and again, and returns what was left and how often.
func outcomes(t *testing.T, do func(d *simDisk, f filelog.File)) map[string]int {
	t.Helper()
	left := map[string]int{}
	for seed := range uint64(300) {
		d := simulate(seed)
		do(d, create(t, d))
		left[sectors(t, d)]++
	}
	return left
}

func writeTwos(d *simDisk, f filelog.File, from, count int) {
	f.WriteAt(bytes.Repeat([]byte{2}, count*d.sector), int64(from*d.sector))
}

func wantOutcomes(t *testing.T, got map[string]int, want ...string) {
	t.Helper()
	for _, w := range want {
		if got[w] == 0 {
			t.Errorf("%q was never left; there was %v", w, got)
		}
		delete(got, w)
	}
	if len(got) > 0 {
		t.Errorf("there was also %v", got)
	}
}

func TestSimulatedPowerCutKeepsAnySectorsOfWhatWasNotSynced(t *testing.T) {
	wantOutcomes(t, outcomes(t, func(d *simDisk, f filelog.File) {
		writeTwos(d, f, 1, 2)
		d.restart(true)
	}), "11", "12", "110", "112", "120", "122")
}

func TestSimulatedPowerCutKeepsWhatWasSynced(t *testing.T) {
	wantOutcomes(t, outcomes(t, func(d *simDisk, f filelog.File) {
		writeTwos(d, f, 1, 2)
		f.Sync()
		d.restart(true)
	}), "122")
}

func TestSimulatedKillKeepsWhatTheSystemWasTold(t *testing.T) {
	wantOutcomes(t, outcomes(t, func(d *simDisk, f filelog.File) {
		writeTwos(d, f, 1, 2)
		d.restart(false)
	}), "122")
}

func TestSimulatedSyncThatFailedIsNotMadeGoodByTheNext(t *testing.T) {
	lost := func(cut bool) map[string]int {
		return outcomes(t, func(d *simDisk, f filelog.File) {
			writeTwos(d, f, 0, 2)
			d.arm(ioError, 0)
			if err := f.SyncData(); !errors.Is(err, syscall.EIO) {
				t.Fatalf("got %v, want an error", err)
			}
			if seen := sectors(t, d); seen != "22" {
				t.Fatalf("right after it processes see %s, want what they wrote", seen)
			}
			if err := f.SyncData(); err != nil {
				t.Fatal(err)
			}
			d.restart(cut)
		})
	}
	wantOutcomes(t, lost(true), "11", "12", "21", "22")
	wantOutcomes(t, lost(false), "11", "12", "21", "22") // what the system held for clean it may forget
}

func TestSimulatedNamesNeedASyncOfTheirFolder(t *testing.T) {
	left := map[string]int{}
	for seed := range uint64(100) {
		d := simulate(seed)
		create(t, d)
		d.Rename("f", "g")
		d.OpenFile("h", os.O_RDWR|os.O_CREATE)
		if seed%2 == 0 {
			d.SyncDir(".")
		}
		d.restart(true)
		names, _ := d.List(".")
		for _, name := range names {
			left[name]++
		}
	}
	if left["f"] == 0 || left["g"] <= 50 || left["h"] <= 50 || left["f"]+left["g"] != 100 || left["h"] == 100 {
		t.Errorf("of 100 power cuts, half of them after a sync, these names were left: %v", left)
	}
}

func TestSimulatedFullDiskRefusesWhatGrows(t *testing.T) {
	wantOutcomes(t, outcomes(t, func(d *simDisk, f filelog.File) {
		d.arm(diskFull, 0)
		writeTwos(d, f, 0, 1)
		if n, err := f.WriteAt([]byte{2}, int64(2*d.sector)); err == nil || n > 1 {
			t.Fatalf("got %d, %v", n, err)
		}
		f.Truncate(int64(2 * d.sector))
	}), "21")
}
