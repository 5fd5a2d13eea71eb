package image

import (
	"sort"
	"strings"
	"time"

	"github.com/distribution/reference"
)

// Store is the images and references of one daemon: docker/image.Store and
// docker/reference.Store.
type Store struct {
	images map[string]*Image
	refs   map[string]string // a normalized reference, tagged or with a digest, to an id
	tagged map[string]time.Time
}

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{images: map[string]*Image{}, refs: map[string]string{}, tagged: map[string]time.Time{}}
}

// Clone copies the store; the images are shared.
func (s *Store) Clone() *Store {
	n := NewStore()
	for k, v := range s.images {
		n.images[k] = v
	}
	for k, v := range s.refs {
		n.refs[k] = v
	}
	for k, v := range s.tagged {
		n.tagged[k] = v
	}
	return n
}

// Add keeps an image.
func (s *Store) Add(i *Image) { s.images[i.ID] = i }

// Get finds an image by its full id.
func (s *Store) Get(id string) *Image { return s.images[id] }

// Len is how many images there are.
func (s *Store) Len() int { return len(s.images) }

// All lists the images by id.
func (s *Store) All() []*Image {
	out := make([]*Image, 0, len(s.images))
	for _, i := range s.images {
		out = append(out, i)
	}
	sort.Slice(out, func(a, b int) bool { return out[a].ID < out[b].ID })
	return out
}

// Delete forgets an image; its references must have been removed.
func (s *Store) Delete(id string) {
	delete(s.images, id)
	delete(s.tagged, id)
}

// Tag lets a reference lead to an image.
func (s *Store) Tag(ref reference.Named, id string, now time.Time) {
	s.refs[ref.String()] = id
	s.tagged[id] = now
}

// Untag removes a reference.
func (s *Store) Untag(ref reference.Named) bool {
	_, ok := s.refs[ref.String()]
	delete(s.refs, ref.String())
	return ok
}

// LastTag is when an image was last tagged.
func (s *Store) LastTag(id string) time.Time { return s.tagged[id] }

// References lists an image's references, sorted as docker/reference does.
func (s *Store) References(id string) []reference.Named {
	var names []string
	for r, to := range s.refs {
		if to == id {
			names = append(names, r)
		}
	}
	sort.Strings(names)
	out := make([]reference.Named, 0, len(names))
	for _, n := range names {
		if r, err := reference.ParseNormalizedNamed(n); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// ByRef finds the image of a reference.
func (s *Store) ByRef(ref reference.Named) *Image { return s.images[s.refs[ref.String()]] }

// Children lists the images made from id.
func (s *Store) Children(id string) []*Image {
	var out []*Image
	for _, i := range s.images {
		if i.Parent == id {
			out = append(out, i)
		}
	}
	return out
}

// Lookup resolves what a client calls an image: a reference, an id or the
// beginning of one, in the order of daemon/images.GetImage.
func (s *Store) Lookup(refOrID string) (*Image, reference.Reference, error) {
	ref, err := reference.ParseAnyReference(refOrID)
	if err != nil {
		return nil, nil, err
	}
	named, ok := ref.(reference.Named)
	if !ok {
		if d, ok := ref.(reference.Digested); ok {
			return s.images[d.Digest().String()], ref, nil
		}
		return nil, ref, nil
	}
	named = reference.TagNameOnly(named)
	if i := s.ByRef(named); i != nil {
		return i, ref, nil
	}
	want := strings.TrimPrefix(refOrID, "sha256:")
	if len(want) > 0 && len(want) <= 64 {
		var found *Image
		for id, i := range s.images {
			if strings.HasPrefix(id[len("sha256:"):], want) {
				if found != nil {
					return nil, ref, nil
				}
				found = i
			}
		}
		if found != nil {
			return found, ref, nil
		}
	}
	return nil, ref, nil
}
