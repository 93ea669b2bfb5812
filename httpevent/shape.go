package httpevent

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// The optional interfaces of a writer, as bits. Handlers ask for them by type assertion, so a wrapper must have exactly those that
// the writer under it has: each set of them is a type, named after its letters. All are one pointer, so that making one
// allocates nothing.
const (
	canFlush = 1 << iota
	canHijack
	canReadFrom
	canPush
)

// shape returns w with the optional interfaces that under has.
func shape(w *response, under http.ResponseWriter) http.ResponseWriter {
	switch abilities(under) {
	default:
		return w
	case canFlush:
		return f{w}
	case canHijack:
		return h{w}
	case canFlush | canHijack:
		return fh{f{w}}
	case canReadFrom:
		return r{w}
	case canFlush | canReadFrom:
		return fr{f{w}}
	case canHijack | canReadFrom:
		return hr{h{w}}
	case canFlush | canHijack | canReadFrom:
		return fhr{fh{f{w}}}
	case canPush:
		return p{w}
	case canFlush | canPush:
		return fp{f{w}}
	case canHijack | canPush:
		return hp{h{w}}
	case canFlush | canHijack | canPush:
		return fhp{fh{f{w}}}
	case canReadFrom | canPush:
		return rp{r{w}}
	case canFlush | canReadFrom | canPush:
		return frp{fr{f{w}}}
	case canHijack | canReadFrom | canPush:
		return hrp{hr{h{w}}}
	case canFlush | canHijack | canReadFrom | canPush:
		return fhrp{fhr{fh{f{w}}}}
	}
}

func abilities(under http.ResponseWriter) (set int) {
	if _, ok := under.(http.Flusher); ok {
		set |= canFlush
	}
	if hijackable(under) {
		set |= canHijack
	}
	if _, ok := under.(io.ReaderFrom); ok {
		set |= canReadFrom
	}
	if _, ok := under.(http.Pusher); ok {
		set |= canPush
	}
	return set
}

// hijackable looks deeper than the others: http.ResponseController would find a Hijacker further down past us, and we would not
// learn that the connection is gone.
func hijackable(under http.ResponseWriter) bool {
	for {
		if _, ok := under.(http.Hijacker); ok {
			return true
		}
		wrapper, ok := under.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		under = wrapper.Unwrap()
	}
}

type (
	f    struct{ *response }
	h    struct{ *response }
	fh   struct{ f }
	r    struct{ *response }
	fr   struct{ f }
	hr   struct{ h }
	fhr  struct{ fh }
	p    struct{ *response }
	fp   struct{ f }
	hp   struct{ h }
	fhp  struct{ fh }
	rp   struct{ r }
	frp  struct{ fr }
	hrp  struct{ hr }
	fhrp struct{ fhr }
)

func (w f) Flush() { w.flush() }

func (w h) Hijack() (net.Conn, *bufio.ReadWriter, error)  { return w.hijack() }
func (w fh) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w r) ReadFrom(src io.Reader) (int64, error)   { return w.readFrom(src) }
func (w fr) ReadFrom(src io.Reader) (int64, error)  { return w.readFrom(src) }
func (w hr) ReadFrom(src io.Reader) (int64, error)  { return w.readFrom(src) }
func (w fhr) ReadFrom(src io.Reader) (int64, error) { return w.readFrom(src) }

func (w p) Push(target string, opts *http.PushOptions) error    { return w.push(target, opts) }
func (w fp) Push(target string, opts *http.PushOptions) error   { return w.push(target, opts) }
func (w hp) Push(target string, opts *http.PushOptions) error   { return w.push(target, opts) }
func (w fhp) Push(target string, opts *http.PushOptions) error  { return w.push(target, opts) }
func (w rp) Push(target string, opts *http.PushOptions) error   { return w.push(target, opts) }
func (w frp) Push(target string, opts *http.PushOptions) error  { return w.push(target, opts) }
func (w hrp) Push(target string, opts *http.PushOptions) error  { return w.push(target, opts) }
func (w fhrp) Push(target string, opts *http.PushOptions) error { return w.push(target, opts) }
