package program

import (
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
	"github.com/whalefall/whalefall/internal/vfs"
)

// pkgInfo is an entry of the built-in catalogue.
type pkgInfo struct {
	deb, rpm, apk string   // versions
	bins          []string // what it brings, by path
	kb            int
	inits         []string // services
}

// catalogue holds what attackers install. A name that is not here is not found,
// as an unknown package is not.
var catalogue = map[string]pkgInfo{
	"curl":                       {"7.81.0-1ubuntu1.15", "7.61.1-33.el8", "8.5.0-r0", []string{"/usr/bin/curl"}, 454, nil},
	"wget":                       {"1.21.2-2ubuntu1", "1.19.5-11.el8", "1.21.4-r0", []string{"/usr/bin/wget"}, 984, nil},
	"bash":                       {"5.1-6ubuntu1", "4.4.20-4.el8_6", "5.2.21-r0", []string{"/bin/bash"}, 1864, nil},
	"cron":                       {"3.0pl1-137ubuntu3", "", "", []string{"/usr/sbin/cron", "/usr/bin/crontab"}, 256, []string{"cron"}},
	"cronie":                     {"", "1.5.2-8.el8", "1.7.0-r0", []string{"/usr/sbin/crond", "/usr/bin/crontab"}, 264, []string{"crond"}},
	"dcron":                      {"", "", "4.5-r9", []string{"/usr/sbin/crond", "/usr/bin/crontab"}, 84, nil},
	"git":                        {"1:2.34.1-1ubuntu1.10", "2.39.3-1.el8_8", "2.43.0-r0", []string{"/usr/bin/git"}, 18900, nil},
	"python3":                    {"3.10.6-1~22.04", "3.6.8-51.el8", "3.11.6-r1", []string{"/usr/bin/python3"}, 90, nil},
	"python":                     {"", "2.7.5-94.el7", "", []string{"/usr/bin/python"}, 90, nil},
	"python2":                    {"2.7.18-3", "2.7.18-13", "", []string{"/usr/bin/python2"}, 60, nil},
	"python3-pip":                {"22.0.2+dfsg-1ubuntu0.4", "9.0.3-22.el8", "", []string{"/usr/bin/pip3", "/usr/bin/pip"}, 6900, nil},
	"py3-pip":                    {"", "", "23.3.1-r0", []string{"/usr/bin/pip3", "/usr/bin/pip"}, 6900, nil},
	"perl":                       {"5.34.0-3ubuntu1.3", "5.26.3-422.el8", "5.38.2-r0", []string{"/usr/bin/perl"}, 700, nil},
	"masscan":                    {"2:1.3.2+ds1-1", "1.3.2-1.el8", "1.3.2-r2", []string{"/usr/bin/masscan"}, 640, nil},
	"nmap":                       {"7.91+dfsg1+really7.80+dfsg1-2ubuntu0.1", "7.70-8.el8", "7.94-r0", []string{"/usr/bin/nmap"}, 4300, nil},
	"zmap":                       {"2.1.1-2.1", "2.1.1-1", "3.0.0-r0", []string{"/usr/sbin/zmap"}, 400, nil},
	"jq":                         {"1.6-2.1ubuntu3", "1.6-7.el8", "1.7.1-r0", []string{"/usr/bin/jq"}, 102, nil},
	"docker.io":                  {"24.0.5-0ubuntu1~22.04.1", "", "", []string{"/usr/bin/docker", "/usr/bin/dockerd"}, 142000, []string{"docker"}},
	"docker":                     {"", "1.13.1-209", "25.0.0-r0", []string{"/usr/bin/docker", "/usr/bin/dockerd"}, 142000, []string{"docker"}},
	"docker-cli":                 {"", "", "25.0.0-r0", []string{"/usr/bin/docker"}, 38000, nil},
	"docker-ce-cli":              {"5:24.0.7-1", "24.0.7-1.el8", "", []string{"/usr/bin/docker"}, 38000, nil},
	"openssh":                    {"", "8.0p1-19.el8_8", "9.6_p1-r0", []string{"/usr/bin/ssh", "/usr/bin/ssh-keygen", "/usr/sbin/sshd", "/usr/bin/scp"}, 2000, []string{"sshd"}},
	"openssh-server":             {"1:8.9p1-3ubuntu0.6", "8.0p1-19.el8_8", "9.6_p1-r0", []string{"/usr/sbin/sshd"}, 1500, []string{"ssh"}},
	"openssh-client":             {"1:8.9p1-3ubuntu0.6", "", "9.6_p1-r0", []string{"/usr/bin/ssh", "/usr/bin/ssh-keygen", "/usr/bin/scp"}, 3200, nil},
	"openssl":                    {"3.0.2-0ubuntu1.12", "1:1.1.1k-9.el8", "3.1.4-r2", []string{"/usr/bin/openssl"}, 2100, nil},
	"sudo":                       {"1.9.9-1ubuntu2.4", "1.8.29-10.el8", "1.9.15_p2-r0", []string{"/usr/bin/sudo"}, 2500, nil},
	"procps":                     {"2:3.3.17-6ubuntu2", "", "4.0.4-r0", []string{"/usr/bin/ps", "/usr/bin/top", "/usr/bin/pkill", "/usr/bin/pgrep", "/usr/bin/free", "/usr/bin/uptime"}, 1300, nil},
	"procps-ng":                  {"", "3.3.15-14.el8", "4.0.4-r0", []string{"/usr/bin/ps", "/usr/bin/top", "/usr/bin/pkill", "/usr/bin/pgrep"}, 1300, nil},
	"psmisc":                     {"23.4-2build3", "23.1-5.el8", "23.6-r1", []string{"/usr/bin/killall"}, 450, nil},
	"net-tools":                  {"1.60+git20181103.0eebece-1ubuntu5", "2.0-0.52", "2.10-r3", []string{"/bin/netstat", "/sbin/ifconfig", "/sbin/route"}, 800, nil},
	"iproute2":                   {"5.15.0-1ubuntu2", "", "6.6.0-r0", []string{"/sbin/ip", "/bin/ss"}, 3000, nil},
	"iputils-ping":               {"3:20211215-1", "", "", []string{"/bin/ping"}, 120, nil},
	"iptables":                   {"1.8.7-1ubuntu5.1", "1.8.4-24.el8", "1.8.10-r3", []string{"/usr/sbin/iptables"}, 2300, nil},
	"dnsutils":                   {"1:9.18.18-0ubuntu0.22.04.1", "", "", []string{"/usr/bin/nslookup", "/usr/bin/dig", "/usr/bin/host"}, 700, nil},
	"bind-utils":                 {"", "9.11.36-11.el8", "", []string{"/usr/bin/nslookup", "/usr/bin/dig"}, 700, nil},
	"bind-tools":                 {"", "", "9.18.24-r0", []string{"/usr/bin/nslookup", "/usr/bin/dig"}, 700, nil},
	"netcat":                     {"1.218-4ubuntu1", "", "", []string{"/bin/nc"}, 50, nil},
	"netcat-openbsd":             {"1.218-4ubuntu1", "", "1.226-r0", []string{"/bin/nc"}, 108, nil},
	"nc":                         {"", "1.10-1", "", []string{"/usr/bin/nc"}, 60, nil},
	"screen":                     {"4.9.0-1", "4.6.2-12", "4.9.1-r0", []string{"/usr/bin/screen"}, 1000, nil},
	"tmux":                       {"3.2a-4ubuntu0.2", "2.7-3", "3.3a-r5", []string{"/usr/bin/tmux"}, 1000, nil},
	"vim":                        {"2:8.2.3995-1ubuntu2.13", "8.0.1763-19", "9.0.2127-r0", []string{"/usr/bin/vim"}, 3900, nil},
	"nano":                       {"6.2-1", "2.9.8-1", "7.2-r1", []string{"/usr/bin/nano"}, 850, nil},
	"unzip":                      {"6.0-26ubuntu3.1", "6.0-46.el8", "6.0-r14", []string{"/usr/bin/unzip"}, 380, nil},
	"zip":                        {"3.0-12build2", "3.0-23.el8", "3.0-r12", []string{"/usr/bin/zip"}, 540, nil},
	"tar":                        {"1.34+dfsg-1ubuntu0.1.22.04.2", "1.30-9.el8", "1.35-r2", []string{"/usr/bin/tar"}, 3100, nil},
	"gzip":                       {"1.10-4ubuntu4.1", "1.9-13.el8", "1.13-r0", []string{"/usr/bin/gzip", "/usr/bin/gunzip", "/usr/bin/zcat"}, 250, nil},
	"xz-utils":                   {"5.2.5-2ubuntu1", "", "", []string{"/usr/bin/xz", "/usr/bin/unxz"}, 380, nil},
	"gcc":                        {"4:11.2.0-1ubuntu1", "8.5.0-20.el8", "13.2.1_git20231014-r0", []string{"/usr/bin/gcc", "/usr/bin/cc"}, 52000, nil},
	"make":                       {"4.3-4.1build1", "4.2.1-11.el8", "4.4.1-r2", []string{"/usr/bin/make"}, 426, nil},
	"build-essential":            {"12.9ubuntu3", "", "", []string{"/usr/bin/gcc", "/usr/bin/cc", "/usr/bin/make", "/usr/bin/g++"}, 190000, nil},
	"build-base":                 {"", "", "0.5-r3", []string{"/usr/bin/gcc", "/usr/bin/make", "/usr/bin/g++"}, 190000, nil},
	"cmake":                      {"3.22.1-1ubuntu1.22.04.1", "3.20.2-5.el8", "3.27.8-r0", []string{"/usr/bin/cmake"}, 20000, nil},
	"golang":                     {"2:1.18~0ubuntu2", "1.20.10-1.el8", "", []string{"/usr/bin/go"}, 430000, nil},
	"ca-certificates":            {"20230311ubuntu0.22.04.1", "2023.2.60_v7.0.306-80.0.el8_8", "20230506-r0", nil, 388, nil},
	"util-linux":                 {"2.37.2-4ubuntu3", "2.32.1-43.el8", "2.39.3-r0", nil, 4700, nil},
	"coreutils":                  {"8.32-4.1ubuntu1.1", "8.30-15.el8", "9.4-r1", nil, 7200, nil},
	"e2fsprogs":                  {"1.46.5-2ubuntu1.1", "1.45.6-5.el8", "1.47.0-r5", []string{"/usr/bin/chattr", "/usr/bin/lsattr"}, 1500, nil},
	"libpcap-dev":                {"1.10.1-4build1", "", "1.10.4-r1", nil, 800, nil},
	"libpcap0.8":                 {"1.10.1-4build1", "", "", nil, 400, nil},
	"libpcap":                    {"", "14:1.9.1-5.el8", "1.10.4-r1", nil, 400, nil},
	"epel-release":               {"", "8-19.el8", "", nil, 40, nil},
	"redis-tools":                {"5:6.0.16-1ubuntu1", "", "", []string{"/usr/bin/redis-cli"}, 800, nil},
	"sshpass":                    {"1.09-1", "1.09-4", "1.10-r0", []string{"/usr/bin/sshpass"}, 40, nil},
	"tor":                        {"0.4.6.10-1", "0.4.7.13", "0.4.8.10-r0", []string{"/usr/bin/tor"}, 5000, []string{"tor"}},
	"proxychains":                {"3.1-8.1", "", "", []string{"/usr/bin/proxychains"}, 60, nil},
	"htop":                       {"3.0.5-7build2", "3.2.1-1", "3.2.2-r1", []string{"/usr/bin/htop"}, 340, nil},
	"lsof":                       {"4.93.2+dfsg-1.1build2", "4.93.2-1", "4.99.3-r0", []string{"/usr/bin/lsof"}, 460, nil},
	"kmod":                       {"29-1ubuntu1", "25-19", "31-r2", []string{"/usr/sbin/modprobe", "/usr/sbin/lsmod"}, 240, nil},
	"msr-tools":                  {"1.3-4", "1.3-17", "1.3-r1", []string{"/usr/sbin/wrmsr", "/usr/sbin/rdmsr"}, 40, nil},
	"nodejs":                     {"12.22.9~dfsg-1ubuntu3.3", "10.24.0-1", "20.11.1-r0", []string{"/usr/bin/node"}, 600, nil},
	"gnupg":                      {"2.2.27-3ubuntu2.1", "2.2.20-3", "2.4.4-r0", []string{"/usr/bin/gpg"}, 600, nil},
	"apt-transport-https":        {"2.4.11", "", "", nil, 170, nil},
	"software-properties-common": {"0.99.22.9", "", "", []string{"/usr/bin/add-apt-repository"}, 200, nil},
}

