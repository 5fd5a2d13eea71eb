package image

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/whalefall/whalefall/internal/vfs"
)

// ELF makes the content of an executable that runs a program of the kernel's
// registry.
type ELF func(program string, size int64) vfs.Content

// Catalogue knows the images of the made-up registry.
type Catalogue struct {
	salt []byte
	elf  ELF
	// now is when the catalogue was opened: no image is younger.
	now time.Time

	trees *Trees

	mu     sync.Mutex
	images map[string]*Image
}

// Trees caches the built file trees; catalogues of one process can share it.
type Trees struct {
	mu   sync.Mutex
	tree map[string]*vfs.Layer
}

func (t *Trees) get(key string, build func() *vfs.Layer) *vfs.Layer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.tree[key]; l != nil {
		return l
	}
	l := build()
	if t.tree == nil {
		t.tree = map[string]*vfs.Layer{}
	}
	t.tree[key] = l
	return l
}

// NewCatalogue makes a catalogue. All that it makes up comes from salt; nothing
// it has is younger than now. trees may be nil.
func NewCatalogue(salt []byte, now time.Time, elf ELF, trees *Trees) *Catalogue {
	if trees == nil {
		trees = &Trees{}
	}
	return &Catalogue{salt: salt, elf: elf, now: now, trees: trees, images: map[string]*Image{}}
}

func (c *Catalogue) sum(parts ...string) [32]byte {
	h := hmac.New(sha256.New, c.salt)
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return [32]byte(h.Sum(nil))
}

func (c *Catalogue) num(n uint64, parts ...string) uint64 {
	b := c.sum(parts...)
	return binary.BigEndian.Uint64(b[:]) % n
}

func (c *Catalogue) digest(parts ...string) string {
	b := c.sum(parts...)
	return "sha256:" + hex.EncodeToString(b[:])
}

// layerOf builds a vfs layer of a tree.
func (c *Catalogue) layerOf(t *Tree, mtime time.Time) *vfs.Layer { return BuildTree(t, mtime, c.elf) }

// BuildTree makes a layer of a tree's entries.
func BuildTree(t *Tree, mtime time.Time, elf ELF) *vfs.Layer {
	b := vfs.NewLayerBuilder()
	b.Time = mtime.UnixNano()
	for _, n := range t.Nodes() {
		m := vfs.Meta{Mode: n.Mode & 0o7777, UID: n.UID, GID: n.GID}
		var err error
		switch n.Mode.Type() {
		case vfs.S_IFDIR:
			err = b.Dir(n.Path, m)
		case vfs.S_IFLNK:
			err = b.Symlink(n.Path, n.Text, m)
		default:
			var content vfs.Content = vfs.Text(n.Text)
			switch {
			case n.Program == "-":
				content = Blob{Seed: n.Path, Len: n.Size}
			case n.Program != "":
				content = elf(n.Program, n.Size)
			}
			err = b.File(n.Path, content, m)
		}
		if err != nil { // the trees are ours: a clash in one is a mistake in its data
			panic(fmt.Sprintf("image: tree entry %s: %v", n.Path, err))
		}
	}
	return b.Build()
}

// base describes a base system.
type base struct {
	tree    func() *Tree
	size    int64 // of the real image's files
	cmd     []string
	created string
	by      string // the history's first line
}

