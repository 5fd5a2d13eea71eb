package image

import (
	"path"
	"sort"
	"strings"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Node is one entry of a [Tree].
type Node struct {
	Path     string // absolute
	Mode     vfs.Mode
	UID, GID uint32
	// Text is a regular file's content, or a link's target.
	Text string
	// Program names the program an executable runs, Size how large its file is.
	Program string
	Size    int64
}

// Tree is a file tree written down as data, from which a layer is built. A later
// entry of the same path replaces an earlier one; missing parents are made.
type Tree struct {
	nodes []Node
	index map[string]int
}

func (t *Tree) put(n Node) {
	n.Path = path.Clean("/" + n.Path)
	if t.index == nil {
		t.index = make(map[string]int)
	}
	if i, ok := t.index[n.Path]; ok {
		t.nodes[i] = n
		return
	}
	t.index[n.Path] = len(t.nodes)
	t.nodes = append(t.nodes, n)
}

// Dir adds directories, root's, with a mode.
func (t *Tree) Dir(mode vfs.Mode, paths ...string) {
	for _, p := range paths {
		t.put(Node{Path: p, Mode: vfs.S_IFDIR | mode})
	}
}

// OwnDir adds a directory of an owner's.
func (t *Tree) OwnDir(mode vfs.Mode, uid, gid uint32, p string) {
	t.put(Node{Path: p, Mode: vfs.S_IFDIR | mode, UID: uid, GID: gid})
}

// File adds a regular file of root's.
func (t *Tree) File(p string, mode vfs.Mode, text string) {
	t.put(Node{Path: p, Mode: vfs.S_IFREG | mode, Text: text})
}

// OwnFile adds a regular file of an owner's.
func (t *Tree) OwnFile(p string, mode vfs.Mode, uid, gid uint32, text string) {
	t.put(Node{Path: p, Mode: vfs.S_IFREG | mode, UID: uid, GID: gid, Text: text})
}

// Link adds a symbolic link.
func (t *Tree) Link(p, target string) {
	t.put(Node{Path: p, Mode: vfs.S_IFLNK | 0o777, Text: target})
}

// Bin adds an executable that runs a program of the registry.
func (t *Tree) Bin(p, program string, size int64) {
	t.put(Node{Path: p, Mode: vfs.S_IFREG | 0o755, Program: program, Size: size})
}

// Blob adds a file of a size whose content is no matter: libraries and the like.
func (t *Tree) Blob(p string, mode vfs.Mode, size int64) {
	t.put(Node{Path: p, Mode: vfs.S_IFREG | mode, Program: "-", Size: size})
}

// OwnBlob is Blob for an owner.
func (t *Tree) OwnBlob(p string, mode vfs.Mode, uid, gid uint32, size int64) {
	t.put(Node{Path: p, Mode: vfs.S_IFREG | mode, UID: uid, GID: gid, Program: "-", Size: size})
}

// Bins adds executables of a directory, each running the program of its own
// name, with sizes of the kind such programs have.
func (t *Tree) Bins(dir, names string) {
	for _, n := range strings.Fields(names) {
		t.Bin(path.Join(dir, n), n, binSize(n))
	}
}

// Links adds links of a directory that all lead to one target.
func (t *Tree) Links(dir, target, names string) {
	for _, n := range strings.Fields(names) {
		t.Link(path.Join(dir, n), target)
	}
}

// Add takes all entries of another tree.
func (t *Tree) Add(o *Tree) {
	for _, n := range o.nodes {
		t.put(n)
	}
}

// Nodes returns the entries with all parents, parents first.
func (t *Tree) Nodes() []Node {
	have := make(map[string]bool, len(t.nodes))
	out := make([]Node, 0, len(t.nodes)+32)
	for _, n := range t.nodes {
		have[n.Path] = true
		out = append(out, n)
	}
	for _, n := range t.nodes {
		for d := path.Dir(n.Path); d != "/" && !have[d]; d = path.Dir(d) {
			have[d] = true
			out = append(out, Node{Path: d, Mode: vfs.S_IFDIR | 0o755})
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

// Size is the sum of the files' sizes.
func (t *Tree) Size() int64 {
	var s int64
	for _, n := range t.nodes {
		if n.Mode.IsRegular() {
			if n.Program != "" {
				s += n.Size
			} else {
				s += int64(len(n.Text))
			}
		}
	}
	return s
}

// binSize makes a size for a program's file: known ones as Debian's amd64
// packages have them, the others by their name between 30 and 150 kB.
func binSize(name string) int64 {
	if s, ok := binSizes[name]; ok {
		return s
	}
	h := uint32(2166136261)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return int64(30000+h%120000) &^ 7
}

var binSizes = map[string]int64{
	"bash": 1265648, "dash": 125640, "busybox": 824984, "ls": 151344, "cp": 151152, "mv": 147056, "cat": 44016,
	"echo": 39728, "rm": 72752, "mkdir": 97152, "chmod": 64448, "chown": 72640, "date": 121904, "dd": 89064,
	"df": 105192, "ps": 145008, "grep": 203152, "sed": 126424, "tar": 531984, "gzip": 98136, "find": 224848,
	"curl": 275720, "wget": 477712, "python3.10": 5904904, "python3.11": 6831736, "perl": 3780848, "awk": 158728,
	"mawk": 158728, "docker": 38092592, "dockerd": 101858184, "containerd": 52259144, "runc": 14214624,
	"containerd-shim-runc-v2": 12640256, "docker-proxy": 2038056, "docker-init": 708448, "ssh": 1121824,
	"sshd": 1105184, "systemctl": 1505208, "systemd": 1620224, "apt-get": 51592, "apt": 18752, "dpkg": 318296,
	"nginx": 1525072, "redis-server": 15022528, "xmrig": 8110336, "node": 92431856, "mysqld": 58213128,
	"postgres": 9212648, "mongod": 174218264, "httpd": 1052856, "php": 14211184, "java": 16624,
	"vi": 3784176, "vim.basic": 3784176, "crontab": 39568, "cron": 59488, "iptables": 99296, "openssl": 1017512,
	"git": 3734480, "gcc": 1154720, "make": 244056, "top": 133424, "id": 48112, "sleep": 43888, "true": 35664,
	"rsync": 539040, "socat": 411672, "nc.openbsd": 43784, "sudo": 281624, "su": 72000, "mount": 59704, "umount": 35128,
	"passwd": 68248, "kill": 31032, "tail": 72704, "head": 48144, "traefik": 104857600, "portainer": 41943040,
	"caddy": 38273024, "registry": 25694208, "hello": 13256, "minio": 98566144, "grafana": 83886080,
	"prometheus": 119537664, "influxd": 98566144, "etcd": 23068672, "consul": 115343360, "vault": 189792256,
}
