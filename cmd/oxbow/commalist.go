package main

import "strings"

// commaList is the value of a flag that may be repeated, and whose values may be separated by commas.
type commaList []string

// Set adds what is between the commas.
func (l *commaList) Set(text string) error {
	*l = append(*l, strings.Split(text, ",")...)
	return nil
}

func (l *commaList) String() string { return strings.Join(*l, ",") }

// Type is what help shows for the value.
func (l *commaList) Type() string { return "list" }
