package image

import (
	"fmt"
	"strings"
)

// The applets of Alpine's busybox, by the directory their links stand in.
const (
	alpineBin = `arch ash base64 bbconfig cat chattr chgrp chmod chown cp date dd df dmesg dnsdomainname dumpkmap echo egrep
 false fatattr fdflush fgrep fsync getopt grep gunzip gzip hostname ionice iostat ipcalc kbd_mode kill link linux32 linux64
 ln login ls lsattr lzop makemime mkdir mknod mktemp more mount mountpoint mpstat mv netstat nice pidof ping ping6 pipe_progress
 printenv ps pwd reformime rev rm rmdir run-parts sed setpriv setserial sh sleep stat stty su sync tar touch true umount uname
 usleep watch zcat`
	alpineSbin = `acpid adjtimex arp blkid blockdev depmod fbsplash fdisk findfs fsck fstrim getty halt hwclock ifconfig ifdown
 ifenslave ifup init inotifyd insmod ip ipaddr iplink ipneigh iproute iprule iptunnel klogd loadkmap logread losetup lsmod mdev
 mkdosfs mkfs.vfat mkswap modinfo modprobe nameif nologin pivot_root poweroff raidautorun reboot rmmod route setconsole slattach
 swapoff swapon switch_root sysctl syslogd tunctl udhcpc vconfig watchdog zcip`
	alpineUsrBin = `[ [[ awk basename bc beep blkdiscard bunzip2 bzcat bzip2 cal chvt cksum clear cmp comm cpio crontab cryptpw cut dc
 deallocvt diff dirname dos2unix du eject env expand expr factor fallocate find flock fold free fuser getopt groups hd head
 hexdump hostid iconv id install ipcrm ipcs killall last less logger lsof lsusb lzcat lzma lzopcat md5sum mesg microcom mkfifo
 mkpasswd nc nl nmeter nohup nproc nsenter nslookup od openvt passwd paste pgrep pkill pmap printf pscan pstree pwdx readlink
 realpath renice reset resize seq setkeycodes setsid sha1sum sha256sum sha3sum sha512sum showkey shred shuf sort split strings
 sum tac tail tee test time timeout top tr traceroute traceroute6 tree truncate tty ttysize udhcpc6 unexpand uniq unix2dos unlink
 unlzma unlzop unshare unxz unzip uptime uudecode uuencode vi vlock volname wc wget which who whoami whois xargs xxd xzcat yes`
	alpineUsrSbin = `add-shell addgroup adduser arping brctl chpasswd chroot crond delgroup deluser ether-wake fbset killall5 loadfont
 mkdumpfs nanddump nandwrite nbd-client ntpd partprobe rdate rdev readahead remove-shell rfkill sendmail setfont setlogcons`
	busyboxExtra = `httpd telnet telnetd ftpd ftpget ftpput tftp dpkg rpm rpm2cpio ar chpst runsv runsvdir sv softlimit svc envdir
 setuidgid nologin linuxrc lpd lpq lpr`

	coreutils = `[ arch b2sum base32 base64 basename basenc cat chcon chgrp chmod chown cksum comm cp csplit cut date dd df dir dircolors
 dirname du echo env expand expr factor false fmt fold groups head hostid id install join link ln logname ls md5sum mkdir mkfifo
 mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv printf ptx pwd readlink realpath rm rmdir runcon
 seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee test
 timeout touch tr true truncate tsort tty uname unexpand uniq unlink users vdir wc who whoami yes`
	debEssential = `bash dash find xargs grep egrep fgrep sed tar gzip gunzip zcat zgrep diff cmp diff3 sdiff hostname perl mawk
 login su mount umount lsblk dmesg more wdctl findmnt mountpoint tempfile run-parts which.debianutils savelog ischroot chage chfn
 chsh expiry faillog gpasswd newgrp passwd dpkg dpkg-deb dpkg-divert dpkg-query dpkg-split dpkg-statoverride update-alternatives
 pidof apt apt-cache apt-cdrom apt-config apt-get apt-key apt-mark debconf debconf-show getopt setsid taskset nsenter unshare flock
 renice rev lscpu lsmem logger last lastb lastlog mesg script scriptreplay setarch i386 linux32 linux64 x86_64 whereis namei col column
 colrm ipcs ipcrm ipcmk lslocks lslogins mcookie partx prlimit uclampset utmpdump chrt choom fallocate fincore
 getconf getent iconv ldd locale localedef pldd tzselect zdump catchsegv captoinfo clear infocmp infotocap reset tabs tic toe
 tput tset bashbug gpgv deb-systemd-helper deb-systemd-invoke bzip2 bunzip2 bzcat xz unxz xzcat lzma`
	debSbin = `adduser addgroup deluser delgroup useradd userdel usermod groupadd groupdel groupmod grpck pwck pwconv pwunconv
 chpasswd chgpasswd newusers nologin chroot agetty blkid blkdiscard ctrlaltdel fsck fsfreeze fstrim getty hwclock losetup mkfs
 mkswap pivot_root raw runuser start-stop-daemon sulogin swaplabel swapon swapoff switch_root wipefs zramctl ldconfig
 installkernel invoke-rc.d update-rc.d service rmt shadowconfig vigr vipw dpkg-preconfigure
 dpkg-reconfigure e2fsck mke2fs tune2fs unix_chkpwd pam-auth-update remove-shell add-shell zic iconvconfig`
	serverBin = `ps top free uptime w vmstat pgrep pkill pmap pwdx slabtop tload watch kill killall pstree fuser curl wget ssh scp
 sftp ssh-keygen ssh-copy-id ssh-add ssh-agent rsync git python3.10 perl vim.basic nano less lsof strace tcpdump netstat ss ip
 ping nslookup dig host traceroute telnet nc.openbsd crontab systemctl journalctl systemd-analyze systemd-detect-virt hostnamectl
 timedatectl loginctl lsb_release sudo screen tmux htop file unzip zip jq openssl docker containerd containerd-shim-runc-v2 ctr
 runc dockerd docker-proxy docker-init lsattr chattr uuidgen busybox at man bc gpg snap lspci lsusb unattended-upgrade locate iptables-xml`
	serverSbin = `iptables ip6tables iptables-save iptables-restore nft ufw sshd cron rsyslogd sysctl modprobe lsmod insmod rmmod
 depmod modinfo ifconfig route arp fdisk parted reboot shutdown halt poweroff init telinit logrotate visudo arpd bridge tc
 cryptsetup dhclient ethtool irqbalance mkfs.ext4 resize2fs tune2fs apparmor_parser apparmor_status`
)

