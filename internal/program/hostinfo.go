package program

import (
	"strings"
)

// osRelease is /etc/os-release as a map.
func osRelease(p *P) map[string]string {
	m := map[string]string{}
	b, _ := p.t.ReadFile("/etc/os-release")
	for _, l := range strings.Split(string(b), "\n") {
		if k, v, ok := strings.Cut(l, "="); ok {
			m[k] = strings.Trim(v, `"`)
		}
	}
	return m
}

// cmdLsbRelease is lsb_release of Debian and Ubuntu: -a and its parts, -s for the values.
func cmdLsbRelease(p *P) int {
	m := osRelease(p)
	id := m["NAME"]
	if id == "Debian GNU/Linux" {
		id = "Debian"
	}
	rows := []struct {
		flag byte
		k, v string
	}{
		{'i', "Distributor ID", id}, {'d', "Description", m["PRETTY_NAME"]},
		{'r', "Release", m["VERSION_ID"]}, {'c', "Codename", m["VERSION_CODENAME"]},
	}
	want, short := "", false
	long := map[string]string{"--all": "idrc", "--id": "i", "--description": "d", "--release": "r", "--codename": "c"}
	for _, a := range p.args {
		switch {
		case a == "--short":
			short = true
		case long[a] != "":
			want += long[a]
		case strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--"):
			for _, f := range a[1:] {
				switch f {
				case 's':
					short = true
				case 'a':
					want += "idrc"
				default:
					want += string(f)
				}
			}
		}
	}
	if want == "" || strings.Contains(want, "idrc") {
		p.raw("No LSB modules are available.\n")
	}
	for _, r := range rows {
		if strings.IndexByte(want, r.flag) < 0 {
			continue
		}
		if short {
			p.printf("%s\n", r.v)
		} else {
			p.printf("%s:\t%s\n", r.k, r.v)
		}
	}
	return 0
}

// cmdGetconf knows what scripts ask of glibc's getconf.
func cmdGetconf(p *P) int {
	if len(p.args) == 0 {
		p.raw("Usage: getconf [-v SPEC] VAR\n  or:  getconf [-v SPEC] PATH_VAR PATH\n")
		return 2
	}
	switch v := p.args[0]; v {
	case "_NPROCESSORS_ONLN", "_NPROCESSORS_CONF", "NPROCESSORS_ONLN":
		p.printf("%d\n", p.t.Kernel().HostInfo().Cores)
	case "PAGE_SIZE", "PAGESIZE":
		p.printf("4096\n")
	case "LONG_BIT":
		p.printf("64\n")
	case "CLK_TCK":
		p.printf("100\n")
	case "ARG_MAX":
		p.printf("2097152\n")
	case "OPEN_MAX":
		p.printf("1024\n")
	case "PATH":
		p.printf("/bin:/usr/bin\n")
	default:
		p.raw("getconf: Unrecognized variable `%s'\n", v)
		return 2
	}
	return 0
}

// cmdDetectVirt is systemd-detect-virt on a rented machine.
func cmdDetectVirt(p *P) int { p.printf("kvm\n"); return 0 }
