package oxbowtest

import (
	"fmt"
	"strings"
)

// maxTable bounds the work of comparing what differs: so many pairs of lines, beyond which the lines in between are shown as a whole.
const maxTable = 4_000_000

// around is how many equal lines a diff shows about what differs.
const around = 3

// change is one line of a diff: common, or only in one of the two texts.
type change struct {
	mark byte // ' ', '-', '+'
	line string
}

// diff returns how two texts differ, in the style of a unified diff: lines of want alone begin with -, lines of got alone with +. It
// returns "" when they are equal.
func diff(want, got []string) string {
	changes := compare(want, got)
	var b strings.Builder
	for from, to := range hunks(changes) {
		writeHunk(&b, changes, from, to)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// compare returns the lines of both, those in common once.
func compare(want, got []string) []change {
	first := 0
	for first < len(want) && first < len(got) && want[first] == got[first] {
		first++
	}
	last := 0
	for last < len(want)-first && last < len(got)-first && want[len(want)-1-last] == got[len(got)-1-last] {
		last++
	}
	changes := marked(' ', want[:first])
	changes = append(changes, compareMiddle(want[first:len(want)-last], got[first:len(got)-last])...)
	return append(changes, marked(' ', want[len(want)-last:])...)
}

func marked(mark byte, lines []string) (changes []change) {
	for _, l := range lines {
		changes = append(changes, change{mark, l})
	}
	return changes
}

// compareMiddle finds a longest common subsequence.
func compareMiddle(want, got []string) []change {
	if len(want)*len(got) > maxTable {
		return append(marked('-', want), marked('+', got)...)
	}
	common := make([][]int, len(want)+1) // of want[i:] and got[j:]
	for i := range common {
		common[i] = make([]int, len(got)+1)
	}
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			if want[i] == got[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	return walk(want, got, common)
}

func walk(want, got []string, common [][]int) (changes []change) {
	i, j := 0, 0
	for i < len(want) && j < len(got) {
		switch {
		case want[i] == got[j]:
			changes = append(changes, change{' ', want[i]})
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			changes = append(changes, change{'-', want[i]})
			i++
		default:
			changes = append(changes, change{'+', got[j]})
			j++
		}
	}
	changes = append(changes, marked('-', want[i:])...)
	return append(changes, marked('+', got[j:])...)
}

// hunks yields which lines to show, in runs.
func hunks(changes []change) func(yield func(from, to int) bool) {
	return func(yield func(from, to int) bool) {
		from, to := -1, -1
		for i, c := range changes {
			if c.mark == ' ' {
				continue
			}
			if from >= 0 && i-around > to {
				if !yield(from, to) {
					return
				}
				from = -1
			}
			if from < 0 {
				from = max(0, i-around)
			}
			to = min(len(changes), i+1+around)
		}
		if from >= 0 {
			yield(from, to)
		}
	}
}

func writeHunk(b *strings.Builder, changes []change, from, to int) {
	want, got := 1, 1 // line numbers
	for _, c := range changes[:from] {
		want, got = want+lines(c, '-'), got+lines(c, '+')
	}
	wants, gots := 0, 0
	for _, c := range changes[from:to] {
		wants, gots = wants+lines(c, '-'), gots+lines(c, '+')
	}
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", want, wants, got, gots)
	for _, c := range changes[from:to] {
		fmt.Fprintf(b, "%c %s\n", c.mark, c.line)
	}
}

// lines is how many lines a change is of the text with the mark.
func lines(c change, mark byte) int {
	if c.mark == ' ' || c.mark == mark {
		return 1
	}
	return 0
}