func (t *Tree) skeleton() {
	t.Dir(0o755, "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/run", "/srv", "/sys", "/usr", "/var", "/media",
		"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/share",
		"/var/lib", "/var/log", "/var/cache", "/var/spool", "/var/opt", "/usr/local/share", "/var/empty")
	t.Dir(0o700, "/root")
	t.Dir(0o1777, "/tmp", "/var/tmp")
}

const alpinePasswd = `root:x:0:0:root:/root:/bin/ash
bin:x:1:1:bin:/bin:/sbin/nologin
daemon:x:2:2:daemon:/sbin:/sbin/nologin
adm:x:3:4:adm:/var/adm:/sbin/nologin
lp:x:4:7:lp:/var/spool/lpd:/sbin/nologin
sync:x:5:0:sync:/sbin:/bin/sync
shutdown:x:6:0:shutdown:/sbin:/sbin/shutdown
halt:x:7:0:halt:/sbin:/sbin/halt
mail:x:8:12:mail:/var/mail:/sbin/nologin
news:x:9:13:news:/usr/lib/news:/sbin/nologin
uucp:x:10:14:uucp:/var/spool/uucppublic:/sbin/nologin
operator:x:11:0:operator:/root:/sbin/nologin
man:x:13:15:man:/usr/man:/sbin/nologin
postmaster:x:14:12:postmaster:/var/mail:/sbin/nologin
cron:x:16:16:cron:/var/spool/cron:/sbin/nologin
ftp:x:21:21::/var/lib/ftp:/sbin/nologin
sshd:x:22:22:sshd:/dev/null:/sbin/nologin
at:x:25:25:at:/var/spool/cron/atjobs:/sbin/nologin
squid:x:31:31:Squid:/var/cache/squid:/sbin/nologin
xfs:x:33:33:X Font Server:/etc/X11/fs:/sbin/nologin
games:x:35:35:games:/usr/games:/sbin/nologin
cyrus:x:85:12::/usr/cyrus:/sbin/nologin
vpopmail:x:89:89::/var/vpopmail:/sbin/nologin
ntp:x:123:123:NTP:/var/empty:/sbin/nologin
smmsp:x:209:209:smmsp:/var/spool/mqueue:/sbin/nologin
guest:x:405:100:guest:/dev/null:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
`

const alpineGroup = `root:x:0:root
bin:x:1:root,bin,daemon
daemon:x:2:root,bin,daemon
sys:x:3:root,bin,adm
adm:x:4:root,adm,daemon
tty:x:5:
disk:x:6:root,adm
lp:x:7:lp
mem:x:8:
kmem:x:9:
wheel:x:10:root
floppy:x:11:root
mail:x:12:mail
news:x:13:news
uucp:x:14:uucp
man:x:15:man
cron:x:16:cron
console:x:17:
audio:x:18:
cdrom:x:19:
dialout:x:20:root
ftp:x:21:
sshd:x:22:
input:x:23:
at:x:25:at
tape:x:26:root
video:x:27:root
netdev:x:28:
readproc:x:30:
squid:x:31:squid
xfs:x:33:xfs
kvm:x:34:kvm
games:x:35:
shadow:x:42:
cdrw:x:80:
www-data:x:82:
usb:x:85:
vpopmail:x:89:
users:x:100:games
ntp:x:123:
nofiles:x:200:
smmsp:x:209:smmsp
locate:x:245:
abuild:x:300:
utmp:x:406:
ping:x:999:
nogroup:x:65533:
nobody:x:65534:
`

// shadowOf makes a shadow file in which nobody has a password.
func shadowOf(passwd string, mark func(user string) string) string {
	var b strings.Builder
	for _, l := range strings.Split(strings.TrimSpace(passwd), "\n") {
		u, _, _ := strings.Cut(l, ":")
		b.WriteString(u + ":" + mark(u) + ":19701:0:99999:7:::\n")
	}
	return b.String()
}

