package screen

import (
	"bufio"
	"io"
	"os"

	"golang.org/x/term"
)

// Output is where a command writes for people. Use it from one goroutine.
type Output struct {
	*bufio.Writer
	width  int  // columns of the terminal; 0 when there is none
	colour bool // whether Colour does anything
}

// New returns the output over w. Call Flush at the end.
func New(w io.Writer) *Output {
	o := &Output{Writer: bufio.NewWriterSize(w, 32<<10)}
	if file := Terminal(w); file != nil {
		o.width, _, _ = term.GetSize(int(file.Fd()))
		o.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return o
}

// Terminal returns w as a file if it is a terminal, else nil.
func Terminal(w any) *os.File {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	return file
}

// The colours in use: two are enough to tell columns apart on dark and light ground.
const (
	Dim  = "\x1b[2m"
	Cyan = "\x1b[36m"

	reset = "\x1b[0m"
)

// Colour returns s in a colour on a terminal, and s anywhere else.
func (o *Output) Colour(colour, s string) string {
	if !o.colour || colour == "" {
		return s
	}
	return colour + s + reset
}
