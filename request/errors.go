package request

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// What a caller branches on with errors.Is. Bad input answers to event.ErrInvalid, and the end of the context to its error.
var (
	ErrNoResponder = errors.New("there is no responder")                    // nobody has begun: asking again is safe
	ErrBusy        = errors.New("responder is busy")                        // it has no room, and has not begun
	ErrGone        = errors.New("responder went away before it answered")   // it may have done part of its work
	ErrNoAnswer    = errors.New("the responders ended without an answer")   // such as a stream without a value
	ErrIncomplete  = errors.New("answers are missing")                      // Gather got fewer than it wanted
	ErrClosed      = errors.New("carrier of requests is closed")            // or what it runs over
	ErrDepth       = errors.New("too many requests within each other")      // nobody has begun
	ErrNoMore      = errors.New("every responder has sent its last answer") // what Answers.Next of a driver says at the end
)

// The codes that errors have unless a handler or Config.Codes gives them another one.
const (
	CodeFailed   = "failed"   // any error
	CodeInvalid  = "invalid"  // event.ErrInvalid: the request cannot be read, or the handler refuses it
	CodePanic    = "panic"    // the handler panicked
	CodeDeadline = "deadline" // context.DeadlineExceeded
	CodeCanceled = "canceled" // context.Canceled
	CodeBusy     = "busy"     // ErrBusy
	CodeGone     = "gone"     // ErrGone
)

// Error is what a responder answered in place of data. A handler may return one, to choose code and details.
//
// Within a process it wraps what the handler returned. From another process come the fields alone, and it wraps the error that Config.Codes
// or this package has for the code, so that errors.Is finds it all the same.
type Error struct {
	Code      string            `json:"code"`                // for programs: shop.order.unknown
	Message   string            `json:"message"`             // for people
	Responder string            `json:"responder,omitempty"` // who says it; filled in
	Details   map[string]string `json:"details,omitempty"`   // whatever else helps

	err error
}

func (e *Error) Error() string {
	if e.Responder == "" {
		return e.Message
	}
	return e.Responder + ": " + e.Message
}

// Unwrap returns what the handler returned, or what the code stands for.
func (e *Error) Unwrap() error { return e.err }

// MismatchError says that data are not of the type that was wanted.
type MismatchError struct {
	What string // "the answer of pricing", "the request"
	Got  string // the type that it is
	Want string // the type that was wanted
	Err  error  // what the codec says about it; nil when the types' names alone tell
}

func (e *MismatchError) Error() string {
	text := fmt.Sprintf("%s is %s, and %s is wanted", e.What, e.Got, e.Want)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns what the codec says.
func (e *MismatchError) Unwrap() error { return e.Err }

// Is reports that the error is event.ErrInvalid.
func (e *MismatchError) Is(target error) bool { return target == event.ErrInvalid }

// IncompleteError says what Gather did not get.
type IncompleteError struct {
	Want   int     // how many answers
	Got    int     // how many came
	Asked  int     // how many responders are known
	Failed []error // what responders answered in place of data: mostly *Error
	Err    error   // why no more was waited for: ErrNoMore, or the context's error
}

// Missing returns how many answers did not come.
func (e *IncompleteError) Missing() int { return e.Want - e.Got }

func (e *IncompleteError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d answers are missing, %d responders were asked", e.Missing(), e.Want, e.Asked)
	separator := ": "
	for _, err := range e.Failed {
		b.WriteString(separator + err.Error())
		separator = "; "
	}
	if e.Err != ErrNoMore { // which goes without saying, after how many were asked
		fmt.Fprintf(&b, "%s%v", separator, e.Err)
	}
	return b.String()
}

// Is reports that the error is ErrIncomplete.
func (e *IncompleteError) Is(target error) bool { return target == ErrIncomplete }

// Unwrap returns what failed and why no more was waited for.
func (e *IncompleteError) Unwrap() []error { return append(slices.Clone(e.Failed), e.Err) }

// UnfinishedError says what still ran when a Close or a Drain gave up waiting.
type UnfinishedError struct {
	Left []Left // responders whose handlers had not returned
	Err  error  // why waiting ended: the context's error
}

// Left is what one responder left undone.
type Left struct {
	Responder string // its name
	Running   int    // handlers that had not returned
}

func (e *UnfinishedError) Error() string {
	var b strings.Builder
	b.WriteString("gave up waiting")
	for _, l := range e.Left {
		fmt.Fprintf(&b, "; %s: handlers still running %d", l.Responder, l.Running)
	}
	return fmt.Sprintf("%s: %v", b.String(), e.Err)
}

// Unwrap returns why waiting ended.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// code is an error that has one, so that errors.Is works across processes.
type code struct {
	name string
	err  error
}

// knownCodes are this package's.
var knownCodes = []code{
	{CodeBusy, ErrBusy},
	{CodeGone, ErrGone},
	{CodeInvalid, event.ErrInvalid},
	{CodeDeadline, context.DeadlineExceeded},
	{CodeCanceled, context.Canceled},
}

// reserved are the codes that Config.Codes cannot have.
var reserved = []string{CodeFailed, CodePanic, CodeBusy, CodeGone, CodeInvalid, CodeDeadline, CodeCanceled}

// allCodes returns the given codes, in order of name, and this package's.
func allCodes(given map[string]error) ([]code, error) {
	codes := make([]code, 0, len(given)+len(knownCodes))
	for name, err := range given {
		switch {
		case event.CheckName("code", name) != nil:
			return nil, event.Invalid("codes", "%v", event.CheckName("code", name))
		case err == nil:
			return nil, event.Invalid("codes", "the error of %q is nil", name)
		case slices.Contains(reserved, name):
			return nil, event.Invalid("codes", "%q is a code of package request; choose another one, such as shop.%s", name, name)
		}
		codes = append(codes, code{name, err})
	}
	slices.SortFunc(codes, func(a, b code) int { return strings.Compare(a.name, b.name) })
	return append(codes, knownCodes...), nil
}

// describe returns the error of a handler as an answer has it. It calls methods of err, which are the user's.
func describe(codes []code, responder string, err error) *Error {
	e := &Error{Code: CodeFailed, Message: fmt.Sprint(err), Responder: responder, err: err} // Sprint survives a typed nil
	if own, ok := errors.AsType[*Error](err); ok && own != nil {
		e.Details = own.Details
		if err == error(own) {
			e.Message = own.Message
		}
		if own.Code != "" {
			e.Code = own.Code
			return e
		}
	} else if _, panicked := errors.AsType[*bus.PanicError](err); panicked {
		e.Code, e.Message = CodePanic, "the handler panicked" // what was given to panic may hold anything
		return e
	}
	if i := slices.IndexFunc(codes, func(c code) bool { return errors.Is(err, c.err) }); i >= 0 {
		e.Code = codes[i].name
	}
	return e
}

// restore returns the error with what its code stands for, when it came from another process.
func restore(codes []code, e *Error) *Error {
	if e.err != nil {
		return e
	}
	i := slices.IndexFunc(codes, func(c code) bool { return c.name == e.Code })
	if i < 0 {
		return e
	}
	restored := *e
	restored.err = codes[i].err
	return &restored
}

// gone is what the asker is told about a responder that went away.
func gone(responder string) *Error {
	return &Error{Code: CodeGone, Message: ErrGone.Error(), Responder: responder, err: ErrGone}
}

// busy is what the asker is told about a responder without room.
func busy(responder string) *Error {
	return &Error{Code: CodeBusy, Message: ErrBusy.Error(), Responder: responder, err: ErrBusy}
}
