package image

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/distribution/reference"

	"github.com/whalefall/whalefall/internal/vfs"
)

func elfOf(program string, size int64) vfs.Content { return Blob{Seed: program, Len: size} }

func catalogue(salt string) *Catalogue {
	return NewCatalogue([]byte(salt), time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), elfOf, nil)
}

func ref(t *testing.T, s string) reference.Named {
	t.Helper()
	r, err := reference.ParseNormalizedNamed(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryEntryBuilds(t *testing.T) {
	c := catalogue("salt")
	for name, e := range entries {
		r := c.Resolve(ref(t, name))
		if r.Image.ID != Digest(r.Image.JSON) {
			t.Errorf("%s: the id is not its configuration's hash", name)
		}
		if !r.Image.Known || r.Entry != e {
			t.Errorf("%s: not known", name)
		}
		layers := 0
		for _, h := range r.Image.Config.History {
			if !h.EmptyLayer {
				layers++
			}
			if h.Created.After(r.Image.Config.Created) {
				t.Errorf("%s: history is younger than the image", name)
			}
		}
		if layers != len(r.Image.Layers) || layers != len(r.Image.Config.RootFS.DiffIDs) {
			t.Errorf("%s: %d layers in the history, %d in all", name, layers, len(r.Image.Layers))
		}
		if rc := r.Image.RunConfig(); len(rc.Cmd)+len(rc.Entrypoint) == 0 {
			t.Errorf("%s: nothing to run", name)
		}
		fs := vfs.New(vfs.Config{}, r.Image.Trees()...)
		for _, p := range e.Programs {
			n := fs.Root()
			var err error
			for _, part := range strings.Split(strings.Trim(p, "/"), "/") {
				if n, err = n.Lookup(nil, part); err != nil {
					break
				}
				if target, lerr := n.Readlink(nil); lerr == nil { // /bin -> usr/bin
					n = fs.Root()
					for _, q := range strings.Split(strings.Trim(target, "/"), "/") {
						if n, err = n.Lookup(nil, q); err != nil {
							break
						}
					}
				}
			}
			if err != nil {
				t.Errorf("%s: %s: %v", name, p, err)
			}
		}
	}
}

func TestSaltsShareNothing(t *testing.T) {
	a, b := catalogue("one"), catalogue("two")
	for _, s := range []string{"alpine", "nginx:1.25", "nobody/knows:it"} {
		x, y := a.Resolve(ref(t, s)), b.Resolve(ref(t, s))
		if x.Image.ID == y.Image.ID || x.Digest == y.Digest || x.Image.Layers[0].DiffID == y.Image.Layers[0].DiffID {
			t.Errorf("%s is the same in both", s)
		}
		if again := catalogue("one").Resolve(ref(t, s)); again.Image.ID != x.Image.ID {
			t.Errorf("%s is another one the next time", s)
		}
	}
}

func TestUnknownImageHasACommand(t *testing.T) {
	r := catalogue("s").Resolve(ref(t, "evil.example/team/xmr:v1"))
	if r.Entry != nil || r.Image.Known || r.Image.RunConfig().Cmd[0] != "/usr/local/bin/xmr" {
		t.Errorf("%+v", r.Image.RunConfig())
	}
}

func TestUnknownImageHasBothShells(t *testing.T) {
	for _, n := range []string{"docker72590/apache:latest", "fuhou/borg", "evil.example/a", "evil.example/b", "evil.example/c"} {
		b := catalogue("s").unknown(n, n).Base
		index := bases[b].tree().index
		for _, sh := range []string{"sh", "bash"} {
			if !slices.ContainsFunc([]string{"/bin/", "/usr/bin/"}, func(d string) bool { _, ok := index[d+sh]; return ok }) {
				t.Errorf("%s on %s has no %s", n, b, sh)
			}
		}
	}
}

func TestStoreLookup(t *testing.T) {
	s := NewStore()
	i := catalogue("s").Resolve(ref(t, "alpine")).Image
	s.Add(i)
	s.Tag(reference.TagNameOnly(ref(t, "alpine")), i.ID, time.Now())
	for _, q := range []string{"alpine", "alpine:latest", "docker.io/library/alpine", i.ID, i.ID[7:], i.ID[7:19]} {
		if got, _, err := s.Lookup(q); got != i || err != nil {
			t.Errorf("%q: %v %v", q, got, err)
		}
	}
	for _, q := range []string{"alpine:3", "nosuch", "sha256:" + strings.Repeat("0", 64)} {
		if got, _, _ := s.Lookup(q); got != nil {
			t.Errorf("%q found %v", q, got.ID)
		}
	}
}

func FuzzResolveBlob(f *testing.F) {
	f.Add("blob:12:/x.so")
	f.Fuzz(func(t *testing.T, s string) {
		if b, ok := ResolveBlob(s); ok && b.Len < 0 {
			t.Error(s)
		}
	})
}
