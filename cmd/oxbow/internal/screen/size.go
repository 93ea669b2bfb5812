package screen

import "fmt"

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
