package schedule

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// cronField is what a field of a cron expression may hold.
type cronField struct {
	name     string
	min, max int
	names    []string // of the values from min on
	question bool     // ? stands for *
}

var cronFields = [...]cronField{
	{name: "second", max: 59},
	{name: "minute", max: 59},
	{name: "hour", max: 23},
	{name: "day of month", min: 1, max: 31, question: true},
	{name: "month", min: 1, max: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{name: "day of week", max: 7, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, question: true},
}

// cronParser reads one expression.
type cronParser struct{ text string }

// word is a part of the expression, and where it begins.
type word struct {
	text string
	at   int
}

func (p *cronParser) wrong(at int, format string, args ...any) error {
	return &CronError{Text: p.text, Position: at, Reason: fmt.Sprintf(format, args...)}
}

func (f *cronField) wrong(p *cronParser, at int, format string, args ...any) error {
	return &CronError{Text: p.text, Field: f.name, Position: at, Reason: fmt.Sprintf(format, args...)}
}

func (p *cronParser) parse() (Cron, error) {
	words := p.words()
	switch {
	case len(words) == 0:
		return Cron{}, p.wrong(0, `is empty; write five fields, such as "0 9 * * mon-fri"`)
	case strings.HasPrefix(words[0].text, "@"):
		return p.macro(words)
	case strings.HasPrefix(words[0].text, "TZ=") || strings.HasPrefix(words[0].text, "CRON_TZ="):
		return Cron{}, p.wrong(0, "names a time zone; give that as an argument of its own")
	case len(words) == len(cronFields)-1:
		words = slices.Insert(words, 0, word{"0", 0})
	case len(words) != len(cronFields):
		return Cron{}, p.wrong(0, "has %d fields; write minute, hour, day of month, month and day of week, with the second before them if it matters", len(words))
	}
	return p.fields(words)
}

// words are what spaces separate.
func (p *cronParser) words() (words []word) {
	for at := 0; at < len(p.text); {
		if isSpace(p.text[at]) {
			at++
			continue
		}
		end := at
		for end < len(p.text) && !isSpace(p.text[end]) {
			end++
		}
		words = append(words, word{p.text[at:end], at})
		at = end
	}
	return words
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func (p *cronParser) macro(words []word) (Cron, error) {
	name := strings.ToLower(words[0].text)
	if name == "@every" {
		return p.interval(words[1:])
	}
	fields, ok := macros[name]
	switch {
	case name == "@reboot":
		return Cron{}, p.wrong(words[0].at, "@reboot is not about time; do it when the program starts")
	case !ok:
		return Cron{}, p.wrong(words[0].at, "there is no %q; there are @every and %s", clip(name), strings.Join(slices.Sorted(maps.Keys(macros)), ", "))
	case len(words) > 1:
		return Cron{}, p.wrong(words[1].at, "%s takes nothing after it", name)
	}
	meaning := cronParser{text: fields}
	return meaning.parse()
}

func (p *cronParser) interval(words []word) (Cron, error) {
	if len(words) != 1 {
		return Cron{}, p.wrong(0, `@every takes one duration, such as "@every 90s"`)
	}
	every, err := time.ParseDuration(words[0].text)
	if err != nil {
		return Cron{}, p.wrong(words[0].at, "%q is no duration; write it as 90s or 1h30m", clip(words[0].text))
	}
	if every < shortest {
		return Cron{}, p.wrong(words[0].at, "the interval is %v, the shortest is %v", every, shortest)
	}
	return Cron{every: every}, nil
}

func (p *cronParser) fields(words []word) (c Cron, err error) {
	var anything [len(cronFields)]bool
	for i, into := range [...]*bitset{&c.seconds, &c.minutes, &c.hours, &c.days, &c.months, &c.weekdays} {
		if *into, anything[i], err = p.field(&cronFields[i], words[i]); err != nil {
			return Cron{}, err
		}
	}
	c.anyDay, c.anyWeekday = anything[3], anything[5]
	if c.weekdays.has(7) {
		c.weekdays = c.weekdays&^(1<<7) | 1
	}
	if !c.comes() {
		return Cron{}, cronFields[3].wrong(p, words[3].at, "no month of the schedule has such a day, so it would never fire")
	}
	return c, nil
}

// field reads a list of ranges. anything tells that one of them is * without a step.
func (p *cronParser) field(f *cronField, w word) (values bitset, anything bool, err error) {
	at := w.at
	for element := range strings.SplitSeq(w.text, ",") {
		these, all, err := p.element(f, word{element, at})
		if err != nil {
			return 0, false, err
		}
		values |= these
		anything = anything || all
		at += len(element) + 1
	}
	return values, anything, nil
}

// element reads a value, a range or a *, with or without a step.
func (p *cronParser) element(f *cronField, w word) (values bitset, all bool, err error) {
	span, stepText, stepped := strings.Cut(w.text, "/")
	low, high, all, err := p.span(f, word{span, w.at}, stepped)
	if err != nil {
		return 0, false, err
	}
	step := 1
	if stepped {
		if step, err = p.step(f, word{stepText, w.at + len(span) + 1}); err != nil {
			return 0, false, err
		}
	}
	for v := low; v <= high; v += step {
		values |= 1 << v
	}
	return values, all && step == 1, nil
}

func (p *cronParser) span(f *cronField, w word, stepped bool) (low, high int, all bool, err error) {
	if w.text == "*" || w.text == "?" && f.question {
		return f.min, f.last(), true, nil
	}
	first, second, ranged := strings.Cut(w.text, "-")
	if low, err = p.value(f, word{first, w.at}); err != nil {
		return 0, 0, false, err
	}
	switch {
	case !ranged && stepped:
		return low, max(f.last(), low), false, nil
	case !ranged:
		return low, low, false, nil
	}
	end := word{second, w.at + len(first) + 1}
	if high, err = p.value(f, end); err != nil {
		return 0, 0, false, err
	}
	if f.max == 7 && high == 0 && low > 0 {
		high = 7 // fri-sun
	}
	if high < low {
		return 0, 0, false, f.wrong(p, w.at, "the range %s ends before it begins; write it as two, with a comma between", w.text)
	}
	return low, high, false, nil
}

// last returns the last value that * stands for: a Sunday counts once.
func (f *cronField) last() int {
	if f.max == 7 {
		return 6
	}
	return f.max
}

func (p *cronParser) step(f *cronField, w word) (int, error) {
	step, err := number(w.text)
	switch {
	case err != nil:
		return 0, f.wrong(p, w.at, "the step %q is no number", clip(w.text))
	case step < 1 || step > f.max:
		return 0, f.wrong(p, w.at, "the step is %d; it may be 1 to %d", step, f.max)
	}
	return step, nil
}

func (p *cronParser) value(f *cronField, w word) (int, error) {
	if i := slices.Index(f.names, strings.ToLower(w.text)); i >= 0 {
		return f.min + i, nil
	}
	v, err := number(w.text)
	switch {
	case w.text == "":
		return 0, f.wrong(p, w.at, "a value is missing")
	case err != nil:
		return 0, f.wrong(p, w.at, "%q is no value; %s", clip(w.text), f.allowed())
	case v < f.min || v > f.max:
		return 0, f.wrong(p, w.at, "%d is out of range; %s", v, f.allowed())
	}
	return v, nil
}

// number reads digits and nothing else.
func number(text string) (int, error) {
	if len(text) > 4 {
		return 0, strconv.ErrRange
	}
	v, err := strconv.ParseUint(text, 10, 16)
	return int(v), err
}

func (f *cronField) allowed() string {
	if f.names == nil {
		return fmt.Sprintf("it may be %d to %d", f.min, f.max)
	}
	return fmt.Sprintf("it may be %d to %d, or %s to %s", f.min, f.max, f.names[0], f.names[len(f.names)-1])
}
