package engineapi

import (
	"encoding/json"

	"github.com/whalefall/whalefall/internal/persona"
)

// shapes are the answers whose form differs in the persona's release.
func (s *Server) shapes() map[string]func(version string, body []byte) []byte {
	switch s.p.Era {
	case persona.Era20:
		m := map[string]func(string, []byte) []byte{}
		for k, f := range persona.Shapes20 {
			m[k] = encoded(f)
		}
		return m
	case persona.Era26:
		m := map[string]func(string, []byte) []byte{}
		for k, f := range persona.Shapes26 {
			m[k] = encoded(f)
		}
		return m
	}
	return nil
}

// encoded decodes today's answer into the release's own struct and writes that; an
// answer it cannot read stays as it is.
func encoded(f persona.Shape) func(string, []byte) []byte {
	return func(version string, body []byte) []byte {
		v := f(version)
		if v == nil {
			return body
		}
		if err := json.Unmarshal(body, v); err != nil {
			return body
		}
		b, err := persona.Encode(v)
		if err != nil {
			return body
		}
		return b
	}
}
