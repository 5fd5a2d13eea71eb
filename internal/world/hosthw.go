package world

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/whalefall/whalefall/internal/kernel"
)

// disk is the machine's disk, cut as the cloud images of both distributions are.
func (h *Host) disk() kernel.Disk {
	f := &h.facts
	b := h.derive("disk-id")
	x := strings.ToUpper(hex.EncodeToString(b[:]))
	d := kernel.Disk{Name: f.Disk, Model: "QEMU HARDDISK", Bytes: f.DiskSize, ID: fmt.Sprintf("%s-%s-4%s-A%s-%s", x[:8], x[8:12], x[12:15], x[15:18], x[18:30])}
	switch f.Disk[:1] {
	case "n":
		d.Model = "Amazon Elastic Block Store"
	case "v":
		d.Model = ""
	}
	root, boot, efi := int64(227328), int64(10239), int64(227327)
	if f.Distro == "debian12" {
		root, boot, efi = 262144, 8191, 262143
	}
	d.Parts = []kernel.Part{{Number: 1, Start: root, End: f.DiskSize>>9 - 34, Type: "Linux filesystem"},
		{Number: 14, Start: 2048, End: boot, Type: "BIOS boot"}, {Number: 15, Start: boot + 1, End: efi, Type: "EFI System"}}
	return d
}

// modules are those of a virtual machine that runs Docker, the youngest first.
func (f *Facts) modules() []kernel.Module {
	bridges := 1
	l := []kernel.Module{
		{Name: "xt_nat", Size: 16384, Refs: 4}, {Name: "xt_tcpudp", Size: 20480, Refs: 6}, {Name: "veth", Size: 36864}, {Name: "xt_conntrack", Size: 16384, Refs: 2}, {Name: "nft_chain_nat", Size: 16384, Refs: 3},
		{Name: "xt_MASQUERADE", Size: 20480, Refs: 2}, {Name: "nf_nat", Size: 57344, Refs: 3, By: "xt_nat,nft_chain_nat,xt_MASQUERADE"}, {Name: "nf_conntrack_netlink", Size: 53248},
		{Name: "nf_conntrack", Size: 180224, Refs: 5, By: "xt_conntrack,nf_nat,xt_nat,nf_conntrack_netlink,xt_MASQUERADE"}, {Name: "nf_defrag_ipv6", Size: 24576, Refs: 1, By: "nf_conntrack"}, {Name: "nf_defrag_ipv4", Size: 16384, Refs: 1, By: "nf_conntrack"},
		{Name: "xfrm_user", Size: 45056, Refs: 1}, {Name: "xfrm_algo", Size: 16384, Refs: 1, By: "xfrm_user"}, {Name: "nft_counter", Size: 16384, Refs: 30}, {Name: "xt_addrtype", Size: 16384, Refs: 2}, {Name: "nft_compat", Size: 20480, Refs: 16},
		{Name: "nf_tables", Size: 270336, Refs: 120, By: "nft_compat,nft_counter,nft_chain_nat"}, {Name: "nfnetlink", Size: 20480, Refs: 4, By: "nft_compat,nf_conntrack_netlink,nf_tables"},
		{Name: "br_netfilter", Size: 32768}, {Name: "bridge", Size: 311296, Refs: bridges, By: "br_netfilter"}, {Name: "stp", Size: 16384, Refs: 1, By: "bridge"}, {Name: "llc", Size: 16384, Refs: 2, By: "bridge,stp"}, {Name: "overlay", Size: 155648, Refs: 4},
	}
	if f.Distro == "ubuntu2204" {
		l = append(l, kernel.Module{Name: "sch_fq_codel", Size: 20480, Refs: 2}, kernel.Module{Name: "dm_multipath", Size: 40960}, kernel.Module{Name: "scsi_dh_rdac", Size: 20480}, kernel.Module{Name: "msr", Size: 16384},
			kernel.Module{Name: "efi_pstore", Size: 16384}, kernel.Module{Name: "ip_tables", Size: 32768}, kernel.Module{Name: "x_tables", Size: 53248, Refs: 7, By: "xt_conntrack,nft_compat,xt_tcpudp,xt_addrtype,xt_nat,ip_tables,xt_MASQUERADE"}, kernel.Module{Name: "autofs4", Size: 49152, Refs: 2})
	} else {
		l = append(l, kernel.Module{Name: "x_tables", Size: 61440, Refs: 6, By: "xt_conntrack,nft_compat,xt_tcpudp,xt_addrtype,xt_nat,xt_MASQUERADE"}, kernel.Module{Name: "ext4", Size: 983040, Refs: 1}, kernel.Module{Name: "crc16", Size: 16384, Refs: 1, By: "ext4"},
			kernel.Module{Name: "mbcache", Size: 16384, Refs: 1, By: "ext4"}, kernel.Module{Name: "jbd2", Size: 167936, Refs: 1, By: "ext4"}, kernel.Module{Name: "autofs4", Size: 53248, Refs: 2})
	}
	l = append(l, kernel.Module{Name: "ghash_clmulni_intel", Size: 16384}, kernel.Module{Name: "aesni_intel", Size: 376832}, kernel.Module{Name: "crypto_simd", Size: 16384, Refs: 1, By: "aesni_intel"}, kernel.Module{Name: "cryptd", Size: 24576, Refs: 2, By: "crypto_simd,ghash_clmulni_intel"},
		kernel.Module{Name: "serio_raw", Size: 20480}, kernel.Module{Name: "qemu_fw_cfg", Size: 20480})
	switch {
	case f.Provider == "aws":
		l = append(l, kernel.Module{Name: "ena", Size: 139264}, kernel.Module{Name: "nvme", Size: 49152, Refs: 1}, kernel.Module{Name: "nvme_core", Size: 139264, Refs: 2, By: "nvme"})
	case f.Disk == "vda":
		l = append(l, kernel.Module{Name: "virtio_net", Size: 61440}, kernel.Module{Name: "net_failover", Size: 20480, Refs: 1, By: "virtio_net"}, kernel.Module{Name: "failover", Size: 16384, Refs: 1, By: "net_failover"}, kernel.Module{Name: "virtio_blk", Size: 20480, Refs: 2})
	default:
		l = append(l, kernel.Module{Name: "virtio_net", Size: 61440}, kernel.Module{Name: "net_failover", Size: 20480, Refs: 1, By: "virtio_net"}, kernel.Module{Name: "failover", Size: 16384, Refs: 1, By: "net_failover"}, kernel.Module{Name: "virtio_scsi", Size: 24576, Refs: 2})
	}
	return l
}