// debNeeds are what packages of Debian's family depend on, debWishes what they
// recommend, as far as a container's base has it not: from memory of 22.04 and 12.
var debNeeds = map[string]string{
	"curl": "libcurl4 libnghttp2-14 libpsl5 librtmp1 libssh-4 libldap-2.5-0 libsasl2-2 libsasl2-modules-db libbrotli1 libssl3", "wget": "libpsl5 libssl3", "git": "git-man libcurl3-gnutls liberror-perl libexpat1 libgdbm6 libperl5.34 perl perl-modules-5.34 libbrotli1 libldap-2.5-0 libnghttp2-14 libpsl5 librtmp1 libsasl2-2 libsasl2-modules-db libssh-4",
	"python3": "libexpat1 libmpdec3 libpython3-stdlib libpython3.10-minimal libpython3.10-stdlib libreadline8 libsqlite3-0 media-types python3-minimal python3.10 python3.10-minimal readline-common", "openssh-server": "libwrap0 openssh-client openssh-sftp-server ucf libcbor0.8 libedit2 libfido2-1",
	"openssh-client": "libcbor0.8 libedit2 libfido2-1", "masscan": "libpcap0.8", "jq": "libjq1 libonig5", "iptables": "libip4tc2 libip6tc2 libmnl0 libnetfilter-conntrack3 libnfnetlink0 libnftnl11 libxtables12 netbase",
	"gcc":             "binutils binutils-common binutils-x86-64-linux-gnu cpp cpp-11 gcc-11 gcc-11-base libasan6 libatomic1 libbinutils libcc1-0 libctf-nobfd0 libctf0 libgcc-11-dev libgomp1 libisl23 libitm1 liblsan0 libmpc3 libmpfr6 libquadmath0 libtsan0 libubsan1",
	"build-essential": "binutils binutils-common binutils-x86-64-linux-gnu bzip2 cpp cpp-11 dpkg-dev g++ g++-11 gcc gcc-11 gcc-11-base libasan6 libatomic1 libbinutils libc-dev-bin libc6-dev libcc1-0 libcrypt-dev libctf-nobfd0 libctf0 libdpkg-perl libgcc-11-dev libgomp1 libisl23 libitm1 liblsan0 libmpc3 libmpfr6 libnsl-dev libquadmath0 libstdc++-11-dev libtirpc-dev libtsan0 libubsan1 linux-libc-dev lto-disabled-list make patch perl perl-modules-5.34 rpcsvc-proto xz-utils",
	"ca-certificates": "openssl libssl3", "nmap": "libblas3 liblinear4 liblua5.3-0 libpcap0.8 lua-lpeg nmap-common", "procps": "libprocps8", "net-tools": "", "dnsutils": "bind9-dnsutils bind9-host bind9-libs libuv1 libxml2 libmaxminddb0", "vim": "vim-common vim-runtime libpython3.10 libgpm2 libsodium23 xxd",
}

