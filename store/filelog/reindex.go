package filelog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// ReindexReport says what Reindex made.
type ReindexReport struct {
	Segments   int            `json:"segments"`
	Bytes      int64          `json:"bytes"` // of the log
	Head       store.Position `json:"head"`
	IndexBytes int64          `json:"index_bytes"` // of the files of the index
	Items      uint64         `json:"items"`       // that there are
	ItemsKept  bool           `json:"items_kept"`  // the items were left as they were: the log no longer has all that they were made from
	Took       time.Duration  `json:"took"`        // nanoseconds
}

// Reindex removes the index and the items of the log in the folder and makes them again from the log, as it must when they are damaged.
// It opens the log, so a tail that a crash left half-written is cut off, and needs the folder to itself: while a process holds it the error
// answers to store.ErrInUse. When it is interrupted, the next Open makes what is missing. progress, which may be nil, is called now
// and then with the bytes done and in all.
func Reindex(ctx context.Context, dir string, progress func(done, total int64)) (ReindexReport, error) {
	report, err := reindex(ctx, dir, progress, realSystem())
	if err != nil {
		return ReindexReport{}, fmt.Errorf("reindex %s: %w", dir, err)
	}
	return report, nil
}

func reindex(ctx context.Context, dir string, progress func(done, total int64), sys system) (ReindexReport, error) {
	if _, err := sys.files.List(filepath.Join(dir, logFolder)); err != nil {
		return ReindexReport{}, fmt.Errorf("there is no log: %w", err)
	}
	began, again := sys.now(), &rebuilding{ctx: ctx, progress: progress}
	l, err := openWith(dir, Config{Holder: "oxbow reindex"}, sys, again)
	if err != nil {
		return ReindexReport{}, err
	}
	again.finished()
	err = l.indexer.mergeDue()
	report := l.reindexed(again)
	err = errors.Join(err, l.Close())
	report.Took = sys.now().Sub(began)
	return report, err
}

// reindexed says what there is. Nobody else uses the log.
func (l *Log) reindexed(again *rebuilding) ReindexReport {
	report := ReindexReport{Segments: len(l.shape.segments), Bytes: again.total, Head: l.visible.head, ItemsKept: again.itemsKept}
	for _, r := range l.shape.runs {
		report.IndexBytes += r.Size()
	}
	for _, s := range l.shape.segments[:report.Segments-1] {
		if p, ok := s.places().(*placesFile); ok {
			report.IndexBytes += int64(len(p.data))
		}
	}
	if l.items != nil {
		report.Items = l.items.Mark().Items
	}
	return report
}

// rebuilding is the making of an index that was removed on purpose. A nil one is none.
type rebuilding struct {
	ctx       context.Context
	progress  func(done, total int64)
	done      int64 // bytes of the log
	told      int64 // of what progress was told last
	total     int64
	itemsKept bool
}

// goOn takes note of bytes that were read, and returns why the work must end.
func (r *rebuilding) goOn(bytes int64) error {
	const step = 1 << 20
	if r == nil {
		return nil
	}
	if r.done += bytes; r.progress != nil && r.done-r.told >= step {
		r.told = r.done
		r.progress(r.done, r.total)
	}
	return r.ctx.Err()
}

func (r *rebuilding) finished() {
	if r.progress != nil {
		r.progress(r.total, r.total)
	}
}

// discardIndex removes what is to be made again.
func (l *Log) discardIndex() error {
	files, names := l.sys.files, []string(nil)
	segments, err := segmentNames(files, l.logDir())
	if err != nil {
		return err
	}
	for _, name := range segments {
		size, err := fileSize(files, filepath.Join(l.logDir(), name))
		if err != nil {
			return err
		}
		l.rebuilding.total += size
	}
	if names, err = files.List(l.indexDir()); err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, placesSuffix) && !strings.HasSuffix(name, index.Suffix) {
			continue
		}
		if err := files.Remove(filepath.Join(l.indexDir(), name)); err != nil {
			return err
		}
	}
	if l.rebuilding.itemsKept = !itemsInLog(segments); l.rebuilding.itemsKept {
		return nil
	}
	return l.discardItems()
}

// itemsInLog reports whether the segments still have every commit that wrote an item, so that the items can be made from them.
func itemsInLog(segments []string) bool {
	return len(segments) == 0 || segments[0] == segmentName(1)
}
