package kernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Registry maps names to programs, and executables' build ids to names. It is
// filled before the first kernel is made with it, and shared by many.
type Registry struct {
	mu      sync.RWMutex
	byName  map[string]Program
	byID    map[[20]byte]string
	standIn Program
}

// NewRegistry makes an empty one.
func NewRegistry() *Registry {
	return &Registry{byName: map[string]Program{}, byID: map[[20]byte]string{}, standIn: StandIn}
}

// Register adds a program, or replaces it.
func (r *Registry) Register(name string, p Program) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byName[name] = p
	r.byID[buildID(name)] = name
}

// Lookup finds a program by name.
func (r *Registry) Lookup(name string) (Program, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	p, ok := r.byName[name]
	return p, ok
}

// Names lists the programs.
func (r *Registry) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]string, 0, len(r.byName))
	for n := range r.byName {
		out = append(out, n)
	}
	return out
}

// SetStandIn sets what runs executables that nothing here emulates.
func (r *Registry) SetStandIn(p Program) { r.mu.Lock(); r.standIn = p; r.mu.Unlock() }

// find gives the program of an executable by its first bytes, or, where those are
// somebody else's (an image that was loaded or imported, a static BusyBox that was
// uploaded), by where it stands and what it is called there: see [namesake].
func (r *Registry) find(head []byte, at *vfs.Path) Program {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if id, ok := noteID(head); ok {
		if name, ok := r.byID[id]; ok {
			return r.byName[name]
		}
	}
	if p := r.byName[namesake(at)]; p != nil {
		return p
	}
	return r.standIn
}

// namesake is the name of the program that a foreign executable is taken for: its
// own in a directory of programs, busybox for what is called so anywhere. Elsewhere
// a name says nothing: droppers call what they bring after known tools.
func namesake(at *vfs.Path) string {
	if at == nil {
		return ""
	}
	if strings.HasPrefix(at.Name(), "busybox") {
		return "busybox"
	}
	if up := at.Parent(); up != nil && (up.Name() == "bin" || up.Name() == "sbin") {
		return at.Name()
	}
	return ""
}

// StandIn is the default for executables that cannot be emulated: as the first
// process of a container it stays; elsewhere it leaves a background process under
// its name and returns 0 within a second.
func StandIn(t *Task) int {
	name := path.Base(t.Exe())
	t.Unknown("stand-in", name, strings.Join(t.Args(), " "))
	if t.isInit() {
		for {
			t.Pause()
		}
	}
	// Where there may be no more tasks, it ends alone.
	_, _ = t.ForkWith(ForkOptions{Setsid: true}, func(c *Task) int {
		null := NullFile()
		for fd := range 3 {
			c.Close(fd)
			_, _ = c.InstallFile(null) // the one just closed is free
		}
		// It looks busy, as what is usually run so would be.
		for {
			c.ticks.Add(950000)
			c.Sleep(time.Second)
		}
	})
	t.Sleep(120 * time.Millisecond)
	return 0
}

func buildID(program string) (id [20]byte) {
	h := sha256.Sum256([]byte("build-id\x00" + program))
	copy(id[:], h[:20])
	return
}

// The note's place in the files that ELF makes.
const (
	noteOff = 64 + 56*4
	noteLen = 12 + 4 + 20
)

func noteID(head []byte) (id [20]byte, ok bool) {
	i := bytes.Index(head, []byte{4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0})
	if i < 0 || i+36 > len(head) {
		return id, false
	}
	copy(id[:], head[i+16:])
	return id, true
}

// elf is a 64 bit executable of any size whose code is noise that is made on
// read; its header, interpreter and build-id note are real.
type elf struct {
	program string
	size    int64
	arch    string
	head    []byte
	seed    uint64
}

// ELF makes the content of an executable that runs program: size bytes, arch
// "x86_64" or "aarch64". Copies of the file run the same program.
func ELF(program string, size int64, arch string) vfs.Content {
	e := &elf{program: program, size: max(size, 4096), arch: arch}
	id := buildID(program)
	e.seed = binary.LittleEndian.Uint64(id[:])
	h := make([]byte, 0, 1024)
	h = append(h, 0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	machine := uint16(62)
	interp := "/lib64/ld-linux-x86-64.so.2\x00"
	if arch == "aarch64" || arch == "arm64" {
		machine, interp = 183, "/lib/ld-linux-aarch64.so.1\x00"
	}
	le := binary.LittleEndian
	h = le.AppendUint16(h, 3) // ET_DYN
	h = le.AppendUint16(h, machine)
	h = le.AppendUint32(h, 1)
	h = le.AppendUint64(h, 0x1000+(e.seed%512)*16)  // entry
	h = le.AppendUint64(h, 64)                      // phoff
	h = le.AppendUint64(h, uint64(e.size)&^7-64*30) // shoff
	h = le.AppendUint32(h, 0)
	for _, v := range []uint16{64, 56, 4, 64, 30, 29} {
		h = le.AppendUint16(h, v)
	}
	ph := func(typ, flags uint32, off, size, align uint64) {
		h = le.AppendUint32(h, typ)
		h = le.AppendUint32(h, flags)
		for _, v := range []uint64{off, off, off, size, size, align} {
			h = le.AppendUint64(h, v)
		}
	}
	interpOff := uint64(noteOff + noteLen)
	ph(6, 4, 64, 56*4, 8)
	ph(3, 4, interpOff, uint64(len(interp)), 1)
	ph(4, 4, noteOff, noteLen, 4)
	ph(1, 5, 0, uint64(e.size), 0x1000)
	h = append(h, 4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0)
	h = append(h, id[:]...)
	h = append(h, interp...)
	h = append(h, "\x00GCC: (GNU)\x00libc.so.6\x00__libc_start_main\x00GLIBC_2.34\x00GLIBC_2.2.5\x00_ITM_deregisterTMCloneTable\x00__gmon_start__\x00"...)
	e.head = h
	return e
}

func (e *elf) Size() int64 { return e.size }

func (e *elf) ReadAt(p []byte, off int64) (int, error) {
	if off >= e.size || off < 0 {
		return 0, io.EOF
	}
	short := false
	if int64(len(p)) > e.size-off {
		p = p[:e.size-off]
		short = true
	}
	n := 0
	if off < int64(len(e.head)) {
		n = copy(p, e.head[off:])
	}
	for n < len(p) {
		at := uint64(off) + uint64(n)
		w := mix(e.seed + at/8)
		// A third of the words are zero, as padding and tables are.
		if w%3 == 0 {
			w = 0
		}
		for b := at % 8; b < 8 && n < len(p); b++ {
			p[n] = byte(w >> (8 * b))
			n++
		}
	}
	if short {
		return n, io.EOF
	}
	return n, nil
}

// mix is splitmix64's finaliser.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Describe lets snapshots keep the file as its recipe.
func (e *elf) Describe() string {
	return "elf " + e.program + " " + strconv.FormatInt(e.size, 10) + " " + e.arch
}

// Resolve is the vfs.Resolver of what ELF describes.
func Resolve(desc string) (vfs.Content, bool) {
	f := strings.Fields(desc)
	if len(f) != 4 || f[0] != "elf" {
		return nil, false
	}
	n, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || n < 0 || n > 1<<34 {
		return nil, false
	}
	return ELF(f[1], n, f[3]), true
}

// ProgramOf tells which program an executable's content runs.
func (r *Registry) ProgramOf(c vfs.Content) (string, bool) {
	var head [1024]byte
	n, _ := c.ReadAt(head[:], 0)
	id, ok := noteID(head[:n])
	if !ok {
		return "", false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	name, ok := r.byID[id]
	return name, ok
}
