//go:build !amd64

package e2e

var (
	olderCalls = map[string]uintptr{}
	unfiltered []int
)
