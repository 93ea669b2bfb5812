package screen

import (
	"io"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress shows how far long work is, on a terminal only. A nil Progress shows nothing, and its methods may be called.
type Progress struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

// Unit is what a progress counts.
type Unit int

// What is counted.
const (
	Bytes Unit = iota
	Events
)

// NewProgress returns a bar with a title, or nil when w is no terminal. A total of 0 is an unknown one: the bar then shows only
// what is done. Call Done at the end.
func NewProgress(w io.Writer, title string, total int64, unit Unit) *Progress {
	if Terminal(w) == nil {
		return nil
	}
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
	p := &Progress{bars: bars}
	if total <= 0 {
		p.bar = bars.New(0, mpb.NopStyle(), mpb.PrependDecorators(decor.Name(title), soFar(unit)))
		return p
	}
	left := decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)
	p.bar = bars.New(total, mpb.BarStyle(), mpb.PrependDecorators(decor.Name(title)),
		mpb.AppendDecorators(ofAll(unit), decor.OnComplete(left, "")))
	return p
}

func soFar(unit Unit) decor.Decorator {
	if unit == Bytes {
		return decor.CurrentKibiByte("% .1f", decor.WCSyncSpace)
	}
	return decor.CurrentNoUnit("%d", decor.WCSyncSpace)
}

func ofAll(unit Unit) decor.Decorator {
	if unit == Bytes {
		return decor.CountersKibiByte("% .1f / % .1f", decor.WCSyncSpace)
	}
	return decor.CountersNoUnit("%d / %d", decor.WCSyncSpace)
}

// Set says how much is done.
func (p *Progress) Set(done int64) {
	if p != nil {
		p.bar.SetCurrent(done)
	}
}

// Total says how much there is to do, when that was not known before.
func (p *Progress) Total(total int64) {
	if p != nil {
		p.bar.SetTotal(total, false)
	}
}

// Done takes the bar away, so that what is printed next stands on a clean line.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
}