var bases = map[string]base{
	"alpine3.19": {func() *Tree { return alpineTree("3.19.1") }, 7377000, []string{"/bin/sh"}, "2024-01-27T00:30:48", "/bin/sh -c #(nop) ADD file:37a76ec18f9887751cd8473744917d08b7431fc4085097bb6a09d81b41775473 in / "},
	"alpine3.18": {func() *Tree { return alpineTree("3.18.6") }, 7339000, []string{"/bin/sh"}, "2024-01-26T23:44:54", "/bin/sh -c #(nop) ADD file:32ff5e7a78b890996ee4681cc0a26185d3e9acdb4eb1e2aaccb2411f922fed6b in / "},
	"alpine3.20": {func() *Tree { return alpineTree("3.20.3") }, 7797760, []string{"/bin/sh"}, "2024-09-06T12:05:36", "/bin/sh -c #(nop) ADD file:99093095d62d0421541d882f9ceeddb2981fe701ec0aa9d2c08480712d5fed21 in / "},
	"busybox":    {busyboxTree, 4261550, []string{"sh"}, "2023-05-18T22:34:17", "BusyBox 1.36.1 (glibc), Debian 12"},
	"debian12":   {func() *Tree { return debTree(debian12) }, 116490000, []string{"bash"}, "2024-04-24T03:21:28", "/bin/sh -c #(nop) ADD file:4b1be1de1a1e5aa608c688cad2824587262081866180d7368feb79d33ca05953 in / "},
	"debian11":   {func() *Tree { return debTree(debian11) }, 124200000, []string{"bash"}, "2024-04-24T03:21:36", "/bin/sh -c #(nop) ADD file:f96d0b9d7ba3bdd0ff4dc9a86e6f6ce5eaa3ed2de5cfd7d0ae4a0b1f4e6c7ad2 in / "},
	"ubuntu2204": {func() *Tree { return debTree(ubuntu2204) }, 77861000, []string{"/bin/bash"}, "2024-04-27T13:16:24", "/bin/sh -c #(nop) ADD file:a5d32dc2ab15ff0d7dbd72af26e361eb1f3e87a0d29ec3a1ceab24ad7b3e6ba9 in / "},
	"ubuntu2004": {func() *Tree { return debTree(ubuntu2004) }, 72790000, []string{"/bin/bash"}, "2024-04-10T18:53:02", "/bin/sh -c #(nop) ADD file:d0f7a5b2a3f5d3bd0f2be1f3b5ff50b0b4c6b7d8b4ffe2b1e6c6d1c4b6f3c2a1 in / "},
	"ubuntu1804": {func() *Tree { return debTree(ubuntu1804) }, 63146000, []string{"/bin/bash"}, "2023-05-30T09:32:09", "/bin/sh -c #(nop) ADD file:3c74e7e08cbf9a876b6d7cdbe06d0dcbb1e4fe5f5c0e0b4d4d2c8ea8b8b5a3c2 in / "},
	"centos7":    {func() *Tree { return centosTree("7") }, 203940000, []string{"/bin/bash"}, "2021-09-15T18:20:05", "/bin/sh -c #(nop) ADD file:b3ebbe8bd304723d43b7b44a6d990cd657b63d93d6a2a9293983a30bfc1dfa53 in / "},
	"centos8":    {func() *Tree { return centosTree("8") }, 231268000, []string{"/bin/bash"}, "2021-09-15T18:20:05", "/bin/sh -c #(nop) ADD file:805cb5e15fb6e0bb0326ca33fd2942e068863ce2a8491bb71522c652f31fb466 in / "},
}

// Entry is what the catalogue knows of an image.
type Entry struct {
	Base       string            // of bases; "" is scratch
	Tags       map[string]string // a tag that has another base; "" the rest
	Cmd        []string
	Entrypoint []string
	Env        []string
	WorkDir    string
	User       string
	Ports      []string
	Volumes    []string
	StopSignal string
	Size       int64    // of all layers
	Programs   []string // executables it adds, as absolute paths
	Layers     int      // how many layers it adds
	Created    string
	Files      map[string]string // files it adds
	Stars      int
	Official   bool
	About      string
}

const stdPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Resolved is what a reference of the registry stands for.
type Resolved struct {
	Image  *Image
	Digest string // the manifest's
	Entry  *Entry // nil for an image nobody knows
}

