package main

import (
	"strings"
	"testing"
)

func TestConfigErrorsNameThePlace(t *testing.T) {
	for in, want := range map[string]string{
		"listn: [x]\n":                                      `line 1, column 1: unknown key "listn"`,
		"listen: [a:1]\nhost:\n  corse: 4\n":                `line 3, column 3: unknown key "corse"`,
		"listen: 12: 13\n":                                  "line 1",
		"sessions:\n  silence: soon\n":                      `line 2, column 12: "soon" is no duration`,
		"host: {kind: new}\n":                               `host.kind: "new" is not known`,
		"refuse: [{operation: nap}]\n":                      `refuse[0].operation: "nap"`,
		"sinks: [{type: webhook, url: x}]\n":                "needs url and secret",
		"proxy_peers: [nobody]\n":                           `"nobody" is no address`,
		"quotas: {disk_floor: much}\n":                      `"much" is no size`,
		"refuse:\n  - operation: create\n    words: rude\n": `refuse[0].words: "rude"`,
	} {
		var c config
		err := parseConfig([]byte(in), &c)
		if err == nil {
			err = c.check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", in, err, want)
		}
	}
	var c config
	if err := parseConfig(nil, &c); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain é":         "plain é",
		"\x1b[2J\x1b]0;x": `\x1b[2J\x1b]0;x`,
		"a\x00\xffb\n":    `a\x00\xffb\n`,
		"\u202egpj.exe":   `\u202egpj.exe`,
		"\u009b31m":       `\x9b31m`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"512MiB": 512 << 20, "2 GiB": 2 << 30, "100": 100, "1.5k": 1536} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("%q: %d %v", in, got, err)
		}
	}
}