var debWishes = map[string]string{
	"curl": "ca-certificates openssl libsasl2-modules publicsuffix", "wget": "ca-certificates openssl publicsuffix", "git": "less openssh-client patch ca-certificates", "openssh-server": "ncurses-term xauth libwrap0", "openssh-client": "xauth", "gcc": "libc6-dev manpages-dev", "build-essential": "fakeroot libalgorithm-diff-perl libalgorithm-merge-perl manpages-dev", "cron": "", "iptables": "nftables libnftables1",
}

// needs are the packages that come with others: not asked for, and not there yet.
func (p *P) needs(names []string, from ...map[string]string) (out []string) {
	have := map[string]bool{}
	for _, d := range p.debPackages() {
		have[d.name] = true
	}
	for _, n := range names {
		have[n] = true
	}
	for _, n := range names {
		for _, m := range from {
			for x := range strings.FieldsSeq(m[n]) {
				if i, ok := catalogue[x]; !have[x] && !(ok && len(i.bins) > 0 && p.installed(x, i)) {
					out = append(out, x)
				}
				have[x] = true
			}
		}
	}
	sort.Strings(out)
	return out
}

// depOf is what is known of a package that comes with others.
func depOf(name string) pkgInfo {
	if i, ok := catalogue[name]; ok {
		return i
	}
	sum := 0
	for _, c := range name {
		sum = (sum*31 + int(c)) % 9973
	}
	return pkgInfo{deb: fmt.Sprintf("%d.%d.%d-%dubuntu%d", 1+sum%3, sum%17, sum%9, 1+sum%3, 1+sum%2), kb: 60 + sum%900}
}

