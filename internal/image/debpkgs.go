package image

import (
	"fmt"
	"slices"
	"strings"
)

// debPackages are what a small server of the family has: name, version in Debian 12
// and in Ubuntu 22.04, installed size in KiB, whether the container image has it too,
// section, priority, architecture, and what it is. Debian's are those of its archive,
// Ubuntu's versions are from memory.
const debPackages = `adduser|3.134|3.118ubuntu5|686|c|admin|important|all|add and remove users and groups
apt|2.6.2|2.4.12|4232|c|admin|required|amd64|commandline package manager
apparmor|3.0.8-3|3.0.4-2ubuntu2.3|2567|-|admin|optional|amd64|user-space parser utility for AppArmor
base-files|12.4+deb12u15|12ubuntu4.6|341|c|admin|required|amd64|Debian base system miscellaneous files
base-passwd|3.6.1|3.5.52build1|247|c|admin|required|amd64|Debian base system master password and group files
bash|5.2.15-2+b13|5.1-6ubuntu1.1|7164|c|shells|required|amd64|GNU Bourne Again SHell
bash-completion|1:2.11-6|1:2.11-5ubuntu1|1463|-|shells|standard|all|programmable completion for the bash shell
bind9-host|1:9.18.49-1~deb12u3|1:9.18.18-0ubuntu0.22.04.2|147|-|net|standard|amd64|DNS Lookup Utility
bsdutils|1:2.38.1-5+deb12u3|1:2.37.2-4ubuntu3.4|355|c|utils|required|amd64|basic utilities from 4.4BSD-Lite
busybox|1:1.35.0-4+deb12u1+b1|1:1.30.1-7ubuntu3|818|-|utils|optional|amd64|Tiny utilities for small and embedded systems
bzip2|1.0.8-5+b1|1.0.8-5build1|121|-|utils|standard|amd64|high-quality block-sorting file compressor - utilities
ca-certificates|20250419~deb12u2|20230311ubuntu0.22.04.1|388|-|misc|standard|all|Common CA certificates
cloud-init|22.4.2-1+deb12u4|23.4.4-0ubuntu0~22.04.1|2709|-|admin|optional|all|initialization system for infrastructure cloud instances
coreutils|9.1-1|8.32-4.1ubuntu1.2|18062|c|utils|required|amd64|GNU core utilities
cron|3.0pl1-162|3.0pl1-137ubuntu3|217|-|admin|important|amd64|process scheduling daemon
curl|7.88.1-10+deb12u15|7.81.0-1ubuntu1.16|489|-|web|optional|amd64|command line tool for transferring data with URL syntax
dash|0.5.12-2|0.5.11+git20210903+really0.5.11-4|191|c|shells|required|amd64|POSIX-compliant shell
dbus|1.14.10-1~deb12u1|1.12.20-2ubuntu4.1|182|-|admin|standard|amd64|simple interprocess messaging system (system message bus)
debconf|1.5.82|1.5.79ubuntu1|491|c|admin|required|all|Debian configuration management system
debianutils|5.7-0.5~deb12u1|5.5-1ubuntu2|243|c|utils|required|amd64|Miscellaneous utilities specific to Debian
diffutils|1:3.8-4|1:3.8-0ubuntu2|1598|c|utils|required|amd64|File comparison utilities
dnsutils|1:9.18.49-1~deb12u3|1:9.18.18-0ubuntu0.22.04.2|26|-|net|optional|all|Transitional package for bind9-dnsutils
dpkg|1.21.23|1.21.1ubuntu2.3|6409|c|admin|required|amd64|Debian package management system
e2fsprogs|1.47.0-2+b2|1.46.5-2ubuntu1.1|1497|c|admin|required|amd64|ext2/ext3/ext4 file system utilities
ethtool|1:6.1-1|1:5.16-1ubuntu0.1|668|-|net|optional|amd64|display or change Ethernet device settings
fdisk|2.38.1-5+deb12u3|2.37.2-4ubuntu3.4|479|-|utils|important|amd64|collection of partitioning utilities
file|1:5.44-3|1:5.41-3ubuntu0.1|79|-|utils|standard|amd64|Recognize the type of data in a file using "magic" numbers
findutils|4.9.0-4|4.8.0-1ubuntu3|1746|c|utils|required|amd64|utilities for finding files--find, xargs
gcc-12-base|12.2.0-14+deb12u1|12.3.0-1ubuntu1~22.04|100|c|libs|optional|amd64|GCC, the GNU Compiler Collection (base package)
git|1:2.39.5-0+deb12u3|1:2.34.1-1ubuntu1.10|44890|-|vcs|optional|amd64|fast, scalable, distributed revision control system
gnupg|2.2.40-1.1+deb12u2|2.2.27-3ubuntu2.1|886|-|utils|optional|all|GNU privacy guard - a free PGP replacement
gpgv|2.2.40-1.1+deb12u2|2.2.27-3ubuntu2.1|918|c|utils|important|amd64|GNU privacy guard - signature verification tool
grep|3.8-5|3.7-1build1|1245|c|utils|required|amd64|GNU grep, egrep and fgrep
grub-pc|2.06-13+deb12u2|2.06-2ubuntu7.2|551|-|admin|optional|amd64|GRand Unified Bootloader, version 2 (PC/BIOS version)
gzip|1.12-1|1.10-4ubuntu4.1|252|c|utils|required|amd64|GNU compression utilities
hostname|3.23+nmu1|3.23ubuntu2|46|c|admin|required|amd64|utility to set/show the host name or domain name
htop|3.2.2-2|3.0.5-7build2|378|-|utils|optional|amd64|interactive processes viewer
init|1.65.2+deb12u1|1.62|13|-|metapackages|important|amd64|metapackage ensuring an init system is installed
init-system-helpers|1.65.2+deb12u1|1.62|133|c|admin|required|all|helper tools for all init systems
initramfs-tools|0.142+deb12u3|0.140ubuntu13.4|58|-|utils|optional|all|generic modular initramfs generator (automation)
iproute2|6.1.0-3|5.15.0-1ubuntu2|3516|-|net|important|amd64|networking and traffic control tools
iptables|1.8.9-2|1.8.7-1ubuntu5.2|2408|-|net|optional|amd64|administration tools for packet filtering and NAT
iputils-ping|3:20221126-1+deb12u1|3:20211215-1|121|-|net|important|amd64|Tools to test the reachability of network hosts
jq|1.6-2.1+deb12u3|1.6-2.1ubuntu3|111|-|utils|optional|amd64|lightweight and flexible command-line JSON processor
kmod|30+20221128-1|29-1ubuntu1|251|-|admin|important|amd64|tools for managing Linux kernel modules
less|590-2.1~deb12u2|590-1ubuntu0.22.04.3|313|-|text|important|amd64|pager program similar to more
libacl1|2.3.1-3|2.3.1-1|73|c|libs|optional|amd64|access control list - shared library
libapt-pkg6.0|2.6.2|2.4.12|3297|c|libs|optional|amd64|package management runtime library
libattr1|1:2.5.1-4|1:2.5.1-1build1|59|c|libs|optional|amd64|extended attribute handling - shared library
libaudit1|1:3.0.9-1|1:3.0.7-1build1|150|c|libs|optional|amd64|Dynamic library for security auditing
libblkid1|2.38.1-5+deb12u3|2.37.2-4ubuntu3.4|398|c|libs|optional|amd64|block device ID library
libbz2-1.0|1.0.8-5+b1|1.0.8-5build1|106|c|libs|optional|amd64|high-quality block-sorting file compressor library - runtime
libc-bin|2.36-9+deb12u14|2.35-0ubuntu3.7|2042|c|libs|required|amd64|GNU C Library: Binaries
libc6|2.36-9+deb12u14|2.35-0ubuntu3.7|13001|c|libs|optional|amd64|GNU C Library: Shared libraries
libcap-ng0|0.8.3-1+b3|0.7.9-2.2build3|65|c|libs|optional|amd64|alternate POSIX capabilities library
libcap2|1:2.66-4+deb12u3+b1|1:2.44-1ubuntu0.22.04.1|95|c|libs|optional|amd64|POSIX 1003.1e capabilities (library)
libcom-err2|1.47.0-2+b2|1.46.5-2ubuntu1.1|55|c|libs|optional|amd64|common error description library
libcrypt1|1:4.4.33-2|1:4.4.27-1|233|c|libs|optional|amd64|libcrypt shared library
libcurl4|7.88.1-10+deb12u15|7.81.0-1ubuntu1.16|840|-|libs|optional|amd64|easy-to-use client-side URL transfer library (OpenSSL flavour)
libdb5.3|5.3.28+dfsg2-1|5.3.28+dfsg1-0.8ubuntu3|1833|c|libs|optional|amd64|Berkeley v5.3 Database Libraries [runtime]
libdebconfclient0|0.270|0.261ubuntu1|37|c|libs|optional|amd64|Debian Configuration Management System (C-implementation library)
libext2fs2|1.47.0-2+b2|1.46.5-2ubuntu1.1|535|c|libs|optional|amd64|ext2/ext3/ext4 file system libraries
libgcc-s1|12.2.0-14+deb12u1|12.3.0-1ubuntu1~22.04|140|c|libs|optional|amd64|GCC support library
libgcrypt20|1.10.1-3+deb12u1|1.9.4-3ubuntu3|1592|c|libs|optional|amd64|LGPL Crypto library - runtime library
libgmp10|2:6.2.1+dfsg1-1.1|2:6.2.1+dfsg-3ubuntu1|855|c|libs|optional|amd64|Multiprecision arithmetic library
libgnutls30|3.7.9-2+deb12u7|3.7.3-4ubuntu1.5|3396|c|libs|optional|amd64|GNU TLS library - main runtime library
libgpg-error0|1.46-1|1.43-3|192|c|libs|optional|amd64|GnuPG development runtime library
libgssapi-krb5-2|1.20.1-2+deb12u5|1.19.2-2ubuntu0.3|425|-|libs|optional|amd64|MIT Kerberos runtime libraries - krb5 GSS-API Mechanism
libhogweed6|3.8.1-2|3.7.3-1build2|463|c|libs|optional|amd64|low level cryptographic library (public-key cryptos)
libidn2-0|2.3.3-1+b1|2.3.2-2build1|439|c|libs|optional|amd64|Internationalized domain names (IDNA2008/TR46) library
libkrb5-3|1.20.1-2+deb12u5|1.19.2-2ubuntu0.3|1077|-|libs|optional|amd64|MIT Kerberos runtime libraries
liblz4-1|1.9.4-1|1.9.3-2build2|169|c|libs|optional|amd64|Fast LZ compression algorithm library - runtime
liblzma5|5.4.1-1+deb12u2|5.2.5-2ubuntu1|333|c|libs|optional|amd64|XZ-format compression library
libmount1|2.38.1-5+deb12u3|2.37.2-4ubuntu3.4|454|c|libs|optional|amd64|device mounting library
libncursesw6|6.4-4|6.3-2ubuntu0.1|412|c|libs|optional|amd64|shared libraries for terminal handling (wide character support)
libnettle8|3.8.1-2|3.7.3-1build2|520|c|libs|optional|amd64|low level cryptographic library (symmetric and one-way cryptos)
libp11-kit0|0.24.1-2|0.24.0-6build1|1408|c|libs|optional|amd64|library for loading and coordinating access to PKCS#11 modules - runtime
libpam-modules|1.5.2-6+deb12u2|1.4.0-11ubuntu2.4|1031|c|admin|required|amd64|Pluggable Authentication Modules for PAM
libpam-modules-bin|1.5.2-6+deb12u2|1.4.0-11ubuntu2.4|227|c|admin|required|amd64|Pluggable Authentication Modules for PAM - helper binaries
libpam-runtime|1.5.2-6+deb12u2|1.4.0-11ubuntu2.4|876|c|admin|required|all|Runtime support for the PAM library
libpam-systemd|252.39-1~deb12u2|249.11-0ubuntu3.12|532|-|admin|standard|amd64|system and service manager - PAM module
libpam0g|1.5.2-6+deb12u2|1.4.0-11ubuntu2.4|215|c|libs|optional|amd64|Pluggable Authentication Modules library
libpcre2-8-0|10.42-1+deb12u2|10.39-3ubuntu0.1|685|c|libs|optional|amd64|New Perl Compatible Regular Expression Library- 8 bit runtime files
libpython3-stdlib|3.11.2-1+b1|3.10.6-1~22.04|27|-|python|optional|amd64|interactive high-level object-oriented language (default python3 version)
libseccomp2|2.5.4-1+deb12u1|2.5.3-2ubuntu2|148|c|libs|optional|amd64|high level interface to Linux seccomp filter
libselinux1|3.4-1+b6|3.3-1build2|199|c|libs|optional|amd64|SELinux runtime shared libraries
libsemanage2|3.4-1+b5|3.3-1build2|297|c|libs|optional|amd64|SELinux policy management library
libsepol2|3.4-2.1|3.3-1build1|775|c|libs|optional|amd64|SELinux library for manipulating binary security policies
libsmartcols1|2.38.1-5+deb12u3|2.37.2-4ubuntu3.4|289|c|libs|optional|amd64|smart column output alignment library
libss2|1.47.0-2+b2|1.46.5-2ubuntu1.1|71|c|libs|optional|amd64|command-line interface parsing library
libssl3|3.0.22-1~deb12u2|3.0.2-0ubuntu1.15|6042|-|libs|optional|amd64|Secure Sockets Layer toolkit - shared libraries
libstdc++6|12.2.0-14+deb12u1|12.3.0-1ubuntu1~22.04|2686|c|libs|optional|amd64|GNU Standard C++ Library v3
libsystemd0|252.39-1~deb12u2|249.11-0ubuntu3.12|909|c|libs|optional|amd64|systemd utility library
libtasn1-6|4.19.0-2+deb12u1|4.18.0-4build1|116|c|libs|optional|amd64|Manage ASN.1 structures (runtime)
libtinfo6|6.4-4|6.3-2ubuntu0.1|541|c|libs|optional|amd64|shared low-level terminfo library for terminal handling
libudev1|252.39-1~deb12u2|249.11-0ubuntu3.12|240|c|libs|optional|amd64|libudev shared library
libunistring2|1.0-2|1.0-1|1807|c|libs|optional|amd64|Unicode string library for C
libuuid1|2.38.1-5+deb12u3|2.37.2-4ubuntu3.4|79|c|libs|optional|amd64|Universally Unique ID library
libxxhash0|0.8.1-1|0.8.1-1|99|c|libs|optional|amd64|shared library for xxhash
libzstd1|1.5.4+dfsg2-5|1.4.8+dfsg-3build1|785|c|libs|optional|amd64|fast lossless compression algorithm
locales|2.36-9+deb12u14|2.35-0ubuntu3.7|15847|-|localization|standard|all|GNU C Library: National Language (locale) data [support]
login|1:4.13+dfsg1-1+deb12u2|1:4.8.1-2ubuntu2.2|2550|c|admin|required|amd64|system login tools
logrotate|3.21.0-1|3.19.0-1ubuntu1.1|160|-|admin|important|amd64|Log rotation utility
logsave|1.47.0-2+b2|1.46.5-2ubuntu1.1|50|c|admin|optional|amd64|save the output of a command in a log file
lsb-release|12.0-1|11.1.0ubuntu4|17|-|misc|optional|all|Linux Standard Base version reporting utility (minimal implementation)
lsof|4.95.0-1|4.93.2+dfsg-1.1build2|482|-|utils|standard|amd64|utility to list open files
man-db|2.11.2-2|2.10.2-1|2963|-|doc|standard|amd64|tools for reading manual pages
mawk|1.3.4.20200120-3.1|1.3.4.20200120-3|263|c|interpreters|required|amd64|Pattern scanning and text processing language
mount|2.38.1-5+deb12u3|2.37.2-4ubuntu3.4|393|c|admin|required|amd64|tools for mounting and manipulating filesystems
nano|7.2-1+deb12u1|6.2-1|2804|-|editors|important|amd64|small, friendly text editor inspired by Pico
ncurses-base|6.4-4|6.3-2ubuntu0.1|379|c|misc|required|all|basic terminal type definitions
ncurses-bin|6.4-4|6.3-2ubuntu0.1|636|c|utils|required|amd64|terminal-related programs and man pages
net-tools|2.10-0.1+deb12u2|1.60+git20181103.0eebece-1ubuntu5|978|-|net|optional|amd64|NET-3 networking toolkit
netbase|6.4|6.3|36|-|admin|important|all|Basic TCP/IP networking system
netcat-openbsd|1.219-1|1.218-4ubuntu1|108|-|net|optional|amd64|TCP/IP swiss army knife
netplan.io|0.106-2+deb12u1|0.106.1-7ubuntu0.22.04.2|447|-|net|optional|amd64|YAML network configuration abstraction for various backends
nftables|1.0.6-2+deb12u2|1.0.2-1ubuntu3|176|-|net|important|amd64|Program to control packet filtering rules by Netfilter project
openssh-client|1:9.2p1-2+deb12u10|1:8.9p1-3ubuntu0.7|5801|-|net|standard|amd64|secure shell (SSH) client, for secure access to remote machines
openssh-server|1:9.2p1-2+deb12u10|1:8.9p1-3ubuntu0.7|1930|-|net|optional|amd64|secure shell (SSH) server, for secure access from remote machines
openssh-sftp-server|1:9.2p1-2+deb12u10|1:8.9p1-3ubuntu0.7|217|-|net|optional|amd64|secure shell (SSH) sftp server module, for SFTP access from remote machines
openssl|3.0.22-1~deb12u2|3.0.2-0ubuntu1.15|2315|-|utils|optional|amd64|Secure Sockets Layer toolkit - cryptographic utility
passwd|1:4.13+dfsg1-1+deb12u2|1:4.8.1-2ubuntu2.2|2827|c|admin|required|amd64|change and administer password and group data
perl|5.36.0-7+deb12u4|5.34.0-3ubuntu1.3|670|-|perl|standard|amd64|Larry Wall's Practical Extraction and Report Language
perl-base|5.36.0-7+deb12u4|5.34.0-3ubuntu1.3|7643|c|perl|required|amd64|minimal Perl system
polkitd|122-3|0.105-33|470|-|admin|optional|amd64|framework for managing administrative policies and privileges
procps|2:4.0.2-3|2:3.3.17-6ubuntu2.1|2091|-|admin|important|amd64|/proc file system utilities
psmisc|23.6-1|23.4-2build3|909|-|admin|optional|amd64|utilities that use the proc file system
python3|3.11.2-1+b1|3.10.6-1~22.04|81|-|python|optional|amd64|interactive high-level object-oriented language (default python3 version)
python3-minimal|3.11.2-1+b1|3.10.6-1~22.04|111|-|python|optional|amd64|minimal subset of the Python language (default python3 version)
rsync|3.5.0+ds1-0+deb12u1|3.2.7-0ubuntu0.22.04.2|937|-|net|optional|amd64|fast, versatile, remote (and local) file-copying tool
rsyslog|8.2302.0-1+deb12u2|8.2112.0-2ubuntu2.2|1942|-|admin|optional|amd64|reliable system and kernel logging daemon
screen|4.9.0-4|4.9.0-1|997|-|misc|optional|amd64|terminal multiplexer with VT100/ANSI terminal emulation
sed|4.9-1+deb12u1|4.8-1ubuntu2|987|c|utils|required|amd64|GNU stream editor for filtering/transforming text
sensible-utils|0.0.17+nmu1|0.0.17|56|c|utils|important|all|Utilities for sensible alternative selection
strace|6.1-0.1|5.16-0ubuntu3|2839|-|utils|optional|amd64|System call tracer
sudo|1.9.13p3-1+deb12u4|1.9.9-1ubuntu2.4|6055|-|admin|optional|amd64|Provide limited super user privileges to specific users
systemd|252.39-1~deb12u2|249.11-0ubuntu3.12|9668|-|admin|important|amd64|system and service manager
systemd-sysv|252.39-1~deb12u2|249.11-0ubuntu3.12|74|-|admin|important|amd64|system and service manager - SysV compatibility symlinks
systemd-timesyncd|252.39-1~deb12u2|249.11-0ubuntu3.12|148|-|admin|standard|amd64|minimalistic service to synchronize local time with NTP servers
sysvinit-utils|3.06-4|3.01-1ubuntu1|100|c|admin|required|amd64|System-V-like utilities
tar|1.34+dfsg-1.2+deb12u1|1.34+dfsg-1ubuntu0.1.22.04.2|3144|c|utils|required|amd64|GNU version of the tar archiving utility
tcpdump|4.99.3-1|4.99.1-3ubuntu0.2|1332|-|net|optional|amd64|command-line network traffic analyzer
telnet|0.17+2.4-2+deb12u3|0.17-44build1|54|-|oldlibs|optional|all|transitional dummy package for inetutils-telnet default switch
tmux|3.3a-3|3.2a-4ubuntu0.2|1106|-|admin|optional|amd64|terminal multiplexer
traceroute|1:2.1.2-1|1:2.1.0-2|155|-|net|standard|amd64|Traces the route taken by packets over an IPv4/IPv6 network
tzdata|2026f-0+deb12u1|2024a-0ubuntu0.22.04|2571|-|localization|required|all|time zone and daylight-saving time data
ucf|3.0043+nmu1+deb12u1|3.0043|214|-|utils|standard|all|Update Configuration File(s): preserve user changes to config files
udev|252.39-1~deb12u2|249.11-0ubuntu3.12|10925|-|admin|important|amd64|/dev/ and hotplug management daemon
ufw|0.36.2-1|0.36.1-4ubuntu0.1|857|-|admin|optional|all|program for managing a Netfilter firewall
unattended-upgrades|2.9.1+nmu3|2.8ubuntu1|301|-|admin|optional|all|automatic installation of security upgrades
unzip|6.0-28+deb12u1|6.0-26ubuntu3.2|380|-|utils|optional|amd64|De-archiver for .zip files
usrmerge|37~deb12u1|25ubuntu2|40|c|admin|optional|all|Convert the system to the merged /usr directories scheme
util-linux|2.38.1-5+deb12u3|2.37.2-4ubuntu3.4|4978|c|utils|required|amd64|miscellaneous system utilities
vim|2:9.0.1378-2+deb12u2|2:8.2.3995-1ubuntu2.16|3650|-|editors|optional|amd64|Vi IMproved - enhanced vi editor
wget|1.21.3-1+deb12u1|1.21.2-2ubuntu1|3521|-|web|standard|amd64|retrieves files from the web
xz-utils|5.4.1-1+deb12u2|5.2.5-2ubuntu1|1226|-|utils|standard|amd64|XZ-format compression utilities
zip|3.0-13+deb12u1|3.0-12build2|616|-|utils|optional|amd64|Archiver for .zip files
zlib1g|1:1.2.13.dfsg-1|1:1.2.11.dfsg-2ubuntu9.2|168|c|libs|optional|amd64|compression library - runtime
`

