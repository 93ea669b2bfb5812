package tracecontext

import (
	"slices"
	"strings"
)

// What part 3.3 allows, and how much of it is kept: it asks for at least 512 bytes, and that long members go first.
const (
	maxMembers = 32
	maxState   = 512
	longMember = 128
)

// State joins the tracestate headers of one request into one. It is empty when they break a rule of part 3.3: a member that is not
// key=value, a key that comes twice, or more than 32 members. What is longer than 512 bytes loses whole members: those of
// more than 128 bytes first, and then the last ones.
func State(headers []string) string {
	state := strings.Join(headers, ",") // of one header this is the header
	var room [maxMembers]string
	members := room[:0]
	for member := range strings.SplitSeq(state, ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		key, value, found := strings.Cut(member, "=")
		if !found || !validKey(key) || !validValue(value) || len(members) == maxMembers || has(members, key) {
			return ""
		}
		members = append(members, member)
	}
	if len(state) <= maxState && len(members) > 0 && !strings.Contains(state, "\t") {
		return state
	}
	return shorten(members)
}

func has(members []string, key string) bool {
	return slices.ContainsFunc(members, func(m string) bool {
		return strings.HasPrefix(m, key) && m[len(key)] == '='
	})
}

func shorten(members []string) string {
	size := -1 // of what is joined: a comma less than members
	for _, m := range members {
		size += len(m) + 1
	}
	drop := func(i int) {
		size -= len(members[i]) + 1
		members = slices.Delete(members, i, i+1)
	}
	for i := len(members) - 1; i >= 0 && size > maxState; i-- {
		if len(members[i]) > longMember {
			drop(i)
		}
	}
	for size > maxState {
		drop(len(members) - 1)
	}
	return strings.Join(members, ",")
}

// validKey follows the grammar of part 3.3.1.3.1: a simple key, or a tenant and a system with an @ between them.
func validKey(key string) bool {
	tenant, system, multi := strings.Cut(key, "@")
	if !multi {
		return len(key) <= 256 && key != "" && lower(key[0]) && keyText(key)
	}
	return tenant != "" && len(tenant) <= 241 && (lower(tenant[0]) || number(tenant[0])) && keyText(tenant) &&
		system != "" && len(system) <= 14 && lower(system[0]) && keyText(system)
}

func keyText(s string) bool {
	for i := range len(s) {
		if !lower(s[i]) && !number(s[i]) && !strings.Contains("_-*/", s[i:i+1]) {
			return false
		}
	}
	return true
}

func lower(c byte) bool { return 'a' <= c && c <= 'z' }

func number(c byte) bool { return '0' <= c && c <= '9' }

// validValue wants 1 to 256 printable characters, none of them a comma or an equals sign, the last one no space.
func validValue(value string) bool {
	if value == "" || len(value) > 256 || value[len(value)-1] == ' ' {
		return false
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}