// installed tells whether a package's files are there, or it is in the database.
func (p *P) installed(name string, i pkgInfo) bool {
	for _, b := range i.bins {
		if _, err := p.t.Stat(b); err != nil {
			return false
		}
	}
	if len(i.bins) > 0 {
		return true
	}
	_, err := p.t.Stat("/var/lib/dpkg/info/" + name + ".list")
	return err == nil
}

// unpack puts a package's files into the tree.
func (p *P) unpack(name string, i pkgInfo) error {
	for _, b := range i.bins {
		if st, err := p.t.Lstat(b); err == nil && !st.Mode.IsLink() {
			continue
		}
		p.t.MkdirAll(dirname(b))
		p.t.Unlink(b)
		fd, err := p.t.Open(b, kernel.O_WRONLY|kernel.O_CREAT|kernel.O_TRUNC, 0o755)
		if err != nil {
			return err
		}
		f, _ := p.t.File(fd)
		size := int64(max(20, i.kb/max(1, len(i.bins)))) << 10
		err = vfs.SetContent(&vfs.Context{Now: func() int64 { return p.t.Now().UnixNano() }}, f.Path().Node(), kernel.ELF(base(b), size, p.t.Kernel().HostInfo().Machine))
		p.t.Close(fd)
		if err != nil {
			return err
		}
	}
	for _, s := range i.inits {
		if st, err := p.t.Stat("/etc/init.d"); err == nil && st.Mode.IsDir() || p.t.MkdirAll("/etc/init.d") == nil {
			_ = p.t.WriteFile("/etc/init.d/"+s, []byte("#!/bin/sh\n### BEGIN INIT INFO\n# Provides:          "+s+"\n### END INIT INFO\n"), 0o755) // the original does not look either
		}
	}
	if st, err := p.t.Stat("/var/lib/dpkg/info"); err == nil && st.Mode.IsDir() {
		_ = p.t.WriteFile("/var/lib/dpkg/info/"+name+".list", []byte("/.\n"+strings.Join(i.bins, "\n")+"\n"), 0o644) // the original does not look either
		p.debKeep(name, &i)
	}
	return nil
}

// offline tells whether there is no network at all.
func (p *P) offline() bool { return len(p.t.NS().Net().Interfaces) == 0 }

