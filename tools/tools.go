// Package tools holds no code. The go.mod beside it pins the programs that
// make lint runs, so that they never enter another module's dependencies.
package tools
