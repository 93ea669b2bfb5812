package main

import "strconv"

// counted returns a number with its noun: 1 event, 2 events.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