func (p *P) osRelease(key string) string {
	b, _ := p.t.ReadFile("/etc/os-release")
	for _, l := range strings.Split(string(b), "\n") {
		if k, v, ok := strings.Cut(l, "="); ok && k == key {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

func cmdApt(p *P) int {
	var args []string
	yes, quiet := false, 0
	for i := 0; i < len(p.args); i++ {
		switch a := p.args[i]; {
		case a == "-y" || a == "--yes" || a == "--assume-yes" || a == "--force-yes" || a == "-qy" || a == "-yq" || a == "-yqq" || a == "-qqy":
			yes = true
			quiet += strings.Count(a, "q")
		case a == "-o" || a == "-t" || a == "-c":
			i++
		case strings.HasPrefix(a, "-"):
			if !strings.HasPrefix(a, "--") {
				quiet += strings.Count(a, "q")
			}
			if a == "-v" || a == "--version" {
				p.puts("apt 2.4.11 (amd64)\n")
				return 0
			}
		default:
			args = append(args, a)
		}
	}
	if p.name == "apt" {
		p.raw("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n\n")
	}
	if len(args) == 0 {
		p.puts("apt 2.4.11 (amd64)\nUsage: apt-get [options] command\n       apt-get [options] install|remove pkg1 [pkg2 ...]\n       apt-get [options] source pkg1 [pkg2 ...]\n")
		return 0
	}
	say := func(format string, a ...any) {
		if quiet < 2 {
			p.printf(format, a...)
			p.out.Flush()
		}
	}
	if p.t.Creds().EUID != 0 {
		p.raw("E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)\nE: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), are you root?\n")
		return 100
	}
	distro, code := p.osRelease("ID"), p.osRelease("VERSION_CODENAME")
	mirror := "http://archive.ubuntu.com/ubuntu"
	if distro == "debian" {
		mirror = "http://deb.debian.org/debian"
		if code == "" {
			code = "bookworm"
		}
	} else if code == "" {
		code = "jammy"
	}
	switch args[0] {
	case "update":
		if p.offline() {
			say("Err:1 %s %s InRelease\n  Temporary failure resolving '%s'\n", mirror, code, strings.Split(mirror, "/")[2])
			say("Reading package lists...\n")
			p.raw("W: Failed to fetch %s/dists/%s/InRelease  Temporary failure resolving '%s'\nW: Some index files failed to download. They have been ignored, or old ones used instead.\n", mirror, code, strings.Split(mirror, "/")[2])
			return 0
		}
		p.t.Sleep(900e6)
		say("Get:1 %s %s InRelease [270 kB]\nGet:2 %s %s-updates InRelease [119 kB]\nGet:3 %s %s-security InRelease [110 kB]\n", mirror, code, mirror, code, mirror, code)
		p.t.Sleep(1500e6)
		say("Get:4 %s %s/main amd64 Packages [1792 kB]\nGet:5 %s %s/universe amd64 Packages [17.5 MB]\nGet:6 %s %s-updates/main amd64 Packages [1709 kB]\nFetched 21.5 MB in 3s (7188 kB/s)\n", mirror, code, mirror, code, mirror, code)
		say("Reading package lists...\n")
		if p.name == "apt" {
			say("Building dependency tree...\nReading state information...\nAll packages are up to date.\n")
		}
		p.t.MkdirAll("/var/lib/apt/lists")
		return 0
	case "upgrade", "dist-upgrade", "full-upgrade":
		say("Reading package lists...\nBuilding dependency tree...\nReading state information...\nCalculating upgrade...\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		return 0
	case "clean", "autoclean", "autoremove", "purge", "remove":
		if len(args) == 1 {
			if args[0] == "autoremove" {
				say("Reading package lists...\nBuilding dependency tree...\nReading state information...\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
			}
			return 0
		}
		say("Reading package lists...\nBuilding dependency tree...\nReading state information...\n")
		for _, n := range args[1:] {
			i, ok := catalogue[n]
			if !ok {
				p.raw("E: Unable to locate package %s\n", n)
				return 100
			}
			if !p.installed(n, i) {
				say("Package '%s' is not installed, so not removed\n", n)
				continue
			}
			say("The following packages will be REMOVED:\n  %s\n0 upgraded, 0 newly installed, 1 to remove and 0 not upgraded.\nRemoving %s (%s) ...\n", n, n, i.deb)
			for _, b := range i.bins {
				p.t.Unlink(b)
			}
			p.t.Unlink("/var/lib/dpkg/info/" + n + ".list")
			p.debKeep(n, nil)
		}
		return 0
	case "install":
	case "list":
		if slices.Contains(p.args, "--installed") {
			p.puts("Listing...\n")
			for _, d := range p.debPackages() {
				p.printf("%s/%s,now %s %s [installed]\n", d.name, code, d.version, d.arch)
			}
			return 0
		}
		p.unknown("option", strings.Join(args, " "))
		return 0
	case "search", "show", "policy":
		p.unknown("option", strings.Join(args, " "))
		return 0
	default:
		p.raw("E: Invalid operation %s\n", args[0])
		return 100
	}
	say("Reading package lists...\nBuilding dependency tree...\nReading state information...\n")
	var todo []string
	kb := 0
	for _, n := range args[1:] {
		n, _, _ = strings.Cut(n, "=")
		i, ok := catalogue[n]
		if !ok || i.deb == "" {
			p.unknown("program", "apt package "+n)
			p.raw("E: Unable to locate package %s\n", n)
			return 100
		}
		if p.installed(n, i) {
			say("%s is already the newest version (%s).\n", n, i.deb)
			continue
		}
		todo = append(todo, n)
		kb += i.kb
	}
	var also []string
	if !slices.Contains(p.args, "--no-install-recommends") {
		also = p.needs(todo, debNeeds, debWishes)
	} else {
		also = p.needs(todo, debNeeds)
	}
	todo = append(todo, also...)
	for _, n := range also {
		kb += depOf(n).kb
	}
	sort.Strings(todo)
	if len(todo) == 0 {
		say("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
		return 0
	}
	size := fmt.Sprintf("%d kB", kb)
	dl := fmt.Sprintf("%d kB", kb/3+1)
	if kb > 10000 {
		size, dl = fmt.Sprintf("%.1f MB", float64(kb)/1000), fmt.Sprintf("%.1f MB", float64(kb)/3000)
	}
	list := func(l []string) string {
		out, line := "", " "
		for _, n := range l {
			if len(line)+1+len(n) > 79 {
				out, line = out+line+"\n", " "
			}
			line += " " + n
		}
		return out + line
	}
	if len(also) > 0 {
		say("The following additional packages will be installed:\n%s\n", list(also))
	}
	say("The following NEW packages will be installed:\n%s\n0 upgraded, %d newly installed, 0 to remove and 0 not upgraded.\nNeed to get %s of archives.\nAfter this operation, %s of additional disk space will be used.\n", list(todo), len(todo), dl, size)
	if !yes && len(also) > 0 { // for what was asked for alone it asks nothing

		say("Do you want to continue? [Y/n] ")
		l, _, more := p.readLine(p.in)
		if !more {
			say("Abort.\n")
			return 1
		}
		if l != "" && l[0]|32 != 'y' {
			say("Abort.\n")
			return 1
		}
	}
	if p.offline() {
		p.raw("E: Failed to fetch %s/pool/main/%s  Temporary failure resolving '%s'\nE: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?\n", mirror, todo[0], strings.Split(mirror, "/")[2])
		return 100
	}
	for n, x := range todo {
		i := depOf(x)
		say("Get:%d %s %s/main amd64 %s amd64 %s [%d kB]\n", n+1, mirror, code, x, i.deb, i.kb/3+1)
	}
	p.t.Sleep(800e6)
	say("Fetched %s in 1s (%d kB/s)\n", dl, 812+kb%900)
	if quiet < 2 {
		p.raw("debconf: delaying package configuration, since apt-utils is not installed\n")
	}
	for k, x := range todo {
		i := depOf(x)
		if k == 0 {
			p.printf("Selecting previously unselected package %s.\n(Reading database ... %d files and directories currently installed.)\n", x, 4395+len(p.debPackages())*7)
		} else {
			p.printf("Selecting previously unselected package %s.\n", x)
		}
		v := i.deb
		if _, after, ok := strings.Cut(v, ":"); ok {
			v = after
		}
		p.printf("Preparing to unpack .../%s_%s_amd64.deb ...\nUnpacking %s (%s) ...\n", x, v, x, i.deb)
	}
	for _, x := range todo {
		if err := p.unpack(x, depOf(x)); err != nil {
			p.raw("dpkg: error processing archive /var/cache/apt/archives/%s.deb (--unpack):\n %s\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n", x, text(err))
			return 100
		}
		p.printf("Setting up %s (%s) ...\n", x, depOf(x).deb)
		p.out.Flush()
		p.t.Sleep(150e6)
	}
	p.puts("Processing triggers for libc-bin (2.35-0ubuntu3.6) ...\n")
	return 0
}

func cmdApk(p *P) int {
	var args []string
	quiet := false
	for i := 0; i < len(p.args); i++ {
		switch a := p.args[i]; {
		case a == "-q" || a == "--quiet":
			quiet = true
		case a == "-t" || a == "-X" || a == "--repository" || a == "--virtual" || a == "-p":
			i++
		case strings.HasPrefix(a, "-"):
		default:
			args = append(args, a)
		}
	}
	if len(args) == 0 {
		p.puts("apk-tools 2.14.0, compiled for x86_64.\n\nusage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]\n")
		return 1
	}
	ver := p.osRelease("VERSION_ID")
	if f := strings.Split(ver, "."); len(f) > 1 {
		ver = f[0] + "." + f[1]
	} else {
		ver = "3.19"
	}
	url := "https://dl-cdn.alpinelinux.org/alpine/v" + ver
	say := func(format string, a ...any) {
		if !quiet {
			p.printf(format, a...)
			p.out.Flush()
		}
	}
	fetch := func() bool {
		for _, r := range []string{"main", "community"} {
			say("fetch %s/%s/x86_64/APKINDEX.tar.gz\n", url, r)
			if p.offline() {
				p.raw("WARNING: Ignoring %s/%s: temporary error (try again later)\n", url, r)
			}
		}
		p.t.Sleep(600e6)
		return !p.offline()
	}
	if p.t.Creds().EUID != 0 {
		p.raw("ERROR: Unable to lock database: Permission denied\nERROR: Failed to open apk database: Permission denied\n")
		return 99
	}
	switch args[0] {
	case "update":
		if !fetch() {
			p.raw("4 unavailable, 0 stale; 15 distinct packages available\n")
			return 4
		}
		say("v%s.1-17-g2ac0b4ba2b6 [%s/main]\nv%s.1-19-g2b1bb7a6ed3 [%s/community]\nOK: 22988 distinct packages available\n", ver, url, ver, url)
		return 0
	case "upgrade":
		fetch()
		say("OK: 7 MiB in 15 packages\n")
		return 0
	case "add":
		ok := fetch()
		var todo []string
		for _, n := range args[1:] {
			i, known := catalogue[n]
			if !known || i.apk == "" || !ok {
				if !known || i.apk == "" {
					p.unknown("program", "apk package "+n)
				}
				p.raw("ERROR: unable to select packages:\n  %s (no such package):\n    required by: world[%s]\n", n, n)
				return 1
			}
			if !p.installed(n, i) || p.isBusyboxLink(i) {
				todo = append(todo, n)
			}
		}
		for k, n := range todo {
			say("(%d/%d) Installing %s (%s)\n", k+1, len(todo), n, catalogue[n].apk)
			p.t.Sleep(120e6)
			if err := p.unpack(n, catalogue[n]); err != nil {
				p.raw("ERROR: %s-%s: %s\n", n, catalogue[n].apk, text(err))
				return 1
			}
		}
		if len(todo) > 0 {
			say("Executing busybox-1.36.1-r15.trigger\n")
		}
		say("OK: %d MiB in %d packages\n", 8+len(todo)*3, 15+len(todo))
		return 0
	case "del":
		for _, n := range args[1:] {
			if i, ok := catalogue[n]; ok {
				for _, b := range i.bins {
					p.t.Unlink(b)
				}
				say("(1/1) Purging %s (%s)\n", n, i.apk)
			}
		}
		say("OK: 7 MiB in 15 packages\n")
		return 0
	case "info":
		base := p.apkBase()
		verbose := 0
		for _, a := range p.args {
			if strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") {
				verbose += strings.Count(a, "v")
			}
		}
		if verbose > 0 {
			for n, i := range catalogue {
				if i.apk != "" && len(i.bins) > 0 && p.installed(n, i) && !p.isBusyboxLink(i) && n != "bash" {
					base = append(base, n+"-"+i.apk+" - "+n)
				}
			}
			sort.Strings(base)
			for _, l := range base {
				if verbose == 1 {
					l, _, _ = strings.Cut(l, " - ")
				}
				p.puts(l + "\n")
			}
			return 0
		}
		for _, l := range base {
			p.puts(l[:apkVersionAt(l)] + "\n")
		}
		for n, i := range catalogue {
			if i.apk != "" && len(i.bins) > 0 && p.installed(n, i) && !p.isBusyboxLink(i) {
				p.puts(n + "\n")
			}
		}
		return 0
	case "version", "cache", "fix", "search":
		return 0
	}
	p.raw("ERROR: '%s' is not an apk command. See 'apk --help'.\n", args[0])
	return 1
}

// apkBase are the packages of Alpine's base image, 3.19's and 3.20's alike but for
// some versions, as apk info -vv words them (from memory).
func (p *P) apkBase() []string {
	v := p.osRelease("VERSION_ID")
	l := []string{"alpine-baselayout-3.4.3-r2 - Alpine base dir structure and init scripts", "alpine-baselayout-data-3.4.3-r2 - Alpine base dir structure and init scripts", "alpine-keys-2.4-r1 - Public keys for Alpine Linux packages", "apk-tools-2.14.0-r5 - Alpine Package Keeper - package manager for alpine",
		"busybox-1.36.1-r15 - Size optimized toolbox of many common UNIX utilities", "busybox-binsh-1.36.1-r15 - busybox ash /bin/sh", "ca-certificates-bundle-20230506-r0 - Pre generated bundle of Mozilla certificates", "libc-utils-0.7.2-r5 - Meta package to pull in correct libc", "libcrypto3-3.1.4-r5 - Crypto library from openssl",
		"libssl3-3.1.4-r5 - SSL shared libraries", "musl-1.2.4_git20230717-r4 - the musl c library (libc) implementation", "musl-utils-1.2.4_git20230717-r4 - the musl c library (libc) implementation", "scanelf-1.3.7-r2 - Scan ELF binaries for stuff", "ssl_client-1.36.1-r15 - EXternal ssl_client for busybox wget", "zlib-1.3.1-r0 - A compression/decompression Library"}
	if strings.HasPrefix(v, "3.20") {
		r := strings.NewReplacer("3.4.3-r2", "3.6.5-r0", "2.14.0-r5", "2.14.4-r0", "1.36.1-r15", "1.36.1-r29", "3.1.4-r5", "3.3.2-r0", "1.2.4_git20230717-r4", "1.2.5-r0", "20230506-r0", "20240705-r0")
		for i := range l {
			l[i] = r.Replace(l[i])
		}
	}
	return l
}

// apkVersionAt is where the name ends in "name-version - what".
func apkVersionAt(l string) int {
	for i := 0; i+1 < len(l); i++ {
		if l[i] == '-' && l[i+1] >= '0' && l[i+1] <= '9' {
			return i
		}
	}
	return len(l)
}

func (p *P) isBusyboxLink(i pkgInfo) bool {
	for _, b := range i.bins {
		if st, err := p.t.Lstat(b); err == nil && st.Mode.IsLink() {
			return true
		}
	}
	return false
}

func cmdYum(p *P) int {
	var args []string
	quiet := false
	for _, a := range p.args {
		switch {
		case a == "-q" || a == "--quiet":
			quiet = true
		case strings.HasPrefix(a, "-"):
		default:
			args = append(args, a)
		}
	}
	if len(args) == 0 {
		p.raw("usage: %s [options] COMMAND\n", p.name)
		return 1
	}
	say := func(format string, a ...any) {
		if !quiet {
			p.printf(format, a...)
			p.out.Flush()
		}
	}
	if p.t.Creds().EUID != 0 {
		p.raw("Error: This command has to be run with superuser privileges (under the root user on most systems).\n")
		return 1
	}
	if p.offline() {
		p.raw("Error: Failed to download metadata for repo 'appstream': Cannot prepare internal mirrorlist: Curl error (6): Couldn't resolve host name for http://mirrorlist.centos.org/?release=8&arch=x86_64&repo=AppStream&infra=container [Could not resolve host: mirrorlist.centos.org]\n")
		return 1
	}
	switch args[0] {
	case "install", "localinstall", "reinstall":
		say("Last metadata expiration check: 0:12:41 ago on %s.\n", p.t.Now().Add(-761e9).Format("Mon Jan _2 15:04:05 2006"))
		var todo []string
		kb := 0
		for _, n := range args[1:] {
			i, ok := catalogue[n]
			if !ok || i.rpm == "" {
				p.unknown("program", "yum package "+n)
				p.raw("No match for argument: %s\nError: Unable to find a match: %s\n", n, n)
				return 1
			}
			if p.installed(n, i) {
				say("Package %s-%s.x86_64 is already installed.\n", n, i.rpm)
				continue
			}
			todo = append(todo, n)
			kb += i.kb
		}
		if len(todo) == 0 {
			say("Dependencies resolved.\nNothing to do.\nComplete!\n")
			return 0
		}
		line := strings.Repeat("=", 80)
		say("Dependencies resolved.\n%s\n Package          Architecture    Version                   Repository     Size\n%s\nInstalling:\n", line, line)
		for _, n := range todo {
			say(" %-16s x86_64          %-25s baseos        %d k\n", n, catalogue[n].rpm, catalogue[n].kb/3+1)
		}
		say("\nTransaction Summary\n%s\nInstall  %d Package\n\nTotal download size: %d k\nInstalled size: %d k\nDownloading Packages:\n", line, len(todo), kb/3+1, kb)
		p.t.Sleep(900e6)
		say("Running transaction check\nTransaction check succeeded.\nRunning transaction test\nTransaction test succeeded.\nRunning transaction\n  Preparing        :                                                        1/1 \n")
		for k, n := range todo {
			if err := p.unpack(n, catalogue[n]); err != nil {
				p.raw("Error unpacking rpm package %s-%s.x86_64\n", n, catalogue[n].rpm)
				return 1
			}
			say("  Installing       : %s-%s.x86_64 %*d/%d \n", n, catalogue[n].rpm, 30, k+1, len(todo))
		}
		say("\nInstalled:\n")
		for _, n := range todo {
			say("  %s-%s.x86_64\n", n, catalogue[n].rpm)
		}
		say("\nComplete!\n")
		return 0
	case "remove", "erase":
		for _, n := range args[1:] {
			for _, b := range catalogue[n].bins {
				p.t.Unlink(b)
			}
		}
		say("Complete!\n")
		return 0
	case "update", "upgrade", "makecache", "clean", "check-update":
		say("Dependencies resolved.\nNothing to do.\nComplete!\n")
		return 0
	}
	p.raw("No such command: %s. Please use /usr/bin/%s --help\n", args[0], p.name)
	return 1
}

// debPkg is a stanza of dpkg's status file.
type debPkg struct{ name, version, arch, about, text string }

// shown is the name as dpkg lists it: with the architecture where several may be
// installed beside each other.
func (d *debPkg) shown() string {
	if strings.Contains(d.text, "\nMulti-Arch: same\n") {
		return d.name + ":" + d.arch
	}
	return d.name
}

// debPackages reads dpkg's status file.
func (p *P) debPackages() (out []debPkg) {
	b, _ := p.t.ReadFile("/var/lib/dpkg/status")
	for text := range strings.SplitSeq(string(b), "\n\n") {
		d := debPkg{text: strings.TrimRight(text, "\n") + "\n"}
		for l := range strings.Lines(text) {
			k, v, _ := strings.Cut(strings.TrimSuffix(l, "\n"), ": ")
			switch k {
			case "Package":
				d.name = v
			case "Version":
				d.version = v
			case "Architecture":
				d.arch = v
			case "Description":
				d.about = v
			}
		}
		if d.name != "" && strings.Contains(d.text, "\nStatus: install ok installed\n") {
			out = append(out, d)
		}
	}
	return out
}

// debKeep adds a package to dpkg's status file, or takes it away.
func (p *P) debKeep(name string, i *pkgInfo) {
	b, err := p.t.ReadFile("/var/lib/dpkg/status")
	if err != nil {
		return
	}
	var out []string
	for text := range strings.SplitSeq(strings.TrimRight(string(b), "\n"), "\n\n") {
		if !strings.HasPrefix(text, "Package: "+name+"\n") && text != "" {
			out = append(out, text)
		}
	}
	if i != nil {
		out = append(out, fmt.Sprintf("Package: %s\nStatus: install ok installed\nPriority: optional\nSection: utils\nInstalled-Size: %d\nArchitecture: amd64\nVersion: %s\nDescription: %s", name, i.kb, i.deb, name))
	}
	_ = p.t.WriteFile("/var/lib/dpkg/status", []byte(strings.Join(out, "\n\n")+"\n"), 0o644) // who asks sees that it is not there
}

func cmdDpkg(p *P) int {
	for i, a := range p.args {
		rest := p.args[i+1:]
		switch a {
		case "--print-architecture":
			p.puts("amd64\n")
			return 0
		case "--print-foreign-architectures":
			return 0
		case "-l", "--list":
			return p.dpkgList(rest)
		case "-W", "--show", "--get-selections":
			code := 0
			have := p.debPackages()
			for _, d := range have {
				if len(rest) > 0 && !slices.ContainsFunc(rest, func(x string) bool { ok, _ := path.Match(x, d.name); return ok }) {
					continue
				}
				if a == "--get-selections" {
					p.printf("%-47s install\n", d.shown())
				} else {
					p.printf("%s\t%s\n", d.shown(), d.version)
				}
			}
			for _, x := range rest {
				if !strings.ContainsAny(x, "*?[") && !slices.ContainsFunc(have, func(d debPkg) bool { return d.name == x }) {
					p.raw("dpkg-query: no packages found matching %s\n", x)
					code = 1
				}
			}
			return code
		case "-L", "--listfiles":
			for _, n := range rest {
				b, err := p.t.ReadFile("/var/lib/dpkg/info/" + n + ".list")
				if err != nil {
					p.raw("dpkg-query: package '%s' is not installed\nUse dpkg --contents (= dpkg-deb --contents) to list archive files contents.\n", n)
					return 1
				}
				p.out.Write(b)
			}
			return 0
		case "-s", "--status":
			for _, n := range rest {
				have := p.debPackages()
				k := slices.IndexFunc(have, func(d debPkg) bool { return d.name == n })
				if k < 0 {
					p.raw("dpkg-query: package '%s' is not installed and no information is available\nUse dpkg --info (= dpkg-deb --info) to examine archive files.\n", n)
					return 1
				}
				p.puts(have[k].text + "\n")
			}
			return 0
		case "-i", "--install":
			p.unknown("construct", "dpkg -i "+strings.Join(rest, " "))
			return 1
		}
	}
	return 0
}

// dpkgList prints the table: each column as wide as what is in it, as where no
// terminal says how wide.
func (p *P) dpkgList(patterns []string) int {
	var l []debPkg
	for _, d := range p.debPackages() {
		if len(patterns) == 0 || slices.ContainsFunc(patterns, func(x string) bool { ok, _ := path.Match(x, d.name); return ok }) {
			l = append(l, d)
		}
	}
	if len(l) == 0 && len(patterns) > 0 {
		p.raw("dpkg-query: no packages found matching %s\n", patterns[0])
		return 1
	}
	w := [4]int{len("Name"), len("Version"), len("Architecture"), len("Description")}
	for i := range l {
		for k, s := range []string{l[i].shown(), l[i].version, l[i].arch, l[i].about} {
			w[k] = max(w[k], len(s))
		}
	}
	bar := func(n int) string { return strings.Repeat("=", n) }
	p.puts("Desired=Unknown/Install/Remove/Purge/Hold\n| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend\n|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)\n")
	p.printf("||/ %-*s %-*s %-*s %s\n+++-%s-%s-%s-%s\n", w[0], "Name", w[1], "Version", w[2], "Architecture", "Description", bar(w[0]), bar(w[1]), bar(w[2]), bar(w[3]))
	for i := range l {
		p.printf("ii  %-*s %-*s %-*s %s\n", w[0], l[i].shown(), w[1], l[i].version, w[2], l[i].arch, l[i].about)
	}
	return 0
}

func cmdRpm(p *P) int {
	if len(p.args) > 1 && strings.HasPrefix(p.args[0], "-q") {
		code := 0
		for _, n := range p.args[1:] {
			if x, ok := catalogue[n]; ok && p.installed(n, x) {
				p.printf("%s-%s.x86_64\n", n, x.rpm)
			} else if !strings.HasPrefix(n, "-") {
				p.printf("package %s is not installed\n", n)
				code = 1
			}
		}
		return code
	}
	p.unknown("construct", "rpm "+strings.Join(p.args, " "))
	return 0
}

func cmdPip(p *P) int {
	var args []string
	for _, a := range p.args {
		if !strings.HasPrefix(a, "-") {
			args = append(args, a)
		}
	}
	if len(args) < 2 || args[0] != "install" {
		p.puts("pip 22.0.2 from /usr/lib/python3/dist-packages/pip (python 3.10)\n")
		return 0
	}
	for _, n := range args[1:] {
		p.printf("Collecting %s\n", n)
		p.out.Flush()
		if p.offline() {
			p.raw("ERROR: Could not find a version that satisfies the requirement %s (from versions: none)\nERROR: No matching distribution found for %s\n", n, n)
			return 1
		}
		p.t.Sleep(400e6)
	}
	p.printf("Installing collected packages: %s\nSuccessfully installed", strings.Join(args[1:], ", "))
	for _, n := range args[1:] {
		p.printf(" %s-2.31.0", n)
	}
	p.puts("\n")
	return 0
}
