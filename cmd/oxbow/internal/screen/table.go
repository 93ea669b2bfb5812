package screen

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// Column describes one column of a table.
type Column struct {
	Title  string
	Right  bool   // numbers stand at the right
	Min    int    // least width, for tables whose rows come one by one
	Colour string // of the cells, on a terminal
}

// Table writes rows in aligned columns. The first rows are held back to learn the widths, so that a table of any length needs
// little memory; a later, wider cell widens its column from there on. On a terminal the last column is clipped to fit.
type Table struct {
	out     *Output
	columns []Column
	widths  []int
	held    [][]string
	started bool
}

const heldRows = 200

// Table returns a table on the output. Call Flush after its last row, or as soon as a row must be seen.
func (o *Output) Table(columns ...Column) *Table {
	t := &Table{out: o, columns: columns, widths: make([]int, len(columns))}
	for i, c := range columns {
		t.widths[i] = max(c.Min, runewidth.StringWidth(c.Title))
	}
	return t
}

// Row adds a row, one cell for each column. Cells are cleaned.
func (t *Table) Row(cells ...string) error {
	for i, cell := range cells {
		cells[i] = Clean(cell)
		t.widths[i] = max(t.widths[i], runewidth.StringWidth(cells[i]))
	}
	if t.started {
		return t.write(cells)
	}
	t.held = append(t.held, cells)
	if len(t.held) == heldRows {
		return t.release()
	}
	return nil
}

// Flush writes what is held back. A table without rows writes nothing.
func (t *Table) Flush() error {
	if len(t.held) > 0 {
		if err := t.release(); err != nil {
			return err
		}
	}
	return t.out.Flush()
}

// release writes the titles and the rows held back; from then on rows go straight through.
func (t *Table) release() error {
	t.started = true
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.Title
	}
	if err := t.writeColoured(titles, func(int) string { return Dim }); err != nil {
		return err
	}
	held := t.held
	t.held = nil
	for _, cells := range held {
		if err := t.write(cells); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) write(cells []string) error {
	return t.writeColoured(cells, func(i int) string { return t.columns[i].Colour })
}

func (t *Table) writeColoured(cells []string, colour func(column int) string) error {
	var line strings.Builder
	left := t.out.width
	for i, cell := range cells {
		if i > 0 {
			line.WriteString("  ")
			left -= 2
		}
		before, after := t.padding(i, cell)
		if i == len(cells)-1 {
			after = 0
			cell = t.fit(cell, left)
		}
		left -= t.widths[i]
		line.WriteString(strings.Repeat(" ", before) + t.out.Colour(colour(i), cell) + strings.Repeat(" ", after))
	}
	_, err := t.out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	return err
}

func (t *Table) padding(i int, cell string) (before, after int) {
	gap := t.widths[i] - runewidth.StringWidth(cell)
	if t.columns[i].Right {
		return gap, 0
	}
	return 0, gap
}

// fit clips the last cell to the rest of the line on a terminal. A line that is full already keeps a few columns of it.
func (t *Table) fit(cell string, left int) string {
	if t.out.width == 0 || t.columns[len(t.columns)-1].Right {
		return cell
	}
	return Clip(cell, max(left, 16))
}