// DebPackage is a package that is installed beside those of the distribution.
type DebPackage struct {
	Name, Version, Section, About string
	KB                            int
}

// debStatus is dpkg's status file and the names in it.
func debStatus(name string, server bool, more []DebPackage) (status string, names []string) {
	var l []string
	add := func(name, version, kb, section, priority, arch, about string) {
		multi, who := "", "Debian Developers <debian-devel@lists.debian.org>"
		if strings.Contains(version, "ubuntu") {
			who = "Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>"
		}
		if strings.HasPrefix(name, "lib") && arch != "all" {
			multi = "Multi-Arch: same\n"
		}
		l = append(l, fmt.Sprintf("Package: %s\nStatus: install ok installed\nPriority: %s\nSection: %s\nInstalled-Size: %s\nMaintainer: %s\nArchitecture: %s\n%sVersion: %s\nDescription: %s\n", name, priority, section, kb, who, arch, multi, version, about))
	}
	for row := range strings.Lines(debPackages) {
		f := strings.Split(strings.TrimSuffix(row, "\n"), "|")
		version := f[2]
		if strings.HasPrefix(name, "debian") {
			version = f[1]
		}
		if len(f) < 9 || !server && f[4] != "c" || version == "-" {
			continue
		}
		add(f[0], version, f[3], f[5], f[6], f[7], f[8])
	}
	for _, p := range more {
		add(p.Name, p.Version, fmt.Sprint(p.KB), p.Section, "optional", "amd64", p.About)
	}
	slices.Sort(l)
	for _, s := range l {
		n, _, _ := strings.Cut(strings.TrimPrefix(s, "Package: "), "\n")
		names = append(names, n)
	}
	return strings.Join(l, "\n") + "\n", names
}

