package deadletter

import (
	"context"
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// maxTries is how often a commit is made anew because of others: a consumer that parks all the time, and people.
const maxTries = 200

// untilItFits calls attempt again as long as it returns a conflict: somebody else was faster, and it must look again.
func (l *Letters) untilItFits(ctx context.Context, attempt func() error) error {
	for tried := 1; ; tried++ {
		err := attempt()
		if !errors.Is(err, store.ErrConflict) || tried == maxTries {
			return err
		}
		if err := backoff.Sleep(ctx, backoff.Full(tried, time.Millisecond, 50*time.Millisecond)); err != nil {
			return err
		}
	}
}
