package world

import (
	"fmt"
	"strconv"
	"strings"
)

// signals are moby/sys/signal's names.
var signals = func() map[string]int {
	m := map[string]int{}
	for i, n := range strings.Fields(`HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG
 XCPU XFSZ VTALRM PROF WINCH IO PWR SYS`) {
		m[n] = i + 1
	}
	m["IOT"], m["CLD"], m["POLL"], m["UNUSED"] = 6, 17, 29, 31
	m["RTMIN"], m["RTMAX"] = 34, 64
	for i := 1; i <= 15; i++ {
		m[fmt.Sprintf("RTMIN+%d", i)] = 34 + i
	}
	for i := 1; i <= 14; i++ {
		m[fmt.Sprintf("RTMAX-%d", i)] = 64 - i
	}
	return m
}()

// parseSignal is signal.ParseSignal.
func parseSignal(raw string) (int, error) {
	if n, err := strconv.Atoi(raw); err == nil {
		if n == 0 {
			return 0, fmt.Errorf("invalid signal: %s", raw)
		}
		return n, nil
	}
	n, ok := signals[strings.TrimPrefix(strings.ToUpper(raw), "SIG")]
	if !ok {
		return 0, fmt.Errorf("invalid signal: %s", raw)
	}
	return n, nil
}