// dpkg puts a distribution's package database into the tree.
func (t *Tree) dpkg(name string, server bool, more []DebPackage) {
	status, names := debStatus(name, server, more)
	t.File("/var/lib/dpkg/status", 0o644, status)
	t.File("/var/lib/dpkg/status-old", 0o644, status)
	for _, n := range names {
		t.File("/var/lib/dpkg/info/"+n+".list", 0o644, "/.\n/usr\n/usr/share\n/usr/share/doc\n/usr/share/doc/"+n+"\n/usr/share/doc/"+n+"/copyright\n")
		t.File("/var/lib/dpkg/info/"+n+".md5sums", 0o644, "")
	}
}

// Installed puts further packages beside a server's own.
func (t *Tree) Installed(distro string, more []DebPackage) { t.dpkg(distro, true, more) }

// debEtc are the files and directories of /etc that a server's packages bring and
// nobody reads; a name with a slash at its end is a directory.
const debEtc = `.pwd.lock adduser.conf alternatives/ apparmor/ apparmor.d/ apt/ bash_completion.d/ bindresvport.blacklist binfmt.d/ byobu/ ca-certificates/ ca-certificates.conf cloud/ console-setup/ cron.monthly/
 cryptsetup-initramfs/ crypttab dbus-1/ debconf.conf deluser.conf depmod.d/ dhcp/ dpkg/ e2scrub.conf ethertypes fuse.conf gai.conf groff/ group- grub.d/ gshadow- gss/ hdparm.conf inputrc iproute2/ iscsi/ kernel/ ldap/ ld.so.cache
 legal libaudit.conf libblockdev/ libnl-3/ locale.alias locale.gen logcheck/ logrotate.conf lvm/ magic magic.mime manpath.config mdadm/ mime.types mke2fs.conf ModemManager/ modprobe.d/ modules modules-load.d/ multipath/ nanorc needrestart/
 netconfig network/ networkd-dispatcher/ networks newt/ nftables.conf openal/ overlayroot.conf PackageKit/ pam.conf passwd- perl/ pki/ pm/ polkit-1/ pollinate/ ppp/ protocols python3/ python3.10/ rc1.d/ rc2.d/ rc4.d/ rc5.d/ rc6.d/ rmt rpc rsyslog.conf rsyslog.d/
 screenrc sensors.d/ services sgml/ shadow- sos/ ssl/ subgid subgid- subuid subuid- sudo.conf sudo_logsrvd.conf sysctl.d/ thermald/ tmpfiles.d/ ubuntu-advantage/ ucf.conf udev/ udisks2/ update-manager/ update-notifier/ UPower/ usb_modeswitch.conf
 usb_modeswitch.d/ vim/ vmware-tools/ vtrgb wgetrc X11/ xattr.conf xdg/ zsh_command_not_found`

