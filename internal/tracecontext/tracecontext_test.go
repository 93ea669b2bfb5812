package tracecontext_test

import (
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/internal/tracecontext"
)

const (
	trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	span  = "00f067aa0ba902b7"
	valid = "00-" + trace + "-" + span + "-01"
)

func TestParseTakesWhatTheSpecificationAllows(t *testing.T) {
	for name, c := range map[string]struct{ header, want string }{
		"sampled":                     {valid, valid},
		"not sampled":                 {"00-" + trace + "-" + span + "-00", "00-" + trace + "-" + span + "-00"},
		"unknown flags are dropped":   {"00-" + trace + "-" + span + "-ff", valid},
		"a later version":             {"01-" + trace + "-" + span + "-01", valid},
		"the last version":            {"fe-" + trace + "-" + span + "-01", valid},
		"a later version, one field":  {"cc-" + trace + "-" + span + "-01-what-the-future-will-be-like", valid},
		"a later version, dash alone": {"cc-" + trace + "-" + span + "-01-", valid},
	} {
		t.Run(name, func(t *testing.T) {
			p, ok := tracecontext.Parse(c.header)
			if !ok || p.String() != c.want || p.Flags > tracecontext.Sampled {
				t.Errorf("Parse(%q) = %v, %t; want %s", c.header, p, ok, c.want)
			}
		})
	}
}

func TestParseTakesNothingElse(t *testing.T) {
	zeros := strings.Repeat("0", 32)
	for name, header := range map[string]string{
		"empty":                           "",
		"only a version":                  "00",
		"a version that is forbidden":     "ff-" + trace + "-" + span + "-01",
		"a version in upper case":         "0A-" + trace + "-" + span + "-01",
		"a version that is no number":     ".0-" + trace + "-" + span + "-01",
		"a trace of zeros":                "00-" + zeros + "-" + span + "-01",
		"a span of zeros":                 "00-" + trace + "-" + zeros[:16] + "-01",
		"a trace in upper case":           "00-" + strings.ToUpper(trace) + "-" + span + "-01",
		"a span in upper case":            "00-" + trace + "-" + strings.ToUpper(span) + "-01",
		"flags in upper case":             "00-" + trace + "-" + span + "-0A",
		"no hexadecimal trace":            "00-" + trace[1:] + "g-" + span + "-01",
		"no hexadecimal span":             "00-" + trace + "-" + span[1:] + ".-01",
		"no hexadecimal flags":            "00-" + trace + "-" + span + "-0x",
		"flags of one digit":              "00-" + trace + "-" + span + "-1",
		"a short trace":                   "00-" + trace[1:] + "-" + span + "-01",
		"a short span":                    "00-" + trace + "-" + span[1:] + "-01",
		"version 00 with a further field": valid + "-01",
		"version 00 with a dash":          valid + "-",
		"version 00 that is too long":     valid + "0",
		"a later version without a dash":  "01-" + trace + "-" + span + "-01.later",
		"a later version that is short":   "01-" + trace + "-" + span + "-0",
		"no dash after the version":       "00_" + trace + "-" + span + "-01",
		"no dash after the trace":         "00-" + trace + "_" + span + "-01",
		"no dash after the span":          "00-" + trace + "-" + span + "_01",
		"spaces around":                   " " + valid,
	} {
		t.Run(name, func(t *testing.T) {
			if p, ok := tracecontext.Parse(header); ok {
				t.Errorf("Parse(%q) = %v; want it refused", header, p)
			}
		})
	}
}

func TestANewTraceIsSampledAndAChildIsOfTheSameTrace(t *testing.T) {
	first, other := tracecontext.New(), tracecontext.New()
	if first.Trace == other.Trace || first.Span == other.Span {
		t.Errorf("two new traces are %v and %v", first, other)
	}
	if p, ok := tracecontext.Parse(first.String()); !ok || p != first || p.Flags != tracecontext.Sampled {
		t.Errorf("a new trace %v is read as %v, %t", first, p, ok)
	}
	child := first.Child()
	if child.Trace != first.Trace || child.Flags != first.Flags || child.Span == first.Span {
		t.Errorf("the child of %v is %v", first, child)
	}
}

