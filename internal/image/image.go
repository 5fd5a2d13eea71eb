// Package image is Docker's image objects without a daemon: layers, ids,
// configurations, references, and a catalogue of the images that are asked for.
//
// # Promise
//
// An [Image] is immutable and content-addressed: its id is the SHA-256 of its
// configuration's JSON, as in docker/image. Layers are [vfs.Layer]s, built when
// first needed and shared by every world of the process. What the catalogue
// makes up (digests, creation times) depends on the installation's salt, so two
// installations show two different builds of one image and no id is common to
// all; within one installation it never changes.
//
// # Locks
//
// [Catalogue] and [Layer] have a sync.Once a layer and a mutex over the cache of
// resolved images; nothing blocks on anything else. [Store] has no lock: it
// belongs to a world and is guarded by that world's own.
//
// # What it must never do
//
// Pull, dial, read a file of the machine: what is not in the catalogue is made up.
package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Layer is a layer of an image.
type Layer struct {
	DiffID string // sha256 of its tar
	Digest string // sha256 of its compressed blob
	Size   int64  // of its files
	Blob   int64  // of its compressed blob
	// Kept is what its tar had beside the files; nil has it made of the tree alone.
	Kept *vfs.Kept

	once  sync.Once
	build func() *vfs.Layer
	tree  *vfs.Layer
}

// NewLayer makes a layer whose tree is built at its first use.
func NewLayer(diffID string, size int64, build func() *vfs.Layer) *Layer {
	return &Layer{DiffID: diffID, Size: size, build: build}
}

// Tree returns the layer's files.
func (l *Layer) Tree() *vfs.Layer {
	l.once.Do(func() {
		if l.build != nil {
			l.tree = l.build()
		}
		if l.tree == nil {
			l.tree = vfs.NewLayerBuilder().Build()
		}
	})
	return l.tree
}

// WriteTar writes the layer's tar and tells its length.
func (l *Layer) WriteTar(w io.Writer) (int64, error) {
	c := &counted{w: w}
	if l.Kept != nil {
		err := l.Kept.Write(c, l.Tree())
		return c.n, err
	}
	t := vfs.New(vfs.Config{}, l.Tree())
	err := t.WriteTar(c, t.Root(), "")
	return c.n, err
}

type counted struct {
	w io.Writer
	n int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// History is one entry of an image's history.
type History struct {
	Created    time.Time `json:"created"`
	Author     string    `json:"author,omitempty"`
	CreatedBy  string    `json:"created_by,omitempty"`
	Comment    string    `json:"comment,omitempty"`
	EmptyLayer bool      `json:"empty_layer,omitempty"`
}

// RootFS names an image's layers.
type RootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

// Config is an image's configuration as it is hashed, docker/image.V1Image and
// Image in the order their keys are written.
type Config struct {
	Architecture    string            `json:"architecture"`
	Variant         string            `json:"variant,omitempty"`
	Author          string            `json:"author,omitempty"`
	Comment         string            `json:"comment,omitempty"`
	Config          *container.Config `json:"config,omitempty"`
	Container       string            `json:"container,omitempty"`
	ContainerConfig *container.Config `json:"container_config,omitempty"`
	Created         time.Time         `json:"created"`
	DockerVersion   string            `json:"docker_version,omitempty"`
	History         []History         `json:"history,omitempty"`
	OS              string            `json:"os"`
	OSVersion       string            `json:"os.version,omitempty"`
	RootFS          RootFS            `json:"rootfs"`
}

// Image is an image.
type Image struct {
	ID     string // "sha256:..."
	Parent string // of a commit or classic build
	Config Config
	JSON   []byte // what the id is the hash of
	Layers []*Layer
	// Known tells that the catalogue has it: what runs in it is emulated.
	Known bool
}

// New makes an image of a configuration and its layers. The configuration's
// RootFS is set from the layers.
func New(c Config, layers []*Layer, parent string) *Image {
	c.RootFS = RootFS{Type: "layers", DiffIDs: make([]string, 0, len(layers))}
	for _, l := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.DiffID)
	}
	if c.OS == "" {
		c.OS = "linux"
	}
	if c.Architecture == "" {
		c.Architecture = "amd64"
	}
	b, err := json.Marshal(c)
	if err != nil { // a struct of strings and maps of strings cannot fail
		panic(fmt.Sprintf("image: %v", err))
	}
	return &Image{ID: Digest(b), Parent: parent, Config: c, JSON: b, Layers: layers}
}

// Size is the sum of the layers' sizes.
func (i *Image) Size() int64 {
	var s int64
	for _, l := range i.Layers {
		s += l.Size
	}
	return s
}

// Trees returns the layers' trees from the lowest up.
func (i *Image) Trees() []*vfs.Layer {
	out := make([]*vfs.Layer, len(i.Layers))
	for k, l := range i.Layers {
		out[k] = l.Tree()
	}
	return out
}

// ChainIDs returns the chain id of each prefix of the layers, the top's last.
func (i *Image) ChainIDs() []string {
	var out []string
	for k, l := range i.Layers {
		if k == 0 {
			out = append(out, l.DiffID)
		} else {
			out = append(out, Digest([]byte(out[k-1]+" "+l.DiffID)))
		}
	}
	return out
}

// RunConfig returns a copy of what a container of the image starts from.
func (i *Image) RunConfig() *container.Config {
	if i.Config.Config == nil {
		return nil
	}
	return CloneConfig(i.Config.Config)
}

// CloneConfig copies a configuration in depth.
func CloneConfig(c *container.Config) *container.Config {
	b, err := json.Marshal(c)
	if err != nil {
		cc := *c
		return &cc
	}
	var out container.Config
	if json.Unmarshal(b, &out) != nil {
		cc := *c
		return &cc
	}
	return &out
}

// Digest is "sha256:" and the hash of b.
func Digest(b []byte) string {
	h := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(h[:])
}
