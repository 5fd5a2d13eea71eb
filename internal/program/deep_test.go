package program_test

import (
	"strings"
	"testing"

	"github.com/whalefall/whalefall/internal/kernel/kerneltest"
)

// Hostile nesting ends in an error, not in a crash of the whole process.
func TestDeep(t *testing.T) {
	w := kerneltest.New(t, registry(), kerneltest.Options{Observer: kerneltest.Crashes{T: t}})
	n := 60000
	for _, argv := range [][]string{
		{"awk", "BEGIN { print " + strings.Repeat("(", n) + "1 }"},
		{"awk", "BEGIN { print " + strings.Repeat("1 ", n) + "}"},
		{"awk", "BEGIN { print " + strings.Repeat("-", n) + "1 }"},
		{"awk", "BEGIN { print " + strings.Repeat("1?1:", n) + "1 }"},
		{"awk", "BEGIN { print " + strings.Repeat("$", n) + "1 }"},
		{"awk", "BEGIN " + strings.Repeat("{", n)},
		{"awk", "BEGIN { x" + strings.Repeat("=x", n) + "}"},
		{"sed", strings.Repeat("{", n)},
		{"sed", "s/" + strings.Repeat("(", n) + "/x/"},
		{"grep", "-E", strings.Repeat("(a", n/4)},
		append([]string{"expr"}, strings.Fields(strings.Repeat("( ", n))...),
		append([]string{"test"}, strings.Fields(strings.Repeat("! ", n))...),
	} {
		w.Run("x\n", argv...)
	}
}
