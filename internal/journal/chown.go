package journal

import (
	"os"
	"syscall"
)

// chownLike gives path the owner of the file that st describes, as far as the
// caller may: the sensor must still be able to write to its own segments.
func chownLike(path string, st os.FileInfo) {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		_ = os.Lchown(path, int(s.Uid), int(s.Gid)) // without privilege it is the caller's file already
	}
}
