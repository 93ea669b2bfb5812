package middleware

import "time"

// steps is how many parts a window has. What is counted leaves it a part at a time.
const steps = 10

// window counts calls of a span of time that ends now.
type window struct {
	step  time.Duration
	began time.Time
	parts [steps]part
}

type part struct {
	number        int64 // of the step since the window began
	calls, failed int
}

func newWindow(span time.Duration) window { return window{step: span / steps, began: time.Now()} }

func (w *window) add(now time.Time, calls, failed int) {
	number := int64(now.Sub(w.began) / w.step)
	p := &w.parts[number%steps]
	if p.number != number {
		*p = part{number: number}
	}
	p.calls += calls
	p.failed += failed
}

func (w *window) counts(now time.Time) (calls, failed int) {
	newest := int64(now.Sub(w.began) / w.step)
	for _, p := range w.parts {
		if p.number > newest-steps {
			calls += p.calls
			failed += p.failed
		}
	}
	return calls, failed
}

func (w *window) clear() { w.parts = [steps]part{} }
