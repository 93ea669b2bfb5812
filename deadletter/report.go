package deadletter

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
)

// Report tells what a redrive or a discard did so far, or would do.
type Report struct {
	DryRun  bool     `json:"dry_run,omitempty"` // nothing was written
	Letters uint64   `json:"letters"`           // redrive: those that match and go on, since their key does. discard: those deleted
	Keys    uint64   `json:"keys"`              // redrive: asked to go on now. discard: asked to go on because the letter that failed is deleted
	Already uint64   `json:"already"`           // redrive: keys that were asked to go on before, and have not done so yet
	Held    uint64   `json:"held"`              // redrive: letters that match, but wait behind one that does not
	Behind  []Behind `json:"behind,omitempty"`  // the first 100 of those held
	Damaged uint64   `json:"damaged"`           // redrive: that cannot be read, and are left alone. discard: likewise, or deleted
	Damage  []string `json:"damage,omitempty"`  // of the first 100 damaged: which, and what is wrong
	Looked  uint64   `json:"looked"`            // letters looked at
	Next    Position `json:"next"`              // where to go on: Options.Cursor; 0 when all is done
}

// Behind is a letter that cannot be redriven alone.
type Behind struct {
	Position Position `json:"position"`
	Front    Position `json:"front"` // the letter that it waits behind, which failed
}

// maxNamed is how many letters a report names in each of its lists.
const maxNamed = 100

// Add adds what a later page did.
func (r *Report) Add(page Report) {
	r.DryRun = page.DryRun
	r.Letters += page.Letters
	r.Keys += page.Keys
	r.Already += page.Already
	r.Held += page.Held
	r.Damaged += page.Damaged
	r.Looked += page.Looked
	r.Behind = append(r.Behind, page.Behind[:min(len(page.Behind), maxNamed-len(r.Behind))]...)
	r.Damage = append(r.Damage, page.Damage[:min(len(page.Damage), maxNamed-len(r.Damage))]...)
	r.Next = page.Next
}

func (r *Report) held(b Behind) {
	if r.Held++; len(r.Behind) < maxNamed {
		r.Behind = append(r.Behind, b)
	}
}

func (r *Report) broken(err *DamagedError) {
	if r.Damaged++; len(r.Damage) < maxNamed {
		r.Damage = append(r.Damage, err.Error())
	}
}

// Options are how a redrive or a discard works.
type Options struct {
	All      bool         // allows a Filter that leaves nothing out, which is refused otherwise
	By       string       // who wants it; needed
	Why      string       // the reason; Discard needs one
	DryRun   bool         // write nothing, and report what would be done
	Rate     float64      // redrive: keys a second at most; default as fast as it goes
	Limit    int          // letters (redrive: keys) of one page, which is one commit; default 500, at most MaxPage
	Pages    int          // stop after so many pages, with Report.Next; default when all is done
	Cursor   Position     // where to go on: the Report.Next of what was done before; default the beginning
	Progress func(Report) // called after each page with what was done so far; default nobody
}

func (o *Options) check(f *Filter) error {
	if err := f.Check(); err != nil {
		return err
	}
	if f.all() && !o.All {
		return event.Invalid("filter", "leaves nothing out; say which letters, or say that all are meant")
	}
	if err := event.CheckName("by", o.By); err != nil {
		return err
	}
	switch {
	case !(o.Rate >= 0 && o.Rate <= 1e9):
		return event.Invalid("rate", "is %v; it may be 0 to 1e9 keys a second", o.Rate)
	case o.Limit < 0 || o.Limit > MaxPage:
		return event.Invalid("limit", "is %d; it may be 1 to %d", o.Limit, MaxPage)
	case o.Pages < 0:
		return event.Invalid("pages", "is %d", o.Pages)
	}
	return checkWhy(o.Why)
}

// Paged does page after page until all is done, o.Pages are, or ctx ends. Redrive and Discard work so; it is exported for whoever has the
// letters elsewhere, such as behind HTTP. page is called with the options for one page: its cursor, and its limit by the rate.
func Paged(ctx context.Context, o Options, page func(context.Context, Options) (Report, error)) (Report, error) {
	total := Report{DryRun: o.DryRun, Next: o.Cursor}
	if o.Limit == 0 {
		o.Limit = defaultPage
	}
	if o.Rate > 0 {
		o.Limit = min(o.Limit, max(1, int(o.Rate)))
	}
	for n := 1; ; n++ {
		one, err := page(ctx, o)
		if err != nil {
			return total, err
		}
		total.Add(one)
		if o.Progress != nil {
			o.Progress(total)
		}
		if one.Next == 0 || n == o.Pages {
			return total, nil
		}
		if err := backoff.Sleep(ctx, o.pause(one.Keys)); err != nil {
			return total, err
		}
		o.Cursor = one.Next
	}
}

const defaultPage = 500

// pause is how long so many keys take at the rate.
func (o *Options) pause(keys uint64) time.Duration {
	if o.Rate == 0 || o.DryRun {
		return 0
	}
	return time.Duration(float64(keys) / o.Rate * float64(time.Second))
}