func TestStateFollowsTheSpecification(t *testing.T) {
	many := func(n int) string {
		var members []string
		for i := range n {
			members = append(members, string(rune('a'+i%26))+string(rune('a'+i/26))+"=1")
		}
		return strings.Join(members, ",")
	}
	a256 := strings.Repeat("a", 256)
	for name, c := range map[string]struct {
		headers []string
		want    string
	}{
		"none":                             {nil, ""},
		"one member":                       {[]string{"rojo=00f067aa0ba902b7"}, "rojo=00f067aa0ba902b7"},
		"several headers are one":          {[]string{"rojo=1", "congo=2"}, "rojo=1,congo=2"},
		"empty members and spaces":         {[]string{"rojo=1 , ,congo=2,"}, "rojo=1 , ,congo=2,"},
		"tabs go":                          {[]string{"rojo=1\t,\tcongo=2"}, "rojo=1,congo=2"},
		"only empty members":               {[]string{",", " "}, ""},
		"a tenant":                         {[]string{"1fw529a3039@dt=FfAc"}, "1fw529a3039@dt=FfAc"},
		"a key of all its characters":      {[]string{"a_-*/9=1"}, "a_-*/9=1"},
		"a space within a value":           {[]string{"a=b c"}, "a=b c"},
		"32 members":                       {[]string{many(32)}, many(32)},
		"33 members":                       {[]string{many(33)}, ""},
		"33 members in two headers":        {[]string{many(32), "zz=1"}, ""},
		"a key twice":                      {[]string{"rojo=1,rojo=2"}, ""},
		"a key twice, in two headers":      {[]string{"rojo=1", "rojo=1"}, ""},
		"a key that begins another":        {[]string{"rojo=1,ro=2"}, "rojo=1,ro=2"},
		"no value":                         {[]string{"rojo="}, ""},
		"no equals sign":                   {[]string{"rojo"}, ""},
		"no key":                           {[]string{"=1"}, ""},
		"two equals signs":                 {[]string{"rojo=1=2"}, ""},
		"one bad member spoils all":        {[]string{"congo=1,Rojo=1"}, ""},
		"a key that begins with a digit":   {[]string{"1rojo=1"}, ""},
		"a key with a dot":                 {[]string{"ro.jo=1"}, ""},
		"a space before the equals sign":   {[]string{"rojo =1"}, ""},
		"two at signs":                     {[]string{"a@b@c=1"}, ""},
		"no tenant":                        {[]string{"@dt=1"}, ""},
		"no system":                        {[]string{"fw@=1"}, ""},
		"a system that begins with digits": {[]string{"fw@1d=1"}, ""},
		"a tenant of 241":                  {[]string{a256[:241] + "@" + a256[:14] + "=1"}, a256[:241] + "@" + a256[:14] + "=1"},
		"a tenant of 242":                  {[]string{a256[:242] + "@dt=1"}, ""},
		"a system of 15":                   {[]string{"fw@" + a256[:15] + "=1"}, ""},
		"a key of 256":                     {[]string{a256 + "=1"}, a256 + "=1"},
		"a key of 257":                     {[]string{a256 + "a=1"}, ""},
		"a value of 255 and a key of 256":  {[]string{a256 + "=" + a256[1:]}, a256 + "=" + a256[1:]},
		"a value of 256, over 512 in all":  {[]string{a256 + "=" + a256}, ""},
		"a value of 257":                   {[]string{"a=" + a256 + "a"}, ""},
		"a value that is not ASCII":        {[]string{"a=é"}, ""},
		"a control character":              {[]string{"a=b\x01c"}, ""},
		"over 512, a long member goes": {
			[]string{"x=" + a256[:200] + ",y=" + a256[:200] + "," + many(30)}, "x=" + a256[:200] + "," + many(30),
		},
		"over 512, the last ones go": {
			[]string{"a=" + a256[:126] + ",b=" + a256[:126] + ",c=" + a256[:126] + ",d=" + a256[:126] + ",e=1"},
			"a=" + a256[:126] + ",b=" + a256[:126] + ",c=" + a256[:126],
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tracecontext.State(c.headers); got != c.want {
				t.Errorf("State(%q) = %q, want %q", c.headers, got, c.want)
			}
		})
	}
}

// FuzzParse holds what is parsed against what is written.
func FuzzParse(f *testing.F) {
	f.Add(valid)
	f.Add("cc-" + trace + "-" + span + "-01-later")
	f.Add("00-" + trace + "-" + span + "-0")
	f.Fuzz(func(t *testing.T, header string) {
		p, ok := tracecontext.Parse(header)
		if !ok {
			return
		}
		again, ok := tracecontext.Parse(p.String())
		if !ok || again != p {
			t.Errorf("%q is %v, and that is read as %v, %t", header, p, again, ok)
		}
		if header[:2] == "00" && header[:53] != p.String()[:53] || header[3:52] != p.String()[3:52] {
			t.Errorf("%q is written as %v", header, p)
		}
	})
}

// FuzzState checks that what is kept is stable, short, and printable.
func FuzzState(f *testing.F) {
	f.Add("rojo=1,congo=2", "a@b=c")
	f.Add(strings.Repeat("a=1, ", 200), "\t")
	f.Fuzz(func(t *testing.T, a, b string) {
		state := tracecontext.State([]string{a, b})
		if again := tracecontext.State([]string{state}); again != state {
			t.Errorf("%q is kept as %q, and that as %q", []string{a, b}, state, again)
		}
		if len(state) > 512 || strings.ContainsFunc(state, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is kept as %q, of %d bytes", []string{a, b}, state, len(state))
		}
	})
}