// Resolve makes the image that a reference stands for. Every well-formed
// reference resolves: what is not known gets a base system and a program of its
// own name as its command. The same reference is the same image each time.
func (c *Catalogue) Resolve(ref reference.Named) Resolved {
	ref = reference.TagNameOnly(ref)
	tag := "latest"
	if t, ok := ref.(reference.Tagged); ok {
		tag = t.Tag()
	}
	key := ref.Name() + ":" + tag
	if d, ok := ref.(reference.Digested); ok {
		key = ref.Name() + "@" + d.Digest().String()
	}
	e, known := lookup(ref.Name())
	r := Resolved{Digest: c.digest("manifest", key)}
	if d, ok := ref.(reference.Digested); ok {
		r.Digest = d.Digest().String()
	}
	if known {
		r.Entry = e
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.images[key]; i != nil {
		r.Image = i
		return r
	}
	i := c.build(ref.Name(), tag, key, e, known)
	c.images[key] = i
	r.Image = i
	return r
}

// aliases are tags that are one image.
func (c *Catalogue) baseOf(e *Entry, tag string) string {
	b := e.Base
	for prefix, other := range e.Tags {
		if prefix != "" && (tag == prefix || strings.HasPrefix(tag, prefix)) && len(prefix) > 0 {
			b = other
		}
	}
	if b != "" && strings.Contains(tag, "alpine") && !strings.HasPrefix(b, "alpine") && len(e.Programs) > 0 {
		b = "alpine3.19"
	}
	return b
}

func (c *Catalogue) build(name, tag, key string, e *Entry, known bool) *Image {
	if e == nil {
		e = c.unknown(name, key)
	}
	bname := c.baseOf(e, tag)
	var layers []*Layer
	var hist []History
	created := c.now.Add(-time.Duration(10+c.num(200, "age", key)) * 24 * time.Hour)
	if e.Created != "" {
		if t, err := time.Parse("2006-01-02T15:04:05", e.Created); err == nil {
			created = t
		}
	}
	created = created.Truncate(time.Second).Add(time.Duration(c.num(1e9, "ns", key))).UTC()
	cmd := e.Cmd
	if b, ok := bases[bname]; ok {
		bt, _ := time.Parse("2006-01-02T15:04:05", b.created)
		bt = bt.Add(time.Duration(c.num(1e9, "ns", bname))).UTC()
		if bt.After(created) {
			bt = created.Add(-time.Hour)
		}
		size := b.size + int64(c.num(40000, "size", bname))
		l := c.layer("base/"+bname, size, func() *vfs.Layer {
			return c.trees.get("base/"+bname, func() *vfs.Layer { return c.layerOf(b.tree(), bt) })
		})
		layers = append(layers, l)
		hist = append(hist, History{Created: bt, CreatedBy: b.by})
		if len(b.cmd) > 0 {
			hist = append(hist, History{Created: bt, CreatedBy: fmt.Sprintf("/bin/sh -c #(nop)  CMD [%q]", b.cmd[0]), EmptyLayer: true})
		}
		if cmd == nil && e.Entrypoint == nil {
			cmd = b.cmd
		}
		if len(e.Programs) == 0 && len(e.Files) == 0 && e.Created == "" {
			created = bt
		}
	}
	if len(e.Programs) > 0 || len(e.Files) > 0 {
		n := max(e.Layers, 1)
		rest := e.Size
		for _, l := range layers {
			rest -= l.Size
		}
		if rest < 4096 {
			rest = 4096
		}
		ver := tag
		for k := range n {
			size := rest / int64(n-k)
			if k < n-1 {
				size = int64(float64(size) * (0.3 + float64(c.num(140, "split", key, fmt.Sprint(k)))/100))
			}
			rest -= size
			first := k == 0
			t := created.Add(time.Duration(k-n) * 3 * time.Second)
			l := c.layer(fmt.Sprintf("%s/%d", key, k), size, func() *vfs.Layer {
				tr := &Tree{}
				if first {
					if b, ok := bases[bname]; ok {
						tr.users(b.tree(), accounts[strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")])
					}
					for _, v := range e.Volumes {
						tr.Dir(0o755, v)
					}
					for _, d := range owned[strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")] {
						tr.OwnDir(d.Mode, d.UID, d.GID, d.Path)
					}
					for _, p := range e.Programs {
						prog := path.Base(p)
						tr.Bin(p, prog, binSize(prog))
					}
					for p, text := range e.Files {
						mode := vfs.Mode(0o644)
						if strings.HasPrefix(text, "#!") {
							mode = 0o755
						}
						tr.File(p, mode, text)
					}
				} else {
					tr.Blob(fmt.Sprintf("/usr/share/doc/%s/%d.gz", path.Base(name), k), 0o644, min(size, 1<<20))
				}
				return c.layerOf(tr, t)
			})
			layers = append(layers, l)
			hist = append(hist, History{Created: t, CreatedBy: fmt.Sprintf("RUN /bin/sh -c set -x && install %s %s # buildkit", path.Base(name), ver), Comment: "buildkit.dockerfile.v0"})
		}
	}
	cfg := &container.Config{Env: append([]string{stdPath}, e.Env...), Cmd: cmd, Entrypoint: e.Entrypoint,
		WorkingDir: e.WorkDir, User: e.User, StopSignal: e.StopSignal}
	for _, en := range e.Env {
		if strings.HasPrefix(en, "PATH=") {
			cfg.Env = e.Env
		}
	}
	for _, p := range e.Ports {
		if cfg.ExposedPorts == nil {
			cfg.ExposedPorts = nat.PortSet{}
		}
		cfg.ExposedPorts[nat.Port(p)] = struct{}{}
	}
	for _, v := range e.Volumes {
		if cfg.Volumes == nil {
			cfg.Volumes = map[string]struct{}{}
		}
		cfg.Volumes[v] = struct{}{}
	}
	if len(e.Entrypoint) > 0 {
		hist = append(hist, History{Created: created, CreatedBy: fmt.Sprintf("ENTRYPOINT %s", jsonList(e.Entrypoint)), Comment: "buildkit.dockerfile.v0", EmptyLayer: true})
	}
	if len(e.Cmd) > 0 {
		hist = append(hist, History{Created: created, CreatedBy: fmt.Sprintf("CMD %s", jsonList(e.Cmd)), Comment: "buildkit.dockerfile.v0", EmptyLayer: true})
	}
	i := New(Config{Architecture: "amd64", OS: "linux", Created: created, Config: cfg, History: hist}, layers, "")
	i.Known = known
	return i
}

func jsonList(s []string) string {
	q := make([]string, len(s))
	for i, x := range s {
		q[i] = fmt.Sprintf("%q", x)
	}
	return "[" + strings.Join(q, " ") + "]"
}

// layer makes a layer with made-up digests; layers of one key are one.
func (c *Catalogue) layer(key string, size int64, build func() *vfs.Layer) *Layer {
	l := NewLayer(c.digest("diff", key), size, build)
	l.Digest = c.digest("blob", key)
	l.Blob = max(int64(float64(size)*(0.36+float64(c.num(12, "ratio", key))/100)), 120)
	return l
}

// unknown makes up an entry for an image nobody knows. Its base has bash as well as
// sh: what attackers' own images are called with is one or the other, and a missing
// shell would end the session at its first step.
func (c *Catalogue) unknown(name, key string) *Entry {
	prog := path.Base(name)
	bs := []string{"debian12", "ubuntu2204", "ubuntu2004", "debian11"}
	b := bs[c.num(uint64(len(bs)), "base", key)]
	size := bases[b].size + int64(6<<20+c.num(90<<20, "extra", key))
	return &Entry{Base: b, Size: size, Layers: 1 + int(c.num(4, "layers", key)),
		Programs: []string{"/usr/local/bin/" + prog}, Cmd: []string{"/usr/local/bin/" + prog}}
}

// Blob is a content of a size made from a seed: what a library or archive looks
// like from outside.
type Blob struct {
	Seed string
	Len  int64
}

// Size gives the length.
func (b Blob) Size() int64 { return b.Len }

// ReadAt makes the bytes: an ELF header for what ends in .so, then noise.
func (b Blob) ReadAt(p []byte, off int64) (int, error) {
	return readGenerated(p, off, b.Len, func(i int64) byte {
		if i < 16 && strings.Contains(b.Seed, ".so") {
			return "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"[i]
		}
		x := uint64(i)*0x9e3779b97f4a7c15 + uint64(len(b.Seed))<<32
		for k := 0; k < len(b.Seed); k++ {
			x = (x ^ uint64(b.Seed[k])) * 0x100000001b3
			if k > 8 {
				break
			}
		}
		x ^= x >> 29
		return byte(x >> 13)
	})
}

// Describe writes a blob into a snapshot.
func (b Blob) Describe() string { return fmt.Sprintf("blob:%d:%s", b.Len, b.Seed) }
