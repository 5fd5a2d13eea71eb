package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/whalefall/whalefall/internal/vfs"
)

// Disk is the machine's disk, as /dev, /proc, /sys and fdisk(8) show it.
type Disk struct {
	Name  string // sda, vda, nvme0n1
	Model string
	ID    string // of its partition table
	Bytes int64
	Parts []Part // the first holds the root filesystem
}

// Part is one of a disk's partitions.
type Part struct {
	Number     uint32
	Start, End int64 // sectors of 512 bytes, both within
	Type       string
}

// Name gives a partition's name on a disk.
func (p Part) Name(d Disk) string {
	n := strconv.Itoa(int(p.Number))
	if strings.HasPrefix(d.Name, "nvme") {
		n = "p" + n
	}
	return d.Name + n
}

// Sectors gives its size.
func (p Part) Sectors() int64 { return p.End - p.Start + 1 }

// Major gives the number of the disk's driver.
func (d Disk) Major() uint32 {
	switch {
	case strings.HasPrefix(d.Name, "nvme"):
		return 259
	case strings.HasPrefix(d.Name, "vd"):
		return 252
	}
	return 8
}

// minor is a partition's minor number, made from its number on the disk.
func (d Disk) minor(i int) uint32 {
	if d.Major() == 259 {
		return uint32(i) + 1 // in the order they were found
	}
	return d.Parts[i].Number
}

// Dev gives the numbers of the disk, and of a partition by its place in Parts.
func (d Disk) Dev() uint64          { return vfs.Makedev(d.Major(), 0) }
func (d Disk) PartDev(i int) uint64 { return vfs.Makedev(d.Major(), d.minor(i)) }

// defaultDisk is that of a kernel that was told of none.
func defaultDisk() Disk {
	return Disk{Name: "sda", Model: "QEMU HARDDISK", Bytes: 80 << 30, Parts: []Part{{Number: 1, Start: 2048, End: 80<<21 - 35, Type: "Linux filesystem"}}}
}

// rootDevice names the partition of the root filesystem.
func (d Disk) rootDevice() string { return "/dev/" + d.Parts[0].Name(d) }

func (d Disk) procPartitions() string {
	var b strings.Builder
	b.WriteString("major minor  #blocks  name\n\n")
	fmt.Fprintf(&b, "%4d  %7d %10d %s\n", d.Major(), 0, d.Bytes>>10, d.Name)
	for i, p := range d.Parts {
		fmt.Fprintf(&b, "%4d  %7d %10d %s\n", d.Major(), d.minor(i), p.Sectors()/2, p.Name(d))
	}
	return b.String()
}

// procDiskstats grows with the time the machine is up.
func (k *Kernel) procDiskstats() string {
	d := k.cfg.Host.Disk
	up := int64(k.Now().Sub(k.cfg.Host.Boot).Seconds())
	var b strings.Builder
	line := func(minor uint32, name string, r, w int64) {
		fmt.Fprintf(&b, "%4d %7d %s %d %d %d %d %d %d %d %d 0 %d %d 0 0 0 0 %d %d\n", d.Major(), minor, name, r, r/3, r*77, r/2, w, w*3/4, w*52, w*5/4, (r+w)/2, r/2+w*5/4, w/31, w/10)
	}
	line(0, d.Name, 40187+up/50, 98121+up*2)
	for i, p := range d.Parts {
		if i == 0 {
			line(d.minor(0), p.Name(d), 39982+up/50, 98010+up*2)
		} else {
			line(d.minor(i), p.Name(d), 161, 0)
		}
	}
	return b.String()
}

func (d Disk) sysBlock() *vfs.SynthNode {
	ro := func(s string) *vfs.SynthNode { return sfile(func() string { return s + "\n" }) }
	dev := func(n uint64) *vfs.SynthNode { return ro(fmt.Sprintf("%d:%d", vfs.Major(n), vfs.Minor(n))) }
	kids := map[string]*vfs.SynthNode{"size": ro(strconv.FormatInt(d.Bytes>>9, 10)), "dev": dev(d.Dev()), "removable": ro("0"), "ro": ro("0"),
		"queue":  sdir(map[string]*vfs.SynthNode{"rotational": ro("0"), "logical_block_size": ro("512"), "scheduler": ro("[mq-deadline] none")}),
		"device": sdir(map[string]*vfs.SynthNode{"model": ro(d.Model)})}
	for i, p := range d.Parts {
		kids[p.Name(d)] = sdir(map[string]*vfs.SynthNode{"size": ro(strconv.FormatInt(p.Sectors(), 10)), "start": ro(strconv.FormatInt(p.Start, 10)), "partition": ro(strconv.Itoa(int(p.Number))), "dev": dev(d.PartDev(i)), "ro": ro("0")})
	}
	return sdir(map[string]*vfs.SynthNode{d.Name: sdir(kids)})
}

// Module is a line of /proc/modules.
type Module struct {
	Name string
	Size int
	Refs int
	By   string // "a,b" of modules that use it
}

func (k *Kernel) procModules() string {
	var b strings.Builder
	for _, m := range k.cfg.Host.Modules {
		by := "-"
		if m.By != "" {
			by = m.By + ","
		}
		fmt.Fprintf(&b, "%s %d %d %s Live 0x0000000000000000\n", m.Name, m.Size, m.Refs, by)
	}
	return b.String()
}
