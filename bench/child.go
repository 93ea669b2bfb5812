package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/oxbow-events/oxbow/bench/peers"
)

// childVariable is the variable of the environment that makes this program do a task on a store in the current folder: only a process
// of its own has a memory of its own, and can be killed.
const childVariable = "OXBOW_BENCH_CHILD"

// childTask is what a process of its own does.
type childTask struct {
	Do     string // a key of childTasks
	Store  string // by name
	Sync   bool   // what it appends
	Events int    // to append; for write, before it says so
}

var childTasks = map[string]func(context.Context, peers.Log, childTask) error{
	"memory":    printMemory,
	"no timers": printStoreMemory,
	"timers":    printTimersMemory,
	"write":     writeUntilKilled,
}

// child returns the command that does the task in a folder.
func child(ctx context.Context, t childTask, dir string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, self)
	command.Dir, command.Env, command.Stderr = dir, append(os.Environ(), childVariable+"="+string(text)), os.Stderr
	return command, nil
}

// childMain is main in a process of its own.
func childMain() (exitCode int) {
	if err := runTask(context.Background(), os.Getenv(childVariable)); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func runTask(ctx context.Context, text string) error {
	var t childTask
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fmt.Errorf("%s: %w", childVariable, err)
	}
	do, ok := childTasks[t.Do]
	if !ok {
		return fmt.Errorf("%s: there is no task %q", childVariable, t.Do)
	}
	for _, p := range stores() {
		if p.Name != t.Store {
			continue
		}
		l, err := p.Open(".", t.Sync)
		if err != nil {
			return err
		}
		return errors.Join(do(ctx, l, t), l.Close())
	}
	return fmt.Errorf("%s: there is no store %q", childVariable, t.Store)
}
