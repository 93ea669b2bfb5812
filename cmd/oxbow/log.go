package main

import (
	"github.com/oxbow-events/oxbow/store/filelog"
)

// openLog opens the log in the folder for a command that works on the files themselves.
func (c *cli) openLog(command string) (*filelog.Log, error) {
	if c.server != "" {
		return nil, wrongFlag("server", "is not for %s yet, which works on the folder itself; stop the server and name its folder with --data", command)
	}
	name, path := splitAddress(c.data)
	if !schemes[name].folder {
		return nil, wrongFlag("data", "%q is no folder", c.data)
	}
	if err := c.mustExist(path); err != nil {
		return nil, err
	}
	l, err := filelog.Open(path, filelog.Config{Holder: c.holder})
	return l, inUseError(err)
}
