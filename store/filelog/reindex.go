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
	cfg, err := Config{Holder: "oxbow reindex"}.withDefaults()
	if err != nil {
		return ReindexReport{}, err
	}
	began, l := sys.now(), newLog(dir, cfg, sys)
	l.reindex, l.newItems, l.watch = true, true, &watch{ctx: ctx, progress: progress}
	if err := l.ready(); err != nil {
		return ReindexReport{}, err
	}
	l.watch.finished()
	err = l.indexer.mergeDue()
	report := l.reindexed()
	l.indexer.start()
	go l.sequence()
	err = errors.Join(err, l.Close())
	report.Took = sys.now().Sub(began)
	return report, err
}

// reindexed says what there is. Nobody else uses the log.
func (l *Log) reindexed() ReindexReport {
	report := ReindexReport{Segments: len(l.shape.segments), Bytes: l.watch.total, Head: l.visible.head, ItemsKept: !l.newItems}
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

// watch goes along with the making of an index, which takes as long as reading the log. A nil one lets it be.
type watch struct {
	ctx      context.Context
	progress func(done, total int64)
	done     int64 // bytes of the log
	told     int64 // of what progress was told last
	total    int64
}

// goOn takes note of bytes that were read, and returns why the work must end.
func (w *watch) goOn(bytes int64) error {
	const step = 1 << 20
	if w == nil {
		return nil
	}
	if w.done += bytes; w.progress != nil && w.done-w.told >= step {
		w.told = w.done
		w.progress(w.done, w.total)
	}
	return w.ctx.Err()
}

func (w *watch) finished() {
	if w.progress != nil {
		w.progress(w.total, w.total)
	}
}

// discard removes what is to be made again.
func (l *Log) discard() error {
	if !l.reindex && !l.newItems {
		return nil
	}
	names, err := segmentNames(l.sys.files, l.logDir())
	if err != nil {
		return err
	}
	paths, err := withArchived(l.sys.files, l.dir, logFolder, names)
	if err != nil {
		return err
	}
	if l.watch != nil {
		if l.watch.total, err = l.sizeOf(paths); err != nil {
			return err
		}
	}
	if l.reindex {
		if err := l.discardIndex(); err != nil {
			return err
		}
	}
	if l.newItems = l.newItems && itemsInLog(paths); l.newItems {
		return l.discardItems()
	}
	return nil
}

func (l *Log) sizeOf(paths []segmentPath) (total int64, err error) {
	for _, p := range paths {
		size, err := fileSize(l.sys.files, p.path)
		if err != nil {
			return 0, err
		}
		total += size
	}
	return total, nil
}

func (l *Log) discardIndex() error {
	names, err := l.sys.files.List(l.indexDir())
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, placesSuffix) && !strings.HasSuffix(name, index.Suffix) {
			continue
		}
		if err := l.sys.files.Remove(filepath.Join(l.indexDir(), name)); err != nil {
			return err
		}
	}
	return nil
}

// itemsInLog reports whether the segments still have all that the items are made from. Compaction takes only values that were replaced.
func itemsInLog(segments []segmentPath) bool {
	return len(segments) == 0 || filepath.Base(segments[0].path) == segmentName(1)
}
