package fidelity

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
)

func sortStrings(s []string) { sort.Strings(s) }

// splitTop splits a JSON array into its elements, as text. nil: it is none. The
// placeholders of the normalizer are no JSON, so this counts brackets.
func splitTop(s string) []string {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "[") || !strings.HasSuffix(s, "]") {
		return nil
	}
	s = s[1 : len(s)-1]
	var out []string
	depth, start, str := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case str && c == '\\':
			i++
		case c == '"':
			str = !str
		case str:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ',' && depth == 0:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

// Difference is one field in which two answers differ.
type Difference struct {
	Field, Want, Got string
}

// Diff compares a step's answers.
func Diff(want, got Normal) []Difference {
	var out []Difference
	add := func(f, w, g string) { out = append(out, Difference{f, w, g}) }
	if len(want.Head) == 0 || len(got.Head) == 0 {
		if len(want.Head) != len(got.Head) {
			add("answer", strings.Join(want.Head, "|"), strings.Join(got.Head, "|"))
		}
		return out
	}
	if want.Head[0] != got.Head[0] {
		add("status", want.Head[0], got.Head[0])
	}
	wh, gh := want.Head[1:], got.Head[1:]
	if !slices.Equal(wh, gh) {
		names := map[string]bool{}
		split := func(hs []string) map[string]string {
			m := map[string]string{}
			for _, h := range hs {
				k, v, _ := strings.Cut(h, ": ")
				m[k] += v + "\x00"
				names[k] = true
			}
			return m
		}
		wm, gm := split(wh), split(gh)
		n := len(out)
		for _, k := range sortedKeys(names) {
			if k == "Content-Length" && want.Body != got.Body {
				continue
			}
			if wm[k] != gm[k] {
				add("header "+k, strings.ReplaceAll(wm[k], "\x00", ""), strings.ReplaceAll(gm[k], "\x00", ""))
			}
		}
		if len(out) == n && want.Body == got.Body {
			add("header order", strings.Join(wh, "|"), strings.Join(gh, "|"))
		}
	}
	if want.Frame != got.Frame {
		add("frame", want.Frame, got.Frame)
	}
	if want.Body != got.Body {
		w, g := flatten(want.Body), flatten(got.Body)
		if w == nil || g == nil {
			add("body", want.Body, got.Body)
			return out
		}
		names := map[string]bool{}
		wm, gm := map[string]string{}, map[string]string{}
		for _, p := range w {
			wm[p[0]], names[p[0]] = p[1], true
		}
		for _, p := range g {
			gm[p[0]], names[p[0]] = p[1], true
		}
		n := len(out)
		for _, k := range sortedKeys(names) {
			wv, wok := wm[k]
			gv, gok := gm[k]
			if !wok {
				wv = "(absent)"
			}
			if !gok {
				gv = "(absent)"
			}
			if wv != gv {
				add("body "+k, wv, gv)
			}
		}
		if len(out) == n {
			add("body order", want.Body, got.Body)
		}
	}
	return out
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// flatten lists a JSON document's leaves by path. Placeholders that stand where a
// number stood are put in quotes first.
func flatten(s string) [][2]string {
	r := strings.NewReplacer(":<unix>", `:"<unix>"`, ":<host>", `:"<host>"`, ":<pid>", `:"<pid>"`, ":<size>", `:"<size>"`)
	dec := json.NewDecoder(strings.NewReader(r.Replace(s)))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	var out [][2]string
	var walk func(p string, v any)
	walk = func(p string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if len(v) == 0 {
				out = append(out, [2]string{p, "{}"})
			}
			for k, e := range v {
				walk(p+"."+k, e)
			}
		case []any:
			if len(v) == 0 {
				out = append(out, [2]string{p, "[]"})
			}
			for i, e := range v {
				walk(fmt.Sprintf("%s[%d]", p, i), e)
			}
		default:
			b, _ := json.Marshal(v)
			out = append(out, [2]string{p, string(b)})
		}
	}
	walk("", v)
	return out
}
