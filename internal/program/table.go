package program

// commands is the table of all commands.
func commands() map[string]command {
	return table
}

// table is not changed after it was made.
var table map[string]command

func init() { //nolint:gochecknoinits // the table's functions look into the table
	table = map[string]command{
		"true": cmdTrue, "false": cmdFalse, "echo": cmdEcho, "printf": cmdPrintf, "yes": cmdYes, "env": cmdEnv, "printenv": cmdPrintenv, "pwd": cmdPwd,
		"basename": cmdBasename, "dirname": cmdDirname, "sleep": cmdSleep, "hostname": cmdHostname, "uname": cmdUname, "arch": cmdArch, "whoami": cmdWhoami,
		"id": cmdID, "groups": cmdGroups, "nproc": cmdNproc, "tty": cmdTTY, "stty": cmdStty, "sync": cmdSync, "seq": cmdSeq, "date": cmdDate, "test": cmdTest, "[": cmdTest, "[[": cmdTest, "expr": cmdExpr, "clear": cmdClear,
		"ls": cmdLs, "dir": cmdLs, "cat": cmdCat, "cp": cmdCp, "mv": cmdMv, "rm": cmdRm, "mkdir": cmdMkdir, "rmdir": cmdRmdir, "ln": cmdLn, "touch": cmdTouch,
		"chmod": cmdChmod, "chown": cmdChown, "chgrp": cmdChown, "chattr": cmdChattr, "lsattr": cmdLsattr, "stat": cmdStat, "readlink": cmdReadlink,
		"realpath": cmdRealpath, "mktemp": cmdMktemp, "dd": cmdDd, "df": cmdDf, "du": cmdDu, "install": cmdInstall, "mkfifo": cmdMkfifo, "mknod": cmdMknod,
		"truncate": cmdTruncate, "shred": cmdShred, "unlink": cmdUnlink,
		"grep": cmdGrep, "egrep": cmdGrep, "fgrep": cmdGrep, "sed": cmdSed,
		"awk": cmdAwk, "gawk": cmdAwk, "mawk": cmdAwk, "find": cmdFind, "xargs": cmdXargs,
		"head": cmdHead, "tail": cmdTail, "wc": cmdWc, "sort": cmdSort, "uniq": cmdUniq, "cut": cmdCut, "tr": cmdTr, "rev": cmdRev, "tac": cmdTac, "nl": cmdNl, "tee": cmdTee,
		"base64": cmdBase64, "base32": cmdBase64, "md5sum": cmdSum, "sha1sum": cmdSum, "sha224sum": cmdSum, "sha256sum": cmdSum, "sha384sum": cmdSum, "sha512sum": cmdSum, "cksum": cmdCksum, "od": cmdOd, "xxd": cmdXxd, "hexdump": cmdHexdump, "hd": cmdHexdump,
		"strings": cmdStrings, "paste": cmdPaste, "fold": cmdFold, "cmp": cmdCmp, "diff": cmdDiff, "comm": cmdComm, "shuf": cmdShuf, "more": cmdCat, "less": cmdCat,
		"gzip": cmdGzip, "gunzip": cmdGzip, "zcat": cmdGzip, "bzip2": cmdGzip, "bunzip2": cmdGzip, "bzcat": cmdGzip, "xz": cmdGzip, "unxz": cmdGzip, "xzcat": cmdGzip, "zstd": cmdGzip, "unzstd": cmdGzip, "zstdcat": cmdGzip, "tar": cmdTar,
		"ps": cmdPs, "kill": cmdKill, "pgrep": cmdPgrep, "pkill": cmdPgrep, "killall": cmdKillall, "pidof": cmdPidof, "free": cmdFree, "uptime": cmdUptime, "top": cmdTop, "nohup": cmdNohup, "setsid": cmdSetsid, "timeout": cmdTimeout, "chroot": cmdChroot, "nice": cmdNice,
		"stdbuf": cmdWrap, "ionice": cmdWrap, "taskset": cmdWrap, "sudo": cmdWrap, "doas": cmdWrap, "time": cmdWrap, "unshare": cmdWrap, "nsenter": cmdNsenter,
		"crontab": cmdCrontab, "useradd": cmdUseradd, "adduser": cmdUseradd, "userdel": cmdUserdel, "deluser": cmdUserdel, "groupdel": cmdUserdel, "usermod": cmdUsermod, "groupadd": cmdGroupadd, "addgroup": cmdGroupadd,
		"passwd": cmdPasswd, "chpasswd": cmdChpasswd, "su": cmdSu, "getent": cmdGetent, "mount": cmdMount, "umount": cmdUmount, "systemctl": cmdSystemctl, "service": cmdService,
		"iptables": cmdIptables, "ip6tables": cmdIptables, "ufw": cmdUfw, "sysctl": cmdSysctl, "lsmod": cmdLsmod, "modprobe": cmdModprobe, "insmod": cmdModprobe, "rmmod": cmdModprobe, "ssh-keygen": cmdSSHKeygen, "ssh": cmdSSH, "scp": cmdSCP, "ssh-keyscan": cmdSSHKeyscan, "docker": cmdDocker, "which": cmdWhich,
		"who": cmdWho, "users": cmdUsers, "w": cmdW, "last": cmdLast, "lastb": cmdLast, "lastlog": cmdLastlog, "lscpu": cmdLscpu, "run-parts": cmdRunParts, "openssl": cmdOpenssl, "update-rc.d": cmdNothing, "chkconfig": cmdNothing, "setenforce": cmdNothing, "history": cmdNothing, "ldconfig": cmdNothing, "swapoff": cmdSwap, "swapon": cmdSwap, "setcap": cmdNothing, "mesg": cmdNothing, "logger": cmdNothing, "renice": cmdNothing,
		"lsblk": cmdLsblk, "fdisk": cmdFdisk, "vmstat": cmdVmstat, "hostnamectl": cmdHostnamectl, "timedatectl": cmdTimedatectl, "locale": cmdLocale, "ethtool": cmdEthtool, "perl": cmdPerl,
		"apt-get": cmdApt, "apt": cmdApt, "apt-key": cmdNothing, "dpkg": cmdDpkg, "dpkg-query": cmdDpkg, "apk": cmdApk, "yum": cmdYum, "dnf": cmdYum, "microdnf": cmdYum, "rpm": cmdRpm, "pip": cmdPip, "pip3": cmdPip, "pip2": cmdPip,
		"python": cmdPython, "python2": cmdPython, "python3": cmdPython, "python2.7": cmdPython,
		"vi": cmdVi, "vim": cmdVi, "unzip": cmdUnzip, "dmesg": cmdDmesg, "lsb_release": cmdLsbRelease, "getconf": cmdGetconf, "systemd-detect-virt": cmdDetectVirt, "journalctl": cmdJournalctl,
		"wget": cmdWget, "curl": cmdCurl, "nc": cmdNc, "ncat": cmdNc, "netcat": cmdNc, "telnet": cmdTelnet, "ping": cmdPing, "ping6": cmdPing, "nslookup": cmdNslookup, "dig": cmdNslookup, "host": cmdNslookup, "ip": cmdIP, "ifconfig": cmdIfconfig, "route": cmdRoute, "netstat": cmdNetstat, "ss": cmdSS,
	}
}
