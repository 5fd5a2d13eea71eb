package program

// commands is the table of all commands.
func commands() map[string]command {
	return table
}

// table is not changed after it was made.
var table map[string]command

func init() {
	table = map[string]command{
		"true": cmdTrue, "false": cmdFalse, "echo": cmdEcho, "printf": cmdPrintf, "yes": cmdYes, "env": cmdEnv, "printenv": cmdPrintenv, "pwd": cmdPwd,
		"basename": cmdBasename, "dirname": cmdDirname, "sleep": cmdSleep, "hostname": cmdHostname, "uname": cmdUname, "arch": cmdArch, "whoami": cmdWhoami,
		"id": cmdID, "groups": cmdGroups, "nproc": cmdNproc, "tty": cmdTTY, "sync": cmdSync, "seq": cmdSeq, "date": cmdDate, "test": cmdTest, "[": cmdTest, "[[": cmdTest, "expr": cmdExpr, "clear": cmdClear,
		"ls": cmdLs, "dir": cmdLs, "cat": cmdCat, "cp": cmdCp, "mv": cmdMv, "rm": cmdRm, "mkdir": cmdMkdir, "rmdir": cmdRmdir, "ln": cmdLn, "touch": cmdTouch,
		"chmod": cmdChmod, "chown": cmdChown, "chgrp": cmdChown, "chattr": cmdChattr, "lsattr": cmdLsattr, "stat": cmdStat, "readlink": cmdReadlink,
		"realpath": cmdRealpath, "mktemp": cmdMktemp, "dd": cmdDd, "df": cmdDf, "du": cmdDu, "install": cmdInstall, "mkfifo": cmdMkfifo, "mknod": cmdMknod,
		"truncate": cmdTruncate, "shred": cmdShred, "unlink": cmdUnlink,
		"grep": cmdGrep, "egrep": cmdGrep, "fgrep": cmdGrep, "sed": cmdSed,
	}
}
