package program

import (
	"regexp"
	"sort"

	"github.com/whalefall/whalefall/internal/vfs"
)

var partName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// cmdRunParts is debianutils' run-parts, and BusyBox's: it runs the programs of a
// directory in order. Deviation: --report heads no output.
func cmdRunParts(p *P) int {
	opts, args, ok := p.getopt("a:u:v", "test=t", "list=l", "verbose=v", "report=r", "reverse=R", "exit-on-error=e", "umask:=u", "arg:=a", "regex:=x", "new-session=n", "lsbsysinit=L", "debug=d")
	if !ok {
		return p.status
	}
	if len(args) != 1 {
		p.errf("missing operand")
		return 1
	}
	ents, err := p.t.ReadDir(args[0])
	if err != nil {
		p.errf("failed to open directory %s: %s", args[0], text(err))
		return 1
	}
	f := set(opts)
	var names []string
	for _, e := range ents {
		if partName.MatchString(e.Name) {
			names = append(names, e.Name)
		}
	}
	sort.Strings(names)
	for _, n := range names {
		path := args[0] + "/" + n
		st, err := p.t.Stat(path)
		if err != nil || !st.Mode.IsRegular() {
			continue
		}
		exec := p.t.Access(path, vfs.MayExec) == nil
		switch {
		case f.has("l"), f.has("t") && exec:
			p.puts(path + "\n")
			continue
		case f.has("t"), !exec:
			continue
		}
		p.out.Flush()
		code, err := p.run([]string{path})
		switch {
		case err != nil:
			p.errf("failed to exec %s: %s", path, text(err))
			p.status = 1
		case code != 0:
			p.errf("%s exited with return code %d", path, code)
			p.status = 1
		}
		if p.status != 0 && f.has("e") {
			break
		}
	}
	return p.status
}