// notDebian are those that only Ubuntu's server has.
const notDebian = ` byobu/ cryptsetup-initramfs/ crypttab iscsi/ legal libblockdev/ ModemManager/ multipath/ needrestart/ networkd-dispatcher/ openal/ overlayroot.conf PackageKit/ pm/ pollinate/ sos/ thermald/ ubuntu-advantage/ udisks2/ update-manager/ update-notifier/ UPower/ usb_modeswitch.conf usb_modeswitch.d/ vmware-tools/ vtrgb zsh_command_not_found python3.10/ hdparm.conf libnl-3/ `

// etc fills a server's /etc.
func (t *Tree) etc(name string) {
	for n := range strings.FieldsSeq(debEtc) {
		if name == "debian12" && strings.Contains(notDebian, " "+n+" ") {
			continue
		}
		p, dir := strings.CutSuffix("/etc/"+n, "/")
		if _, have := t.index[p]; have {
			continue
		}
		switch {
		case dir:
			t.Dir(0o755, p)
		case strings.HasSuffix(n, "-") || n == ".pwd.lock":
			mode := Node{Path: p, Mode: 0o100600}
			if i, ok := t.index[strings.TrimSuffix(p, "-")]; ok {
				mode.Text, mode.Mode, mode.GID = t.nodes[i].Text, t.nodes[i].Mode, t.nodes[i].GID
			}
			t.put(mode)
		case n == "ld.so.cache" || n == "magic.mime" || n == "services" || n == "protocols" || n == "mime.types":
			t.Blob(p, 0o644, 20000+int64(len(n))*311)
		default:
			t.File(p, 0o644, "# "+p+"\n")
		}
	}
	t.File("/etc/services", 0o644, services)
	t.File("/etc/protocols", 0o644, "ip\t0\tIP\t\t# internet protocol, pseudo protocol number\nicmp\t1\tICMP\t\t# internet control message protocol\nigmp\t2\tIGMP\t\t# Internet Group Management\ntcp\t6\tTCP\t\t# transmission control protocol\nudp\t17\tUDP\t\t# user datagram protocol\nipv6-icmp 58\tIPv6-ICMP\t# ICMP for IPv6\n")
	t.File("/etc/rsyslog.conf", 0o644, "module(load=\"imuxsock\") # provides support for local system logging\nmodule(load=\"imklog\")   # provides kernel logging support\n\n$FileOwner root\n$FileGroup adm\n$FileCreateMode 0640\n$Umask 0022\n$WorkDirectory /var/spool/rsyslog\n$IncludeConfig /etc/rsyslog.d/*.conf\n\nauth,authpriv.*\t\t\t/var/log/auth.log\n*.*;auth,authpriv.none\t\t-/var/log/syslog\nkern.*\t\t\t\t-/var/log/kern.log\n")
	t.File("/etc/logrotate.conf", 0o644, "# see \"man logrotate\" for details\nweekly\nrotate 4\ncreate\ninclude /etc/logrotate.d\n")
	for _, n := range strings.Fields("apt dpkg rsyslog btmp wtmp unattended-upgrades ufw") {
		t.File("/etc/logrotate.d/"+n, 0o644, "/var/log/"+n+" {\n\tmonthly\n\trotate 12\n\tcompress\n\tmissingok\n\tnotifempty\n}\n")
	}
	for _, n := range strings.Fields("common-account common-auth common-password common-session cron login other passwd sshd su sudo systemd-user") {
		t.File("/etc/pam.d/"+n, 0o644, "# PAM configuration for "+n+"\n@include common-account\n")
	}
	for _, n := range strings.Fields("cron dbus docker grub-common kmod procps rsyslog ssh udev ufw unattended-upgrades") {
		t.File("/etc/init.d/"+n, 0o755, "#!/bin/sh\n### BEGIN INIT INFO\n# Provides:          "+n+"\n### END INIT INFO\n")
	}
	for _, n := range strings.Fields("cron docker grub rsyslog ssh useradd ufw keyboard locale") {
		if _, have := t.index["/etc/default/"+n]; !have {
			t.File("/etc/default/"+n, 0o644, "# Default settings for "+n+".\n")
		}
	}
	t.File("/etc/subuid", 0o644, "")
	t.File("/etc/subgid", 0o644, "")
	t.Link("/etc/rmt", "/usr/sbin/rmt")
}

