package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func (c *cli) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check every byte of a folder",
		Long: `Reads the whole log of a folder and checks everything: checksums, that commits, positions and revisions go on without gaps, the
digests of full segments, the index and the items. It changes nothing. Damage is listed with file, byte and position, and the exit
code is then 5. When only the index or the items are damaged, 'oxbow reindex' makes them again.

What a crash left half-written at the end of the log is no damage: it was never acknowledged, and opening the folder cuts it off.

While a server holds the folder, verify cannot: stop the server first.`,
		Example: `  oxbow verify
  oxbow verify --data /var/lib/oxbow --json | jq .damage`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.verify(command.Context())
		},
	}
}

func (c *cli) verify(ctx context.Context) error {
	path, err := c.folder("verify")
	if err != nil {
		return err
	}
	if err := c.mustExist(path); err != nil {
		return err
	}
	bar := screen.NewProgress(c.progressTo(), "verify", 1, screen.Bytes) // the true total comes with the first report
	report, err := filelog.Verify(ctx, path, func(done, total int64) {
		bar.Total(total)
		bar.Set(done)
	})
	bar.Done()
	if err != nil {
		return inUseError(err)
	}
	if err := c.printVerify(&report); err != nil {
		return err
	}
	return verdict(&report)
}

// verdict is the error that damage ends with: what to do about it.
func verdict(r *filelog.Report) error {
	places, index := len(r.Damage), 0
	for _, d := range r.Damage {
		if d.Index {
			index++
		}
	}
	switch {
	case places == 0:
		return nil
	case places == index:
		return fmt.Errorf("%w in %s of its index; the events are whole: run oxbow reindex", store.ErrDamaged, counted(places, "place"))
	default:
		return fmt.Errorf("%w in %s; restore the files from a backup", store.ErrDamaged, counted(places, "place"))
	}
}

// withDamage shows machines an empty list when there is no damage.
func withDamage(r *filelog.Report) *filelog.Report {
	if r.Damage == nil {
		r.Damage = []*filelog.DamageError{}
	}
	return r
}

func (c *cli) printVerify(r *filelog.Report) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(withDamage(r))
	}
	out := c.output()
	fmt.Fprintf(out, "segments  %d (%s)\ncommits   %d\nevents    %d in %s\nhead      %d\n",
		r.Segments, screen.Size(uint64(r.Bytes)), r.Commits, r.Events, counted(r.Streams, "stream"), r.Head)
	if r.Torn != nil {
		fmt.Fprintf(out, "\nhalf-written: %d bytes of %s from byte %d on, which were never acknowledged; opening the folder cuts them off\n",
			r.Torn.Bytes, r.Torn.File, r.Torn.Offset)
	}
	if r.Unindexed > 0 {
		fmt.Fprintf(out, "\nnot indexed: %s; opening the folder makes the index\n", counted(r.Unindexed, "segment"))
	}
	if len(r.Damage) == 0 {
		fmt.Fprintln(out, "\nall is well")
		return out.Flush()
	}
	fmt.Fprintln(out, "\ndamage:")
	for _, damage := range r.Damage {
		fmt.Fprintf(out, "  %s\n", screen.Clean(damage.Finding()))
	}
	return out.Flush()
}
