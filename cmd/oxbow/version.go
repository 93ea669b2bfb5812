package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/store/filelog"
)

// build says what this binary was made of.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Time     string `json:"time,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Format   int    `json:"format"` // of the folder
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Prints the version of this binary, what it was built with, and the version of the folder's format that it writes.",
		Example: "  oxbow version\n  oxbow version --json | jq -r .version",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if c.json {
				return json.NewEncoder(c.out).Encode(b)
			}
			_, err := fmt.Fprintln(c.out, b)
			return err
		},
	}
}

func thisBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Format: filelog.FormatVersion}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		case "vcs.time":
			b.Time = s.Value
		}
	}
	return b
}

func (b build) String() string {
	text := fmt.Sprintf("oxbow %s\ngo       %s %s\nformat   %d", b.Version, b.Go, b.Platform, b.Format)
	if b.Revision == "" {
		return text
	}
	text += "\nrevision " + b.Revision
	if b.Modified {
		text += " (modified)"
	}
	return text
}
