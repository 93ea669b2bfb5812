// Package screen writes for people: aligned tables, text that cannot harm a terminal, progress on long work.
//
// Guarantees:
//
//   - Colours, clipping and progress bars appear on a terminal only; NO_COLOR and TERM=dumb turn colours off there too.
//   - Text from events is shown with its control characters escaped, so that an event cannot move the cursor or ring the bell.
package screen
