package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

const childDir = "OXBOW_ORDERS_DIR" // set in the child process: it runs the program in that folder until it is killed

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	for {
		if err := run(context.Background(), dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

// TestKilledAtAnyMomentEachOrderIsPaidAndCountedOnce kills the program between, and in the middle of, publishing, consuming and
// projecting. Afterwards nothing may be missing and nothing may be there twice.
func TestKilledAtAnyMomentEachOrderIsPaidAndCountedOnce(t *testing.T) {
	dir := t.TempDir()
	told := 0
	for range 25 {
		n := runAndKill(t, dir)
		if n <= told {
			t.Fatalf("the program tells of %d paid orders, and told of %d before it was killed", n, told)
		}
		told = n
	}
	if err := run(t.Context(), dir); err != nil { // one order more, and whatever the last kill left undone
		t.Fatal(err)
	}
	placed, paid := read(t, dir)
	if n := counted(t, dir); len(placed) <= told || len(paid) != len(placed) || n != len(placed) {
		t.Errorf("%d orders placed (%d were acknowledged before the last), %d payments, %d counted", len(placed), told, len(paid), n)
	}
	times := map[event.ID]int{}
	for _, r := range paid {
		times[r.CausationID]++
	}
	for _, r := range placed {
		if times[r.ID] != 1 {
			t.Errorf("order %s was paid %d times", r.Data, times[r.ID])
		}
	}
}

// runAndKill runs the program over and over in a process of its own and kills that at a random moment after its first line. It returns
// how many orders the last line told of.
func runAndKill(t *testing.T, dir string) (told int) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var kill *time.Timer
	for printed := bufio.NewScanner(out); printed.Scan(); {
		if _, err := fmt.Sscanf(printed.Text(), "orders paid by ann: %d", &told); err != nil {
			t.Errorf("the program printed %q", printed.Text())
		}
		if kill == nil {
			kill = time.AfterFunc(rand.N(30*time.Millisecond), func() { _ = child.Process.Kill() }) // Wait tells whether it worked
		}
	}
	if err := child.Wait(); err == nil || kill == nil {
		t.Errorf("the program ended by itself: %v", err)
	}
	return told
}

// counted returns how many paid orders the read model tells of.
func counted(t *testing.T, dir string) int {
	t.Helper()
	driver, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer driver.Close()
	customers, err := projection.New[Customer](store.New(driver, store.Config{}), "customers", projection.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ann, _, err := customers.Get(t.Context(), "ann")
	if err != nil {
		t.Fatal(err)
	}
	return ann.OrdersPaid
}
