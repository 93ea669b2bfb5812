package doctest

import (
	"regexp"
	"strings"
)

// A Block is a fenced code block of a Markdown text.
type Block struct {
	Lang string // first word behind the fence, "" if there is none
	File string // from the line <!-- file: NAME --> right above the fence, "" if there is none
	Line int    // of the opening fence, from 1
	Text string // what stands between the fences, each line with its newline
}

// Blocks returns the fenced code blocks of a Markdown text, in order.
func Blocks(markdown string) []Block { return blocksOf(scan(markdown)) }

func blocksOf(lines []line) []Block {
	var blocks []Block
	for i, l := range lines {
		switch {
		case l.fence && l.code: // opens
			b := Block{Lang: l.lang, Line: i + 1}
			if i > 0 {
				b.File = fileNamed(lines[i-1].text)
			}
			blocks = append(blocks, b)
		case l.code:
			blocks[len(blocks)-1].Text += l.text + "\n"
		}
	}
	return blocks
}

var fileComment = regexp.MustCompile(`^\s*<!--\s*file:\s*(\S+)\s*-->\s*$`)

func fileNamed(text string) string {
	if m := fileComment.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// A line of Markdown knows whether it belongs to a fenced code block. The line
// that opens a block is fence and code, the one that closes it only fence.
type line struct {
	text  string // inside a block without the fence's indentation
	lang  string // of an opening fence
	fence bool
	code  bool
}

var openingFence = regexp.MustCompile("^(\\s*)(```+|~~~+)\\s*([^\\s`]*)[^`]*$")

func scan(markdown string) []line {
	var lines []line
	var indent, fence string // of the block we are in
	for text := range strings.Lines(markdown) {
		l := line{text: strings.TrimRight(text, "\r\n")}
		switch {
		case fence == "":
			if m := openingFence.FindStringSubmatch(l.text); m != nil {
				indent, fence = m[1], m[2]
				l.fence, l.code, l.lang = true, true, m[3]
			}
		case closes(l.text, fence):
			fence = ""
			l.fence = true
		default:
			l.code = true
			l.text = strings.TrimPrefix(l.text, indent)
		}
		lines = append(lines, l)
	}
	return lines
}

// closes tells whether text closes a block: the opening fence's character only,
// and at least as often.
func closes(text, fence string) bool {
	text = strings.TrimSpace(text)
	return len(text) >= len(fence) && strings.Trim(text, fence[:1]) == ""
}
