package screen

import (
	"fmt"
	"strconv"
	"strings"
)

// Size returns a number of bytes for people: 512 B, 1.5 KiB, 2.0 GiB.
func Size(bytes uint64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	size, unit := float64(bytes)/1024, 0
	for size >= 1023.95 && unit < len(units)-1 {
		size /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %s", size, units[unit])
}

var units = [...]string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// Rate returns a number a second for people: 0, 0.02, 9.5, 1234. More than nothing is never shown as 0.
func Rate(perSecond float64) string {
	if perSecond >= 10 {
		return strconv.FormatFloat(perSecond, 'f', 0, 64)
	}
	if perSecond > 0 && perSecond < 0.01 {
		return "<0.01"
	}
	text := strconv.FormatFloat(perSecond, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