// alpineTree is alpine's base: musl, busybox, apk.
func alpineTree(version string) *Tree {
	t := &Tree{}
	t.skeleton()
	short := version[:strings.LastIndexByte(version, '.')]
	t.Dir(0o755, "/bin", "/sbin", "/lib", "/lib/apk/db", "/etc/apk/keys", "/etc/apk/protected_paths.d", "/etc/conf.d", "/etc/crontabs",
		"/etc/init.d", "/etc/modprobe.d", "/etc/network/if-up.d", "/etc/opt", "/etc/periodic/15min", "/etc/periodic/hourly",
		"/etc/periodic/daily", "/etc/periodic/weekly", "/etc/periodic/monthly", "/etc/profile.d", "/etc/ssl/certs", "/etc/sysctl.d",
		"/etc/udhcpd.d", "/media/cdrom", "/media/floppy", "/media/usb", "/var/cache/apk", "/var/cache/misc", "/var/lib/apk",
		"/var/lib/udhcpd", "/var/local", "/var/lock", "/var/mail", "/var/spool/cron", "/usr/share/apk/keys", "/usr/share/man", "/run/lock")
	t.Bin("/bin/busybox", "busybox", 824984)
	t.Links("/bin", "/bin/busybox", alpineBin)
	t.Links("/sbin", "/bin/busybox", alpineSbin)
	t.Links("/usr/bin", "/bin/busybox", alpineUsrBin)
	t.Links("/usr/sbin", "/bin/busybox", alpineUsrSbin)
	t.Link("/var/spool/cron/crontabs", "/etc/crontabs")
	t.Link("/var/run", "/run")
	t.Bin("/sbin/apk", "apk", 69720)
	t.Bin("/sbin/ldconfig", "ldconfig", 393)
	t.Bins("/usr/bin", "getconf getent iconv ldd scanelf ssl_client")
	t.Blob("/lib/ld-musl-x86_64.so.1", 0o755, 650064)
	t.Link("/lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1")
	t.Blob("/lib/libapk.so.2.14.0", 0o755, 236888)
	t.Blob("/lib/libz.so.1.3.1", 0o755, 98448)
	t.Link("/lib/libz.so.1", "libz.so.1.3.1")
	t.Blob("/lib/libcrypto.so.3", 0o755, 4583264)
	t.Blob("/lib/libssl.so.3", 0o755, 827248)
	t.Link("/usr/lib/libcrypto.so.3", "../../lib/libcrypto.so.3")
	t.Blob("/etc/ssl/certs/ca-certificates.crt", 0o644, 222624)
	t.Link("/etc/ssl/cert.pem", "certs/ca-certificates.crt")
	t.File("/etc/alpine-release", 0o644, version+"\n")
	t.File("/usr/lib/os-release", 0o644, fmt.Sprintf("NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=%s\nPRETTY_NAME=\"Alpine Linux v%s\"\nHOME_URL=\"https://alpinelinux.org/\"\nBUG_REPORT_URL=\"https://gitlab.alpinelinux.org/alpine/aports/-/issues\"\n", version, short))
	t.Link("/etc/os-release", "../usr/lib/os-release")
	t.File("/etc/apk/repositories", 0o644, fmt.Sprintf("https://dl-cdn.alpinelinux.org/alpine/v%[1]s/main\nhttps://dl-cdn.alpinelinux.org/alpine/v%[1]s/community\n", short))
	t.File("/etc/apk/world", 0o644, "alpine-baselayout\nalpine-keys\napk-tools\nbusybox\nlibc-utils\n")
	t.File("/etc/apk/arch", 0o644, "x86_64\n")
	t.File("/lib/apk/db/installed", 0o644, "")
	t.File("/etc/passwd", 0o644, alpinePasswd)
	t.File("/etc/group", 0o644, alpineGroup)
	t.put(Node{Path: "/etc/shadow", Mode: 0o100640, GID: 42, Text: shadowOf(alpinePasswd, func(u string) string {
		if u == "root" {
			return "*"
		}
		return "!"
	})})
	t.File("/etc/shells", 0o644, "# valid login shells\n/bin/sh\n/bin/ash\n")
	t.File("/etc/hosts", 0o644, "127.0.0.1\tlocalhost localhost.localdomain\n::1\t\tlocalhost localhost.localdomain\n")
	t.File("/etc/hostname", 0o644, "localhost\n")
	t.File("/etc/issue", 0o644, "Welcome to Alpine Linux "+short+"\nKernel \\r on an \\m (\\l)\n\n")
	t.File("/etc/motd", 0o644, "Welcome to Alpine!\n\nThe Alpine Wiki contains a large amount of how-to guides and general\ninformation about administrating Alpine systems.\nSee <https://wiki.alpinelinux.org/>.\n\nYou can setup the system with the command: setup-alpine\n\nYou may change this message by editing /etc/motd.\n\n")
	t.File("/etc/profile", 0o644, "export PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\n\nexport PAGER=less\numask 022\n\n# use nicer PS1 for bash and busybox ash\nPS1='\\h:\\w\\$ '\n\nfor script in /etc/profile.d/*.sh ; do\n\tif [ -r \"$script\" ] ; then\n\t\t. \"$script\"\n\tfi\ndone\nunset script\n")
	t.File("/etc/fstab", 0o644, "/dev/cdrom\t/media/cdrom\tiso9660\tnoauto,ro 0 0\n/dev/usbdisk\t/media/usb\tvfat\tnoauto,ro 0 0\n")
	t.File("/etc/nsswitch.conf", 0o644, "hosts: files dns\n")
	t.File("/etc/protocols", 0o644, "ip\t0\tIP\nicmp\t1\tICMP\ntcp\t6\tTCP\nudp\t17\tUDP\n")
	t.File("/etc/services", 0o644, services)
	t.File("/etc/securetty", 0o644, "console\ntty1\ntty2\n")
	t.File("/etc/modules", 0o644, "af_packet\nipv6\n")
	t.File("/etc/inittab", 0o644, "# /etc/inittab\n\n::sysinit:/sbin/openrc sysinit\n::sysinit:/sbin/openrc boot\n::wait:/sbin/openrc default\n")
	t.put(Node{Path: "/etc/crontabs/root", Mode: 0o100600, Text: "# do daily/weekly/monthly maintenance\n# min\thour\tday\tmonth\tweekday\tcommand\n*/15\t*\t*\t*\t*\trun-parts /etc/periodic/15min\n0\t*\t*\t*\t*\trun-parts /etc/periodic/hourly\n0\t2\t*\t*\t*\trun-parts /etc/periodic/daily\n0\t3\t*\t*\t6\trun-parts /etc/periodic/weekly\n0\t5\t1\t*\t*\trun-parts /etc/periodic/monthly\n\n"})
	t.Link("/etc/mtab", "../proc/mounts")
	return t
}

const services = `ftp-data	20/tcp
ftp		21/tcp
ssh		22/tcp
telnet		23/tcp
smtp		25/tcp		mail
domain		53/tcp
domain		53/udp
http		80/tcp		www
pop3		110/tcp
ntp		123/udp
imap2		143/tcp
https		443/tcp
mysql		3306/tcp
postgresql	5432/tcp
redis		6379/tcp
`

