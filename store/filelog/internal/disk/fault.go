package disk

import (
	"fmt"
	"runtime/debug"
)

// FaultError says that memory that is a file could not be read: the disk failed, or somebody cut the file short.
type FaultError struct{ Cause error }

func (e *FaultError) Error() string {
	return fmt.Sprintf("a mapped file could not be read: the disk fails, or the file was cut short (%v)", e.Cause)
}

func (e *FaultError) Unwrap() error { return e.Cause }

// Guard calls fn, which reads mapped files, and returns a *FaultError when a page of them cannot be read, which would end the
// process otherwise.
func Guard(fn func() error) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if fault := addressed(recover()); fault != nil {
			err = &FaultError{fault}
		}
	}()
	return fn()
}

// addressed returns the panic of a fault, and goes on with any other.
func addressed(p any) error {
	if p == nil {
		return nil
	}
	if fault, ok := p.(interface {
		error
		Addr() uintptr
	}); ok {
		return fault
	}
	panic(p)
}
