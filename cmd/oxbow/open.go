package main

import (
	"context"
	"strings"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
	"github.com/oxbow-events/oxbow/store/memory"
)

// access says what a command is about to do with the store.
type access int

const (
	toRead  access = iota // the folder must be there
	toWrite               // it is made if need be
	toServe               // as toWrite, and memory: will do
)

// scheme opens the stores of one kind of address.
type scheme struct {
	open   func(path, holder string) (store.Driver, error)
	folder bool // the path is a folder's
}

// schemes maps an address's scheme to its driver. A new driver is a line here.
var schemes = map[string]scheme{
	"file":   {open: openFolder, folder: true},
	"memory": {open: openMemory},
}

func openFolder(path, holder string) (store.Driver, error) {
	return filelog.Open(path, filelog.Config{Holder: holder})
}

func openMemory(path, _ string) (store.Driver, error) {
	if path != "" {
		return nil, wrongFlag("data", "memory: has no path, got %q", path)
	}
	return memory.New(), nil
}

// splitAddress returns the scheme and path of --data. What has no scheme, or one letter before the colon (a Windows drive), is a
// folder.
func splitAddress(address string) (scheme, path string) {
	scheme, path, ok := strings.Cut(address, ":")
	if !ok || len(scheme) < 2 || strings.ContainsAny(scheme, `/\.`) {
		return "file", address
	}
	return scheme, path
}

// open returns what the commands work on: the server if one is named, else the folder. Close it at the end.
func (c *cli) open(ctx context.Context, want access) (backend.Backend, error) {
	if c.server != "" {
		return backend.Dial(c.server, c.note)
	}
	driver, err := c.openDriver(want, c.holder)
	if err != nil {
		return nil, err
	}
	return backend.Local{Store: store.New(driver, store.Config{})}, nil
}

// openDriver opens what --data names. The holder tells other processes who has it.
func (c *cli) openDriver(want access, holder string) (store.Driver, error) {
	name, path := splitAddress(c.data)
	scheme, ok := schemes[name]
	switch {
	case !ok:
		return nil, wrongFlag("data", "%q has the unknown scheme %q; pass a folder, file:FOLDER or memory:", c.data, name)
	case !scheme.folder && want != toServe:
		return nil, wrongFlag("data", "what %s holds ends with its process; it is for 'oxbow serve' only", c.data)
	case scheme.folder && path == "":
		return nil, wrongFlag("data", "names no folder")
	}
	if scheme.folder && want == toRead {
		if err := c.mustExist(path); err != nil {
			return nil, err
		}
	}
	driver, err := scheme.open(path, holder)
	return driver, inUseError(err)
}

// mustExist refuses a folder without a log, so that reading makes none.
func (c *cli) mustExist(path string) error {
	exists, err := filelog.Exists(path)
	switch {
	case err != nil:
		return wrongFlag("data", "%v", err)
	case !exists:
		return event.Invalid("--data", "there are no events in %s; 'oxbow publish' and 'oxbow import' begin there, --data names another folder", path)
	}
	return nil
}