// busyboxTree is the busybox image: one binary and its hard links' names.
func busyboxTree() *Tree {
	t := &Tree{}
	t.Dir(0o755, "/bin", "/dev", "/etc", "/lib", "/usr", "/usr/bin", "/usr/sbin", "/var", "/var/spool", "/var/spool/mail", "/var/www", "/proc", "/sys")
	t.Dir(0o700, "/root")
	t.OwnDir(0o755, 65534, 65534, "/home")
	t.Dir(0o1777, "/tmp")
	t.Link("/lib64", "lib")
	t.Bin("/bin/busybox", "busybox", 1306392)
	t.Links("/bin", "busybox", alpineBin+" "+alpineSbin+" "+alpineUsrBin+" "+alpineUsrSbin+" "+busyboxExtra)
	t.Bin("/bin/busybox", "busybox", 1306392)
	t.Bin("/bin/getconf", "getconf", 36600)
	t.Link("/usr/bin/env", "../../bin/env")
	t.Blob("/lib/libc.so.6", 0o755, 1926256)
	t.Blob("/lib/ld-linux-x86-64.so.2", 0o755, 210968)
	t.Blob("/lib/libm.so.6", 0o755, 907784)
	t.Blob("/lib/libresolv.so.2", 0o755, 60328)
	p := "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nbin:x:2:2:bin:/bin:/bin/false\nsys:x:3:3:sys:/dev:/bin/false\nsync:x:4:100:sync:/bin:/bin/sync\nmail:x:8:8:mail:/var/spool/mail:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\noperator:x:37:37:Operator:/var:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n"
	t.File("/etc/passwd", 0o644, p)
	t.File("/etc/group", 0o644, "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nmail:x:8:\nkmem:x:9:\nwheel:x:10:root\ncdrom:x:11:\ndialout:x:18:\nfloppy:x:19:\nvideo:x:28:\naudio:x:29:\ntape:x:32:\nwww-data:x:33:\noperator:x:37:\nutmp:x:43:\nplugdev:x:46:\nstaff:x:50:\nlock:x:54:\nnetdev:x:82:\nusers:x:100:\nnobody:x:65534:\n")
	t.put(Node{Path: "/etc/shadow", Mode: 0o100600, Text: shadowOf(p, func(u string) string {
		if u == "root" {
			return ""
		}
		return "*"
	})})
	t.File("/etc/localtime", 0o644, "TZif2\x00")
	return t
}

const debPasswd = `root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
sys:x:3:3:sys:/dev:/usr/sbin/nologin
sync:x:4:65534:sync:/bin:/bin/sync
games:x:5:60:games:/usr/games:/usr/sbin/nologin
man:x:6:12:man:/var/cache/man:/usr/sbin/nologin
lp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
news:x:9:9:news:/var/spool/news:/usr/sbin/nologin
uucp:x:10:10:uucp:/var/spool/uucp:/usr/sbin/nologin
proxy:x:13:13:proxy:/bin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
backup:x:34:34:backup:/var/backups:/usr/sbin/nologin
list:x:38:38:Mailing List Manager:/var/list:/usr/sbin/nologin
irc:x:39:39:ircd:/run/ircd:/usr/sbin/nologin
gnats:x:41:41:Gnats Bug-Reporting System (admin):/var/lib/gnats:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
_apt:x:100:65534::/nonexistent:/usr/sbin/nologin
`

const debGroup = `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
lp:x:7:
mail:x:8:
news:x:9:
uucp:x:10:
man:x:12:
proxy:x:13:
kmem:x:15:
dialout:x:20:
fax:x:21:
voice:x:22:
cdrom:x:24:
floppy:x:25:
tape:x:26:
sudo:x:27:
audio:x:29:
dip:x:30:
www-data:x:33:
backup:x:34:
operator:x:37:
list:x:38:
irc:x:39:
src:x:40:
gnats:x:41:
shadow:x:42:
utmp:x:43:
video:x:44:
sasl:x:45:
plugdev:x:46:
staff:x:50:
games:x:60:
users:x:100:
nogroup:x:65534:
`

// distro is what differs between the releases of the Debian family.
type distro struct {
	id, name, version, versionID, codename, pretty, debianVersion, sources string
}

var (
	debian12 = distro{id: "debian", name: "Debian GNU/Linux", version: "12 (bookworm)", versionID: "12", codename: "bookworm",
		pretty: "Debian GNU/Linux 12 (bookworm)", debianVersion: "12.5"}
	debian11 = distro{id: "debian", name: "Debian GNU/Linux", version: "11 (bullseye)", versionID: "11", codename: "bullseye",
		pretty: "Debian GNU/Linux 11 (bullseye)", debianVersion: "11.9",
		sources: "deb http://deb.debian.org/debian bullseye main\ndeb http://deb.debian.org/debian-security bullseye-security main\ndeb http://deb.debian.org/debian bullseye-updates main\n"}
	ubuntu2204 = distro{id: "ubuntu", name: "Ubuntu", version: "22.04.4 LTS (Jammy Jellyfish)", versionID: "22.04", codename: "jammy",
		pretty: "Ubuntu 22.04.4 LTS", debianVersion: "bookworm/sid"}
	ubuntu2004 = distro{id: "ubuntu", name: "Ubuntu", version: "20.04.6 LTS (Focal Fossa)", versionID: "20.04", codename: "focal",
		pretty: "Ubuntu 20.04.6 LTS", debianVersion: "bullseye/sid"}
	ubuntu1804 = distro{id: "ubuntu", name: "Ubuntu", version: "18.04.6 LTS (Bionic Beaver)", versionID: "18.04", codename: "bionic",
		pretty: "Ubuntu 18.04.6 LTS", debianVersion: "buster/sid"}
)

func (d distro) osRelease() string {
	if d.id == "ubuntu" {
		return fmt.Sprintf("PRETTY_NAME=%q\nNAME=%q\nVERSION_ID=%q\nVERSION=%q\nVERSION_CODENAME=%[5]s\nID=ubuntu\nID_LIKE=debian\nHOME_URL=\"https://www.ubuntu.com/\"\nSUPPORT_URL=\"https://help.ubuntu.com/\"\nBUG_REPORT_URL=\"https://bugs.launchpad.net/ubuntu/\"\nPRIVACY_POLICY_URL=\"https://www.ubuntu.com/legal/terms-and-policies/privacy-policy\"\nUBUNTU_CODENAME=%[5]s\n", d.pretty, d.name, d.versionID, d.version, d.codename)
	}
	return fmt.Sprintf("PRETTY_NAME=%q\nNAME=%q\nVERSION_ID=%q\nVERSION=%q\nVERSION_CODENAME=%s\nID=debian\nHOME_URL=\"https://www.debian.org/\"\nSUPPORT_URL=\"https://www.debian.org/support\"\nBUG_REPORT_URL=\"https://bugs.debian.org/\"\n", d.pretty, d.name, d.versionID, d.version, d.codename)
}

