package filelog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// scrubAfter is how long a log is open before the background scrub begins, so that programs which end soon never notice it.
const scrubAfter = 10 * time.Minute

// Scrub checks, while the log is used, every frame, entry and digest of the full segments, the files of the index and those of the items, as
// fast as it can. It is one round of what goes on slowly in the background unless Config.NoScrub is set. Damage is in the report, and is
// told and kept as that of the background scrub is. The newest segment is left to Verify.
//
// What the system holds in memory is what is checked: a bit that changed on the disk shows once the system reads it again.
func (l *Log) Scrub(ctx context.Context) (Report, error) {
	l.mu.Lock()
	err := l.usable(ctx)
	if err == nil {
		l.tending.Add(1)
	}
	l.mu.Unlock()
	if err != nil {
		return Report{}, err
	}
	defer l.tending.Done()
	report, err := l.scrub(ctx, func(int64) error { return l.usable(ctx) })
	if err != nil {
		err = fmt.Errorf("scrub %s: %w", l.dir, err)
	}
	return report, err
}

// Damage returns every place where a scrub found damage since the log was opened.
func (l *Log) Damage() []*DamageError {
	l.damage.mu.Lock()
	defer l.damage.mu.Unlock()
	return slices.Clone(l.damage.found)
}

// damage is what scrubs found.
type damage struct {
	mu    sync.Mutex
	found []*DamageError
}

// note keeps the damage, and reports whether it is new.
func (d *damage) note(e *DamageError) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := slices.ContainsFunc(d.found, func(o *DamageError) bool { return o.File == e.File && o.Offset == e.Offset })
	if !known {
		d.found = append(d.found, e)
	}
	return !known
}

func logDamage(d *DamageError) { slog.Default().Error("oxbow: " + d.Error()) }

// scrubAlways goes round until the log is closed.
func (l *Log) scrubAlways() {
	wait := min(scrubAfter, l.cfg.ScrubEvery)
	for l.pause(wait) == nil {
		began := time.Now()
		p := &pacer{log: l, rate: l.cfg.ScrubBytes}
		if _, err := l.scrub(context.Background(), p.pace); err != nil {
			return // the log is closed
		}
		wait = max(l.cfg.ScrubEvery-time.Since(began), 0)
	}
}

// pause waits, and returns an error as soon as the log is closed.
func (l *Log) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.closing:
		return store.ErrClosed
	}
}

// pacer keeps work to so many bytes a second.
type pacer struct {
	log  *Log
	rate int64
	owed int64 // bytes since the last pause
}

func (p *pacer) pace(bytes int64) error {
	if p.owed += bytes; p.owed < p.rate/8 {
		return p.log.usable(context.Background())
	}
	d := time.Duration(float64(p.owed) / float64(p.rate) * float64(time.Second))
	p.owed = 0
	return p.log.pause(d)
}

// scrubber is one round. It holds on to no file for longer than it checks it.
type scrubber struct {
	v    *verifier // of segments
	log  *Log
	pace func(bytes int64) error
	told int // of the damage in the report
}

// scrub goes round once. An error says that it was ended; a disk that cannot be read is damage.
func (l *Log) scrub(ctx context.Context, pace func(bytes int64) error) (Report, error) {
	s := &scrubber{log: l, pace: pace, v: &verifier{ctx: ctx, files: l.sys.files}}
	err := s.segments()
	if err == nil {
		err = s.runs()
	}
	if err == nil {
		err = s.items()
	}
	return s.v.report, err
}

// settle keeps what was found, and turns an error that is not the end of the round into damage.
func (s *scrubber) settle(path string, index bool, err error) error {
	if ended := s.pace(0); ended != nil {
		return ended
	}
	var d *DamageError
	switch {
	case errors.As(err, &d):
		s.v.report.add(d)
	case err != nil:
		s.v.report.add(&DamageError{File: path, Reason: "it cannot be read: " + firstLine(err), Index: index})
	}
	for _, d := range s.v.report.Damage[s.told:] {
		if s.log.damage.note(d) {
			s.log.cfg.OnDamage(d)
		}
	}
	s.told = len(s.v.report.Damage)
	return nil
}

func (s *scrubber) segments() error {
	for after := uint64(0); ; {
		shape, err := s.log.takeShape()
		if err != nil {
			return err
		}
		full := shape.segments[:len(shape.segments)-1]
		i := slices.IndexFunc(full, func(f *segment) bool { return f.header.sequence > after })
		if i < 0 {
			s.log.release(shape)
			return nil
		}
		after = full[i].header.sequence
		err = s.full(full[i])
		if errors.Is(err, fs.ErrNotExist) && !s.log.has(full[i]) {
			err = nil // it was moved to the archive, which is looked at in the next round
		}
		err = s.settle(full[i].path, false, err)
		if err == nil {
			err = s.settle(placesPath(s.log.indexDir(), after), true, s.places(full[i]))
		}
		s.log.release(shape)
		if err != nil {
			return err
		}
	}
}

// has reports whether the segment is the log's now.
func (l *Log) has(s *segment) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.shape != nil && slices.Contains(l.shape.segments, s)
}

// full checks a full segment: whether it is what was written, not whether it is the one that belongs there, which opening checks.
func (s *scrubber) full(known *segment) error {
	file, err := s.v.files.OpenFile(known.path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return err
	}
	s.v.report.Segments++
	s.v.report.Bytes += size
	this := &found{segment: &segment{path: known.path, file: pacedFile{file, s.pace}}}
	if this.scan, err = newScanner(this.file, known.path, size); err != nil {
		return err
	}
	this.header, s.v.places = this.scan.header, places{}
	if err := s.v.frames(this, false); err != nil {
		return err
	}
	if this.seal == nil && !this.damaged {
		return this.missingSeal()
	}
	return nil
}

// pacedFile is a file that is read slowly.
type pacedFile struct {
	file
	pace func(bytes int64) error
}

func (f pacedFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.pace(int64(len(b))); err != nil {
		return 0, err
	}
	return f.file.ReadAt(b, off)
}

func (s *scrubber) places(known *segment) error {
	p, ok := known.places().(*placesFile)
	if !ok {
		return nil
	}
	if err := s.pace(int64(len(p.data))); err != nil {
		return err
	}
	return index.Try(p.check)
}

func (s *scrubber) runs() error {
	for next := uint64(0); ; {
		shape, err := s.log.takeShape()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(shape.runs, func(r *run) bool { return r.First >= next })
		if i < 0 {
			s.log.release(shape)
			return nil
		}
		r := shape.runs[i]
		next = r.Next
		err = s.settle(r.Path(), true, wrapDamage(index.Try(func() error {
			return r.Check(func(bytes int) error { return s.pace(int64(bytes)) })
		})))
		s.log.release(shape)
		if err != nil {
			return err
		}
	}
}

func (s *scrubber) items() error {
	l := s.log
	l.mu.RLock()
	t := l.items
	if t != nil {
		t.take()
	}
	l.mu.RUnlock()
	if t == nil {
		return nil
	}
	defer l.letGo(t)
	return s.settle(l.itemsDir(), true, damagedItems(l.itemsDir(), t.CheckFiles(l.itemsDir(), s.pace)))
}

// takeShape returns the shape that the log has now, which must be released.
func (l *Log) takeShape() (*shape, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.shape == nil {
		return nil, store.ErrClosed
	}
	l.shape.take()
	return l.shape, nil
}