// bulk is what makes a server's disk as full as it is: the large files of its
// packages and caches, by their sizes.
func (t *Tree) bulk(name string) {
	file := func(p string, mib int64) { t.Blob(p, 0o644, mib<<20-int64(len(p))*4099) }
	lib := "/usr/lib/x86_64-linux-gnu/"
	for n, mib := range map[string]int64{"libicudata.so.70.1": 28, "libLLVM-15.so.1": 113, "libperl.so.5.34.0": 4, "libcrypto.so.3": 4, "libgtk-3.so.0": 8, "libpython3.10.so.1.0": 6, "libboost_python.so.1.74": 3, "libgs.so.9": 7, "libmysqlclient.so.21": 7, "libruby-3.0.so.3.0": 4, "libc.a": 6, "libstdc++.a": 5,
		"libsystemd-shared.so": 4, "libgallium.so": 22, "perl/5.34/auto/Encode/JP/JP.so": 3, "gconv/gconv-modules.cache": 2} {
		if name == "debian12" {
			n = strings.NewReplacer("5.34", "5.36", "3.10", "3.11", "70.1", "72.1").Replace(n)
		}
		file(lib+n, mib)
	}
	for n, mib := range map[string]int64{"/usr/lib/git-core/git": 4, "/usr/lib/locale/locale-archive": 3, "/usr/lib/gcc/x86_64-linux-gnu/11/cc1": 29, "/usr/lib/gcc/x86_64-linux-gnu/11/cc1plus": 31, "/usr/lib/gcc/x86_64-linux-gnu/11/lto1": 28, "/usr/share/vim/vim82/doc/tags": 9, "/usr/share/doc/package-docs.tar": 41, "/usr/share/locale/locale-data.bin": 96, "/usr/share/man/index.bin": 24,
		"/usr/share/perl/unicore.bin": 37, "/usr/share/i18n/charmaps.bin": 14, "/usr/lib/python3/dist-packages/bundle.bin": 71, "/usr/libexec/docker/cli-plugins/docker-compose": 60, "/usr/libexec/docker/cli-plugins/docker-buildx": 63, "/var/cache/apt/pkgcache.bin": 34, "/var/cache/apt/srcpkgcache.bin": 34, "/var/lib/apt/lists/archive_dists_main_binary-amd64_Packages": 46, "/var/lib/apt/lists/archive_dists_universe_binary-amd64_Packages": 61,
		"/var/log/journal/system.journal": 112, "/var/log/journal/system@0.journal": 128, "/var/log/journal/system@1.journal": 128, "/var/log/journal/user-1000.journal": 16} {
		file(n, mib)
	}
	if name == "debian12" {
		return
	}
	for n, mib := range map[string]int64{"/usr/lib/firmware/amdgpu/bundle.bin": 61, "/usr/lib/firmware/iwlwifi.ucode": 148, "/usr/lib/firmware/netronome/nic.nffw": 96, "/usr/lib/firmware/mellanox/mlxsw.mfa2": 118, "/usr/lib/firmware/qcom/modem.mbn": 64, "/var/lib/snapd/snaps/core20_2318.snap": 64, "/var/lib/snapd/snaps/lxd_24322.snap": 87, "/var/lib/snapd/snaps/snapd_21759.snap": 39} {
		file(n, mib)
	}
}