func (d distro) aptSources() string {
	if d.sources != "" {
		return d.sources
	}
	if d.id == "ubuntu" {
		var b strings.Builder
		for _, suite := range []string{d.codename, d.codename + "-updates", d.codename + "-backports"} {
			fmt.Fprintf(&b, "deb http://archive.ubuntu.com/ubuntu/ %s main restricted universe multiverse\n", suite)
		}
		fmt.Fprintf(&b, "deb http://security.ubuntu.com/ubuntu/ %s-security main restricted universe multiverse\n", d.codename)
		return b.String()
	}
	return "# See /etc/apt/sources.list.d/debian.sources\n"
}

// debTree is the minimal base of a Debian release, as its container image has it.
func debTree(d distro) *Tree {
	t := &Tree{}
	t.skeleton()
	t.Dir(0o755, "/boot", "/etc/apt/apt.conf.d", "/etc/apt/preferences.d", "/etc/apt/sources.list.d", "/etc/apt/trusted.gpg.d", "/etc/cron.daily",
		"/etc/default", "/etc/dpkg/dpkg.cfg.d", "/etc/init.d", "/etc/kernel/postinst.d", "/etc/ld.so.conf.d", "/etc/logrotate.d", "/etc/opt",
		"/etc/pam.d", "/etc/profile.d", "/etc/rc0.d", "/etc/rc3.d", "/etc/rcS.d", "/etc/security", "/etc/selinux", "/etc/skel",
		"/etc/systemd/system", "/etc/terminfo", "/etc/update-motd.d", "/usr/games", "/usr/include", "/usr/lib/x86_64-linux-gnu", "/usr/lib64",
		"/usr/libexec", "/usr/src", "/usr/share/doc", "/usr/share/man", "/usr/share/zoneinfo", "/var/backups", "/var/cache/apt/archives/partial",
		"/var/cache/debconf", "/var/lib/apt/lists", "/var/lib/dpkg/info", "/var/lib/dpkg/updates", "/var/lib/misc", "/var/lib/pam", "/var/log/apt",
		"/var/spool")
	t.Dir(0o2775, "/var/local")
	t.put(Node{Path: "/var/mail", Mode: 0o042775, GID: 8})
	t.Link("/bin", "usr/bin")
	t.Link("/sbin", "usr/sbin")
	t.Link("/lib", "usr/lib")
	t.Link("/lib64", "usr/lib64")
	t.Link("/var/run", "/run")
	t.Link("/var/lock", "/run/lock")
	t.Dir(0o1777, "/run/lock")
	t.Bins("/usr/bin", coreutils+" "+debEssential)
	if d.id == "ubuntu" { // procps comes with it; Debian's images are without
		t.Bins("/usr/bin", "ps top free uptime w pgrep pkill watch vmstat")
		t.Bins("/usr/sbin", "sysctl")
	}
	t.Bins("/usr/sbin", debSbin)
	t.Link("/usr/bin/sh", "dash")
	t.Link("/usr/bin/rbash", "bash")
	t.Link("/usr/bin/awk", "/etc/alternatives/awk")
	t.Link("/etc/alternatives/awk", "/usr/bin/mawk")
	t.Link("/usr/bin/which", "/etc/alternatives/which")
	t.Link("/etc/alternatives/which", "/usr/bin/which.debianutils")
	t.Link("/usr/bin/pager", "/etc/alternatives/pager")
	t.Link("/etc/alternatives/pager", "/usr/bin/more")
	t.Bin("/usr/bin/which.debianutils", "which", 946)
	t.Blob("/usr/lib/x86_64-linux-gnu/libc.so.6", 0o755, 1922136)
	t.Blob("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", 0o755, 210968)
	t.Blob("/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", 0o644, 2190440)
	t.Blob("/usr/lib/x86_64-linux-gnu/libapt-pkg.so.6.0", 0o644, 2014416)
	t.Link("/usr/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
	t.File("/usr/lib/os-release", 0o644, d.osRelease())
	t.Link("/etc/os-release", "../usr/lib/os-release")
	t.File("/etc/debian_version", 0o644, d.debianVersion+"\n")
	if d.id == "ubuntu" {
		t.File("/etc/lsb-release", 0o644, fmt.Sprintf("DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=%s\nDISTRIB_CODENAME=%s\nDISTRIB_DESCRIPTION=%q\n", d.versionID, d.codename, d.pretty))
	}
	t.File("/etc/issue", 0o644, d.pretty+" \\n \\l\n\n")
	t.File("/etc/issue.net", 0o644, d.pretty+"\n")
	t.File("/etc/apt/sources.list", 0o644, d.aptSources())
	t.File("/etc/passwd", 0o644, debPasswd)
	t.File("/etc/group", 0o644, debGroup)
	t.put(Node{Path: "/etc/shadow", Mode: 0o100640, GID: 42, Text: shadowOf(debPasswd, func(string) string { return "*" })})
	t.put(Node{Path: "/etc/gshadow", Mode: 0o100640, GID: 42, Text: "root:*::\n"})
	t.File("/etc/hostname", 0o644, "localhost\n")
	t.File("/etc/host.conf", 0o644, "multi on\n")
	t.File("/etc/nsswitch.conf", 0o644, "passwd:         files\ngroup:          files\nshadow:         files\ngshadow:        files\n\nhosts:          files dns\nnetworks:       files\n\nprotocols:      db files\nservices:       db files\nethers:         db files\nrpc:            db files\n\nnetgroup:       nis\n")
	t.File("/etc/shells", 0o644, "# /etc/shells: valid login shells\n/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/rbash\n/usr/bin/rbash\n/usr/bin/sh\n/bin/dash\n/usr/bin/dash\n")
	t.File("/etc/profile", 0o644, "# /etc/profile: system-wide .profile file for the Bourne shell (sh(1))\n\nif [ \"$(id -u)\" -eq 0 ]; then\n  PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"\nelse\n  PATH=\"/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games\"\nfi\nexport PATH\n")
	t.File("/etc/bash.bashrc", 0o644, "# System-wide .bashrc file for interactive bash(1) shells.\n[ -z \"$PS1\" ] && return\nshopt -s checkwinsize\nPS1='\\u@\\h:\\w\\$ '\n")
	t.File("/root/.bashrc", 0o644, "# ~/.bashrc: executed by bash(1) for non-login shells.\n")
	t.File("/root/.profile", 0o644, "# ~/.profile: executed by Bourne-compatible login shells.\n\nif [ \"$BASH\" ]; then\n  if [ -f ~/.bashrc ]; then\n    . ~/.bashrc\n  fi\nfi\n\nmesg n 2> /dev/null || true\n")
	t.File("/etc/login.defs", 0o644, "MAIL_DIR\t/var/mail\nFAILLOG_ENAB\tyes\nUID_MIN\t1000\nUID_MAX\t60000\nGID_MIN\t1000\nGID_MAX\t60000\nUMASK\t022\nENCRYPT_METHOD SHA512\n")
	t.File("/etc/environment", 0o644, "")
	t.File("/etc/fstab", 0o644, "# UNCONFIGURED FSTAB FOR BASE SYSTEM\n")
	t.File("/etc/ld.so.conf", 0o644, "include /etc/ld.so.conf.d/*.conf\n\n")
	t.File("/etc/machine-id", 0o444, "")
	t.File("/etc/resolv.conf", 0o644, "")
	t.Link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
	t.File("/usr/share/zoneinfo/Etc/UTC", 0o644, "TZif2\x00")
	t.File("/etc/timezone", 0o644, "Etc/UTC\n")
	t.dpkg(d.id+strings.ReplaceAll(d.versionID, ".", ""), false, nil)
	t.File("/var/log/dpkg.log", 0o644, "")
	t.Link("/etc/mtab", "/proc/mounts")
	return t
}

// centosTree is CentOS 7's base.
func centosTree(version string) *Tree {
	t := &Tree{}
	t.skeleton()
	t.Dir(0o555, "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64")
	t.Dir(0o755, "/etc/yum", "/etc/yum.repos.d", "/etc/pki/rpm-gpg", "/etc/rpm", "/etc/profile.d", "/etc/init.d", "/etc/sysconfig",
		"/etc/security", "/etc/skel", "/etc/systemd/system", "/var/lib/rpm", "/var/lib/yum", "/var/cache/yum", "/var/adm", "/var/db", "/var/lock")
	t.Dir(0o550, "/root")
	t.Link("/bin", "usr/bin")
	t.Link("/sbin", "usr/sbin")
	t.Link("/lib", "usr/lib")
	t.Link("/lib64", "usr/lib64")
	t.Link("/var/run", "../run")
	t.Bins("/usr/bin", coreutils+" bash find xargs grep egrep fgrep sed gawk tar gzip gunzip zcat hostname login su mount umount lsblk dmesg more findmnt mountpoint chage gpasswd newgrp passwd rpm yum curl python2.7 getopt setsid taskset nsenter unshare flock renice rev lscpu logger last mesg script setarch whereis column kill getent iconv ldd locale localedef clear reset tput tset vi openssl xz unxz bzip2 bunzip2 which diff cmp gpg2 ping ps top free uptime w pgrep pkill watch systemctl journalctl")
	t.Bins("/usr/sbin", "useradd userdel usermod groupadd groupdel groupmod chpasswd nologin chroot agetty blkid fsck losetup mkfs mkswap pivot_root runuser swapon swapoff ldconfig adduser ip ss sysctl")
	t.Link("/usr/bin/sh", "bash")
	t.Link("/usr/bin/awk", "gawk")
	t.Link("/usr/bin/python", "python2")
	t.Link("/usr/bin/python2", "python2.7")
	t.Blob("/usr/lib64/libc-2.17.so", 0o755, 2156272)
	t.Link("/usr/lib64/libc.so.6", "libc-2.17.so")
	rel := "CentOS Linux release 7.9.2009 (Core)\n"
	osr := "NAME=\"CentOS Linux\"\nVERSION=\"7 (Core)\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\nANSI_COLOR=\"0;31\"\nCPE_NAME=\"cpe:/o:centos:centos:7\"\nHOME_URL=\"https://www.centos.org/\"\nBUG_REPORT_URL=\"https://bugs.centos.org/\"\n\nCENTOS_MANTISBT_PROJECT=\"CentOS-7\"\nCENTOS_MANTISBT_PROJECT_VERSION=\"7\"\nREDHAT_SUPPORT_PRODUCT=\"centos\"\nREDHAT_SUPPORT_PRODUCT_VERSION=\"7\"\n\n"
	if version == "8" {
		rel = "CentOS Linux release 8.4.2105\n"
		osr = "NAME=\"CentOS Linux\"\nVERSION=\"8\"\nID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"8\"\nPLATFORM_ID=\"platform:el8\"\nPRETTY_NAME=\"CentOS Linux 8\"\nANSI_COLOR=\"0;31\"\nCPE_NAME=\"cpe:/o:centos:centos:8\"\nHOME_URL=\"https://centos.org/\"\nBUG_REPORT_URL=\"https://bugs.centos.org/\"\nCENTOS_MANTISBT_PROJECT=\"CentOS-8\"\nCENTOS_MANTISBT_PROJECT_VERSION=\"8\"\n"
	}
	t.File("/etc/centos-release", 0o644, rel)
	t.Link("/etc/redhat-release", "centos-release")
	t.Link("/etc/system-release", "centos-release")
	t.File("/usr/lib/os-release", 0o644, osr)
	t.Link("/etc/os-release", "../usr/lib/os-release")
	p := "root:x:0:0:root:/root:/bin/bash\nbin:x:1:1:bin:/bin:/sbin/nologin\ndaemon:x:2:2:daemon:/sbin:/sbin/nologin\nadm:x:3:4:adm:/var/adm:/sbin/nologin\nlp:x:4:7:lp:/var/spool/lpd:/sbin/nologin\nsync:x:5:0:sync:/sbin:/bin/sync\nshutdown:x:6:0:shutdown:/sbin:/sbin/shutdown\nhalt:x:7:0:halt:/sbin:/sbin/halt\nmail:x:8:12:mail:/var/spool/mail:/sbin/nologin\noperator:x:11:0:operator:/root:/sbin/nologin\ngames:x:12:100:games:/usr/games:/sbin/nologin\nftp:x:14:50:FTP User:/var/ftp:/sbin/nologin\nnobody:x:99:99:Nobody:/:/sbin/nologin\nsystemd-network:x:192:192:systemd Network Management:/:/sbin/nologin\ndbus:x:81:81:System message bus:/:/sbin/nologin\n"
	t.File("/etc/passwd", 0o644, p)
	t.File("/etc/group", 0o644, "root:x:0:\nbin:x:1:\ndaemon:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nmem:x:8:\nkmem:x:9:\nwheel:x:10:\ncdrom:x:11:\nmail:x:12:\nman:x:15:\nusers:x:100:\nnobody:x:99:\n")
	t.put(Node{Path: "/etc/shadow", Mode: 0o100000, Text: shadowOf(p, func(u string) string { return "*" })})
	t.File("/etc/hosts", 0o644, "127.0.0.1   localhost localhost.localdomain localhost4 localhost4.localdomain4\n::1         localhost localhost.localdomain localhost6 localhost6.localdomain6\n")
	t.File("/etc/shells", 0o644, "/bin/sh\n/bin/bash\n/usr/bin/sh\n/usr/bin/bash\n")
	t.File("/etc/yum.repos.d/CentOS-Base.repo", 0o644, "[base]\nname=CentOS-$releasever - Base\nmirrorlist=http://mirrorlist.centos.org/?release=$releasever&arch=$basearch&repo=os&infra=$infra\ngpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-CentOS-7\n")
	t.File("/etc/profile", 0o644, "# /etc/profile\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nexport PATH\n")
	t.File("/etc/bashrc", 0o644, "# /etc/bashrc\n[ \"$PS1\" ] && PS1=\"[\\u@\\h \\W]\\\\$ \"\n")
	t.File("/root/.bashrc", 0o644, "# .bashrc\n\nalias rm='rm -i'\nalias cp='cp -i'\nalias mv='mv -i'\n\nif [ -f /etc/bashrc ]; then\n\t. /etc/bashrc\nfi\n")
	t.Link("/etc/mtab", "/proc/self/mounts")
	return t
}

// DebPasswd and DebGroup are a fresh Debian's users and groups.
const (
	DebPasswd = debPasswd
	DebGroup  = debGroup
)

// units are the services of a server beside docker's and cron's.
var units = []struct{ name, what, exec string }{
	{"ssh", "OpenBSD Secure Shell server", "/usr/sbin/sshd -D $SSHD_OPTS"}, {"rsyslog", "System Logging Service", "/usr/sbin/rsyslogd -n -iNONE"}, {"containerd", "containerd container runtime", "/usr/bin/containerd"},
	{"dbus", "D-Bus System Message Bus", "@/usr/bin/dbus-daemon @dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation --syslog-only"},
	{"systemd-journald", "Journal Service", "/lib/systemd/systemd-journald"}, {"systemd-logind", "User Login Management", "/lib/systemd/systemd-logind"}, {"systemd-networkd", "Network Configuration", "/lib/systemd/systemd-networkd"},
	{"systemd-resolved", "Network Name Resolution", "/lib/systemd/systemd-resolved"}, {"systemd-timesyncd", "Network Time Synchronization", "/lib/systemd/systemd-timesyncd"}, {"systemd-udevd", "Rule-based Manager for Device Events and Files", "/lib/systemd/systemd-udevd"},
}

// ServerTree is a server's disk: the distribution's base and what an
// administrator of Docker hosts has installed.
func ServerTree(name string) *Tree {
	d := ubuntu2204
	if name == "debian12" {
		d = debian12
	}
	t := debTree(d)
	t.Dir(0o755, "/boot/grub", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.weekly", "/etc/cron.monthly", "/etc/docker", "/etc/ssh", "/etc/sudoers.d", "/etc/systemd/network",
		"/etc/netplan", "/etc/ufw", "/etc/apparmor.d", "/snap", "/var/lib/containerd", "/var/lib/systemd", "/var/log/journal", "/var/log/unattended-upgrades",
		"/opt/containerd", "/run/docker", "/run/containerd", "/run/systemd/system", "/run/sshd", "/var/www", "/var/lib/cloud", "/usr/lib/systemd/system", "/usr/lib/modules")
	t.Dir(0o700, "/lost+found")
	t.put(Node{Path: "/var/spool/cron/crontabs", Mode: 0o041730, GID: 106})
	t.Bins("/usr/bin", serverBin)
	t.Bins("/usr/sbin", serverSbin)
	t.Bin("/usr/lib/systemd/systemd", "systemd", binSize("systemd"))
	for _, s := range []string{"systemd-journald", "systemd-networkd", "systemd-resolved", "systemd-logind", "systemd-timesyncd"} {
		t.Bin("/usr/lib/systemd/"+s, s, binSize(s))
	}
	t.Bins("/usr/bin", "udevadm dbus-daemon")
	t.Link("/usr/lib/systemd/systemd-udevd", "../../bin/udevadm")
	if name == "ubuntu2204" {
		t.Bins("/usr/libexec", "polkitd")
		t.File("/usr/bin/networkd-dispatcher", 0o755, "#!/usr/bin/python3\n")
		t.File("/usr/share/unattended-upgrades/unattended-upgrade-shutdown", 0o755, "#!/usr/bin/python3\n")
	}
	for _, u := range units {
		t.File("/usr/lib/systemd/system/"+u.name+".service", 0o644, "[Unit]\nDescription="+u.what+"\n\n[Service]\nExecStart="+u.exec+"\nRestart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n")
	}
	for _, u := range []string{"ssh", "rsyslog", "containerd", "systemd-networkd", "systemd-resolved", "systemd-timesyncd", "docker", "cron"} {
		t.Link("/etc/systemd/system/multi-user.target.wants/"+u+".service", "/lib/systemd/system/"+u+".service")
	}
	t.Link("/usr/sbin/init", "/lib/systemd/systemd")
	t.Link("/usr/bin/python3", "python3.10")
	if name == "debian12" {
		t.Bin("/usr/bin/python3.11", "python3", binSize("python3.11"))
		t.Link("/usr/bin/python3", "python3.11")
	} else {
		t.Bin("/usr/bin/python3.10", "python3", binSize("python3.10"))
	}
	t.Link("/usr/bin/vi", "/etc/alternatives/vi")
	t.Link("/usr/bin/vim", "/etc/alternatives/vim")
	t.Link("/etc/alternatives/vi", "/usr/bin/vim.basic")
	t.Link("/etc/alternatives/vim", "/usr/bin/vim.basic")
	t.Link("/usr/bin/nc", "/etc/alternatives/nc")
	t.Link("/etc/alternatives/nc", "/bin/nc.openbsd")
	t.Bin("/usr/bin/nc.openbsd", "nc", binSize("nc.openbsd"))
	t.Bin("/usr/bin/vim.basic", "vi", binSize("vim.basic"))
	t.File("/etc/crontab", 0o644, `# /etc/crontab: system-wide crontab
# Unlike any other crontab you don't have to run the `+"`crontab'"+`
# command to install the new version when you edit this file
# and files in /etc/cron.d. These files also have username fields,
# that none of the other crontabs do.

SHELL=/bin/sh
# You can also override PATH, but by default, newer versions inherit it from the environment
#PATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin

# Example of job definition:
# .---------------- minute (0 - 59)
# |  .------------- hour (0 - 23)
# |  |  .---------- day of month (1 - 31)
# |  |  |  .------- month (1 - 12) OR jan,feb,mar,apr ...
# |  |  |  |  .---- day of week (0 - 6) (Sunday=0 or 7) OR sun,mon,tue,wed,thu,fri,sat
# |  |  |  |  |
# *  *  *  *  * user-name command to be executed
17 *	* * *	root    cd / && run-parts --report /etc/cron.hourly
25 6	* * *	root	test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )
47 6	* * 7	root	test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.weekly )
52 6	1 * *	root	test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.monthly )
#
`)
	t.File("/etc/cron.d/e2scrub_all", 0o644, "30 3 * * 0 root test -e /run/systemd/system || SERVICE_MODE=1 /usr/lib/x86_64-linux-gnu/e2fsprogs/e2scrub_all_cron\n10 3 * * * root test -e /run/systemd/system || SERVICE_MODE=1 /sbin/e2scrub_all -A -r\n")
	t.File("/etc/cron.daily/apt-compat", 0o755, "#!/bin/sh\n\nset -e\n\n# Systemd systems use a systemd timer unit which is preferable to\n# run.\nif [ -d /run/systemd/system ]; then\n    exit 0\nfi\n")
	t.File("/etc/cron.daily/dpkg", 0o755, "#!/bin/sh\n\n# Skip if systemd is running.\nif [ -d /run/systemd/system ]; then\n  exit 0\nfi\n")
	t.File("/etc/cron.daily/logrotate", 0o755, "#!/bin/sh\n\n# skip in favour of systemd timer\nif [ -d /run/systemd/system ]; then\n    exit 0\nfi\n")
	t.File("/etc/docker/daemon.json", 0o644, "{\n  \"log-driver\": \"json-file\"\n}\n")
	t.File("/etc/ssh/sshd_config", 0o644, "Include /etc/ssh/sshd_config.d/*.conf\n\n#Port 22\n#PermitRootLogin prohibit-password\nKbdInteractiveAuthentication no\nUsePAM yes\nX11Forwarding yes\nPrintMotd no\nAcceptEnv LANG LC_*\nSubsystem\tsftp\t/usr/lib/openssh/sftp-server\n")
	t.File("/etc/sudoers", 0o440, "Defaults\tenv_reset\nDefaults\tmail_badpass\nDefaults\tsecure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin\"\n\nroot\tALL=(ALL:ALL) ALL\n%admin ALL=(ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n\n@includedir /etc/sudoers.d\n")
	t.File("/etc/sysctl.conf", 0o644, "#\n# /etc/sysctl.conf - Configuration file for setting system variables\n#\n")
	t.File("/etc/default/locale", 0o644, "LANG=C.UTF-8\n")
	t.File("/etc/environment", 0o644, "PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games:/snap/bin\"\n")
	t.File("/usr/lib/systemd/system/docker.service", 0o644, "[Unit]\nDescription=Docker Application Container Engine\nDocumentation=https://docs.docker.com\nAfter=network-online.target docker.socket firewalld.service containerd.service time-set.target\nWants=network-online.target containerd.service\nRequires=docker.socket\n\n[Service]\nType=notify\nExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock\nExecReload=/bin/kill -s HUP $MAINPID\nTimeoutStartSec=0\nRestartSec=2\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n")
	t.File("/usr/lib/systemd/system/cron.service", 0o644, "[Unit]\nDescription=Regular background program processing daemon\nDocumentation=man:cron(8)\nAfter=remote-fs.target nss-user-lookup.target\n\n[Service]\nEnvironmentFile=-/etc/default/cron\nExecStart=/usr/sbin/cron -f -P $EXTRA_OPTS\nIgnoreSIGPIPE=false\nKillMode=process\nRestart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n")
	t.File("/var/log/auth.log", 0o640, "")
	t.File("/var/log/syslog", 0o640, "")
	t.File("/var/log/kern.log", 0o640, "")
	t.File("/var/log/wtmp", 0o664, "")
	t.File("/var/log/lastlog", 0o664, "")
	t.File("/var/log/btmp", 0o660, "")
	t.etc(name)
	t.bulk(name)
	return t
}
