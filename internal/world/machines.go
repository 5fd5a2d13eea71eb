package world

import (
	"fmt"
	"math"

	"github.com/whalefall/whalefall/internal/kernel"
)

// machine is a kind of machine that a provider rents: what cpuid, DMI and the memory
// map of one say together. All facts of hardware are made from it.
type machine struct {
	name  string // of the kind, where DMI tells it
	cores int
	gib   float64
	cpus  []*kernel.CPU // one of them is in the machine
}

// The flags that every 64 bit guest has, and those of processors since Haswell, in
// the order of the kernel's words.
const (
	flagsIntel   = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss ht syscall nx pdpe1gb rdtscp lm constant_tsc "
	flagsAMD     = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx mmxext fxsr_opt pdpe1gb rdtscp lm "
	flagsHaswell = "pni pclmulqdq ssse3 fma cx16 pcid sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor lahf_lm abm "
	flagsZen     = "pni pclmulqdq ssse3 fma cx16 sse4_1 sse4_2 x2apic movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw topoext perfctr_core "
	avx512       = "avx512f avx512dq rdseed adx smap clflushopt clwb avx512cd avx512bw avx512vl xsaveopt xsavec xgetbv1 "
	bugsIntel    = "cpu_meltdown spectre_v1 spectre_v2 spec_store_bypass l1tf mds swapgs "
	bugsZen2     = "sysret_ss_attrs spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso"
)

// The processors, as guests of the providers see them.
var (
	awsSkylake = &kernel.CPU{Vendor: "GenuineIntel", Model: "Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz", Family: 6, Number: 85, Stepping: 4, Microcode: "0x2007006", MHz: 2499.998, CacheKB: 33792,
		L1d: 32, L1i: 32, L2: 1024, L3: 33792, Threads: 2, Level: 13, PhysBits: 46, VirtBits: 48, Bugs: bugsIntel + "itlb_multihit mmio_stale_data retbleed gds",
		Flags: flagsIntel + "rep_good nopl xtopology nonstop_tsc cpuid aperfmperf tsc_known_freq " + flagsHaswell + "3dnowprefetch invpcid_single pti fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid mpx " + avx512 + "xsaves ida arat pku ospke"}
	awsCascade = &kernel.CPU{Vendor: "GenuineIntel", Model: "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", Family: 6, Number: 85, Stepping: 7, Microcode: "0x5003604", MHz: 2499.998, CacheKB: 36608,
		L1d: 32, L1i: 32, L2: 1024, L3: 36608, Threads: 2, Level: 13, PhysBits: 46, VirtBits: 48, Bugs: bugsIntel + "itlb_multihit mmio_stale_data retbleed gds",
		Flags: flagsIntel + "rep_good nopl xtopology nonstop_tsc cpuid tsc_known_freq " + flagsHaswell + "3dnowprefetch invpcid_single pti fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid mpx " + avx512 + "xsaves ida arat pku ospke"}
	awsCascadeC = &kernel.CPU{Vendor: "GenuineIntel", Model: "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz", Family: 6, Number: 85, Stepping: 7, Microcode: "0x5003604", MHz: 2999.998, CacheKB: 36608,
		L1d: 32, L1i: 32, L2: 1024, L3: 36608, Threads: 2, Level: 13, PhysBits: 46, VirtBits: 48, Bugs: bugsIntel + "itlb_multihit mmio_stale_data retbleed gds",
		Flags: flagsIntel + "rep_good nopl xtopology nonstop_tsc cpuid aperfmperf tsc_known_freq " + flagsHaswell + "3dnowprefetch invpcid_single pti fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid mpx " + avx512 + "xsaves ida arat pku ospke avx512_vnni"}
	awsNaples = &kernel.CPU{Vendor: "AuthenticAMD", Model: "AMD EPYC 7571", Family: 23, Number: 1, Stepping: 2, Microcode: "0x800126e", MHz: 2199.830, CacheKB: 512,
		L1d: 32, L1i: 64, L2: 512, L3: 8192, Threads: 2, Level: 13, PhysBits: 48, VirtBits: 48, TLB: "2560 4K pages", Bugs: "sysret_ss_attrs null_seg spectre_v1 spectre_v2 spec_store_bypass retbleed smt_rsb srso div0",
		Flags: flagsAMD + "constant_tsc rep_good nopl nonstop_tsc cpuid extd_apicid aperfmperf tsc_known_freq pni pclmulqdq ssse3 fma cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand hypervisor lahf_lm cmp_legacy cr8_legacy abm sse4a misalignsse 3dnowprefetch topoext perfctr_core vmmcall fsgsbase bmi1 avx2 smep bmi2 rdseed adx smap clflushopt sha_ni xsaveopt xsavec xgetbv1 clzero xsaveerptr arat npt nrip_save"}
	kvmSkylake = &kernel.CPU{Vendor: "GenuineIntel", Model: "Intel Xeon Processor (Skylake, IBRS)", Family: 6, Number: 85, Stepping: 4, Microcode: "0x1", MHz: 2099.998, CacheKB: 16384,
		L1d: 32, L1i: 32, L2: 4096, L3: 16384, Threads: 1, Level: 13, PhysBits: 40, VirtBits: 48, Bugs: bugsIntel + "itlb_multihit mmio_stale_data retbleed gds",
		Flags: flagsIntel + "rep_good nopl xtopology cpuid tsc_known_freq " + flagsHaswell + "3dnowprefetch invpcid_single pti ssbd ibrs ibpb fsgsbase bmi1 avx2 smep bmi2 erms invpcid " + avx512 + "pku ospke md_clear"}
	kvmRome = &kernel.CPU{Vendor: "AuthenticAMD", Model: "AMD EPYC Processor", Family: 23, Number: 49, Stepping: 0, Microcode: "0x830107c", MHz: 2445.404, CacheKB: 512,
		L1d: 32, L1i: 32, L2: 512, L3: 16384, Threads: 1, Level: 13, PhysBits: 40, VirtBits: 48, TLB: "1024 4K pages", Bugs: bugsZen2,
		Flags: flagsAMD + "rep_good nopl cpuid extd_apicid tsc_known_freq " + flagsZen + "ssbd ibrs ibpb stibp vmmcall fsgsbase tsc_adjust bmi1 avx2 smep bmi2 rdseed adx smap clflushopt clwb sha_ni xsaveopt xsavec xgetbv1 xsaves clzero xsaveerptr wbnoinvd arat umip rdpid"}
	kvmRomeNamed = named(kvmRome, "AMD EPYC-Rome Processor", 2445.406)
	doRegular    = &kernel.CPU{Vendor: "GenuineIntel", Model: "DO-Regular", Family: 6, Number: 79, Stepping: 1, Microcode: "0x1", MHz: 2199.998, CacheKB: 4096,
		L1d: 32, L1i: 32, L2: 4096, L3: 16384, Threads: 1, Level: 13, PhysBits: 40, VirtBits: 48, Bugs: bugsIntel + "itlb_multihit mmio_stale_data",
		Flags: flagsIntel + "arch_perfmon rep_good nopl xtopology cpuid tsc_known_freq " + flagsHaswell + "3dnowprefetch cpuid_fault invpcid_single pti ssbd ibrs ibpb fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap xsaveopt md_clear"}
	doIntel = &kernel.CPU{Vendor: "GenuineIntel", Model: "DO-Premium-Intel", Family: 6, Number: 85, Stepping: 7, Microcode: "0x1", MHz: 2494.140, CacheKB: 4096,
		L1d: 32, L1i: 32, L2: 4096, L3: 16384, Threads: 1, Level: 13, PhysBits: 40, VirtBits: 48, Bugs: "spectre_v1 spectre_v2 spec_store_bypass swapgs itlb_multihit mmio_stale_data retbleed gds",
		Flags: flagsIntel + "arch_perfmon rep_good nopl xtopology cpuid tsc_known_freq " + flagsHaswell + "3dnowprefetch cpuid_fault invpcid_single ssbd ibrs ibpb fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid mpx " + avx512 + "pku ospke avx512_vnni md_clear arch_capabilities"}
	doAMD      = with(named(kvmRome, "DO-Premium-AMD", 1996.247), func(c *kernel.CPU) { c.Microcode = "0x1000065" })
	ovhHaswell = &kernel.CPU{Vendor: "GenuineIntel", Model: "Intel Core Processor (Haswell, no TSX)", Family: 6, Number: 60, Stepping: 1, Microcode: "0x1", MHz: 2394.454, CacheKB: 16384,
		L1d: 32, L1i: 32, L2: 4096, L3: 16384, Threads: 1, Level: 13, PhysBits: 40, VirtBits: 48, Bugs: bugsIntel + "itlb_multihit srbds mmio_unknown",
		Flags: flagsIntel + "rep_good nopl xtopology cpuid tsc_known_freq " + flagsHaswell + "cpuid_fault invpcid_single pti ssbd ibrs ibpb fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid xsaveopt arat md_clear"}
	kvmBroadwell = &kernel.CPU{Vendor: "GenuineIntel", Model: "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", Family: 6, Number: 79, Stepping: 1, Microcode: "0xb000040", MHz: 2399.996, CacheKB: 16384,
		L1d: 32, L1i: 32, L2: 4096, L3: 16384, Threads: 1, Level: 13, PhysBits: 40, VirtBits: 48, Bugs: bugsIntel + "taa itlb_multihit mmio_stale_data",
		Flags: flagsIntel + "arch_perfmon rep_good nopl xtopology cpuid tsc_known_freq " + flagsHaswell + "3dnowprefetch cpuid_fault invpcid_single pti ssbd ibrs ibpb stibp fsgsbase tsc_adjust bmi1 hle avx2 smep bmi2 erms invpcid rtm rdseed adx smap xsaveopt arat umip md_clear"}
	kvmCascade = &kernel.CPU{Vendor: "GenuineIntel", Model: "Intel(R) Xeon(R) Silver 4210 CPU @ 2.20GHz", Family: 6, Number: 85, Stepping: 7, Microcode: "0x5003604", MHz: 2194.842, CacheKB: 16384,
		L1d: 32, L1i: 32, L2: 4096, L3: 16384, Threads: 1, Level: 13, PhysBits: 40, VirtBits: 48, Bugs: "spectre_v1 spectre_v2 spec_store_bypass swapgs taa mmio_stale_data retbleed eibrs_pbrsb gds",
		Flags: flagsIntel + "arch_perfmon rep_good nopl xtopology cpuid tsc_known_freq " + flagsHaswell + "3dnowprefetch cpuid_fault invpcid_single ssbd ibrs ibpb stibp ibrs_enhanced fsgsbase tsc_adjust bmi1 hle avx2 smep bmi2 erms invpcid rtm " + avx512 + "xsaves arat umip pku ospke avx512_vnni md_clear arch_capabilities"}
	kvmZen2   = with(named(kvmRome, "AMD EPYC 7302P 16-Core Processor", 2994.374), func(c *kernel.CPU) { c.Level = 16 })
	kvmCoffee = &kernel.CPU{Vendor: "GenuineIntel", Model: "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz", Family: 6, Number: 158, Stepping: 10, Microcode: "0xf4", MHz: 3191.998, CacheKB: 16384,
		L1d: 32, L1i: 32, L2: 4096, L3: 16384, Threads: 1, Level: 22, PhysBits: 39, VirtBits: 48, Bugs: bugsIntel + "itlb_multihit srbds mmio_stale_data retbleed gds",
		Flags: flagsIntel + "arch_perfmon rep_good nopl xtopology cpuid tsc_known_freq " + flagsHaswell + "3dnowprefetch cpuid_fault invpcid_single pti ssbd ibrs ibpb stibp fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid mpx rdseed adx smap clflushopt xsaveopt xsavec xgetbv1 xsaves arat umip md_clear"}
)

func with(c *kernel.CPU, f func(*kernel.CPU)) *kernel.CPU { n := *c; f(&n); return &n }

func named(c *kernel.CPU, model string, mhz float64) *kernel.CPU {
	return with(c, func(n *kernel.CPU) { n.Model, n.MHz = model, mhz })
}

// machines are what each provider rents.
var machines = map[string][]machine{
	"aws": kinds([]*kernel.CPU{awsCascade, awsSkylake}, shape{"t3.small", 2, 2}, shape{"t3.medium", 2, 4}, shape{"t3.large", 2, 8}, shape{"t3.xlarge", 4, 16}, shape{"t3.2xlarge", 8, 32}, shape{"m5.large", 2, 8}, shape{"m5.xlarge", 4, 16}, shape{"m5.4xlarge", 16, 64}, shape{"m5.8xlarge", 32, 128}, shape{"m5.24xlarge", 96, 384}).
		and([]*kernel.CPU{awsNaples}, shape{"t3a.small", 2, 2}, shape{"t3a.medium", 2, 4}, shape{"t3a.large", 2, 8}, shape{"t3a.xlarge", 4, 16}).
		and([]*kernel.CPU{awsCascadeC}, shape{"c5.large", 2, 4}, shape{"c5.xlarge", 4, 8}, shape{"c5.2xlarge", 8, 16}, shape{"c5.4xlarge", 16, 32}, shape{"c5.9xlarge", 36, 72}),
	"hetzner": kinds([]*kernel.CPU{kvmSkylake}, shape{"cx11", 1, 2}, shape{"cx21", 2, 4}, shape{"cx31", 2, 8}, shape{"cx41", 4, 16}, shape{"cx51", 8, 32}).
		and([]*kernel.CPU{kvmRome, kvmRomeNamed}, shape{"cpx11", 2, 2}, shape{"cpx21", 3, 4}, shape{"cpx31", 4, 8}, shape{"cpx41", 8, 16}, shape{"cpx51", 16, 32}, shape{"ccx53", 32, 128}, shape{"ccx63", 48, 192}),
	"digitalocean": kinds([]*kernel.CPU{doRegular, doIntel, doAMD}, shape{"s-1vcpu-2gb", 1, 2}, shape{"s-2vcpu-2gb", 2, 2}, shape{"s-2vcpu-4gb", 2, 4}, shape{"s-4vcpu-8gb", 4, 8}, shape{"s-8vcpu-16gb", 8, 16}, shape{"c-16", 16, 32}, shape{"c-32", 32, 64}),
	"ovh":          kinds([]*kernel.CPU{ovhHaswell}, shape{"vps-value", 1, 2}, shape{"vps-essential", 2, 4}, shape{"vps-comfort", 4, 8}, shape{"vps-elite", 8, 16}, shape{"b2-60", 16, 60}, shape{"b2-120", 32, 120}),
	"generic": kinds([]*kernel.CPU{kvmBroadwell, kvmCascade, kvmZen2}, shape{"", 2, 2}, shape{"", 2, 4}, shape{"", 4, 8}, shape{"", 4, 16}, shape{"", 8, 16}, shape{"", 8, 32}, shape{"", 16, 64}, shape{"", 32, 128}).
		and([]*kernel.CPU{kvmCoffee}, shape{"", 2, 4}, shape{"", 4, 8}, shape{"", 6, 16}),
}

type machineList []machine

// shape is a kind's name, its processors and its GiB.
type shape struct {
	name  string
	cores int
	gib   float64
}

func kinds(cpus []*kernel.CPU, l ...shape) machineList { return machineList(nil).and(cpus, l...) }

func (m machineList) and(cpus []*kernel.CPU, l ...shape) machineList {
	for _, x := range l {
		m = append(m, machine{name: x.name, cores: x.cores, gib: x.gib, cpus: cpus})
	}
	return m
}

// rents chooses a kind of machine: the nearest to what the configuration says, and
// where it is silent one of those that such hosts mostly are.
func (h *Host) rents(provider string) machine {
	r := h.rng("machine")
	cores, gib := h.cfg.Cores, float64(h.cfg.Memory)/(1<<30)
	far := func(m machine) float64 {
		d := 0.0
		if cores > 0 {
			d += math.Abs(math.Log2(float64(m.cores) / float64(cores)))
		}
		if gib > 0 {
			// What is said may be what a guest sees, which is less than what is rented.
			d += math.Abs(math.Log2(m.gib / (gib * 1.03)))
		}
		return d
	}
	var best []machine
	least := math.Inf(1)
	for _, m := range machines[provider] {
		if cores == 0 && (m.cores < 2 || gib == 0 && (m.cores > 8 || m.gib > 16)) {
			continue
		}
		switch d := far(m); {
		case d < least-1e-9:
			best, least = []machine{m}, d
		case d < least+1e-9:
			best = append(best, m)
		}
	}
	m := best[r.IntN(len(best))]
	m.cpus = m.cpus[r.IntN(len(m.cpus)):][:1]
	return m
}

// seen is what the machine's kernel finds of its memory: less what the firmware and
// the kernel's own tables take.
func (h *Host) seen(m machine, provider string) int64 {
	all := m.gib * (1 << 30)
	lost := all*0.028 + 30<<20
	if provider == "aws" || provider == "hetzner" {
		lost = all*0.039 + 64<<20
	}
	return (int64(all-lost) - int64(h.rng("memory").IntN(600))<<12) &^ 4095
}

// dmi is what the firmware says of the machine.
func (h *Host) dmi(m machine, provider string) map[string]string {
	b := h.derive("dmi")
	uuid := uuid4(b[:])
	id := map[string]string{"product_uuid": uuid, "chassis_type": "1", "product_serial": "", "board_serial": "", "chassis_serial": ""}
	set := func(kv ...string) map[string]string {
		for i := 0; i < len(kv); i += 2 {
			id[kv[i]] = kv[i+1]
		}
		return id
	}
	switch provider {
	case "aws":
		inst := fmt.Sprintf("i-0%x", b[16:25])[:19]
		uuid = "ec2" + uuid[3:]
		return set("sys_vendor", "Amazon EC2", "product_name", m.name, "product_version", "", "product_family", "", "product_sku", "", "product_uuid", uuid, "product_serial", uuid,
			"bios_vendor", "Amazon EC2", "bios_version", "1.0", "bios_date", "10/16/2017", "bios_release", "1.0", "board_vendor", "Amazon EC2", "board_asset_tag", inst, "chassis_vendor", "Amazon EC2", "chassis_asset_tag", "Amazon EC2")
	case "hetzner":
		serial := fmt.Sprint(30000000 + int(b[20])<<16 + int(b[21])<<8 + int(b[22]))
		return set("sys_vendor", "Hetzner", "product_name", "vServer", "product_version", "20171111", "product_family", "Hetzner_vServer", "product_serial", serial,
			"bios_vendor", "Hetzner", "bios_version", "20171111", "bios_date", "11/11/2017", "bios_release", "0.0", "board_vendor", "KVM", "board_name", "KVM Virtual Machine", "chassis_vendor", "QEMU", "chassis_version", "NotSpecified")
	case "digitalocean":
		serial := fmt.Sprint(380000000 + int(b[20])<<16 + int(b[21])<<8 + int(b[22]))
		return set("sys_vendor", "DigitalOcean", "product_name", "Droplet", "product_version", "20171212", "product_family", "DigitalOcean_Droplet", "product_serial", serial,
			"bios_vendor", "DigitalOcean", "bios_version", "20171212", "bios_date", "12/12/2017", "bios_release", "0.0", "board_vendor", "DigitalOcean", "board_name", "Droplet", "board_version", "20171212", "board_serial", serial, "chassis_vendor", "Bochs")
	case "ovh":
		return set("sys_vendor", "OpenStack Foundation", "product_name", "OpenStack Nova", "product_version", "19.3.2", "product_family", "Virtual Machine", "product_serial", uuid,
			"bios_vendor", "SeaBIOS", "bios_version", "2:1.10.2-58953eb7", "bios_date", "04/01/2014", "bios_release", "0.0", "chassis_vendor", "Red Hat", "chassis_version", "RHEL 7.6.0 PC (i440FX + PIIX, 1996)")
	}
	return set("sys_vendor", "QEMU", "product_name", "Standard PC (i440FX + PIIX, 1996)", "product_version", "pc-i440fx-8.1", "product_family", "",
		"bios_vendor", "SeaBIOS", "bios_version", "rel-1.16.3-0-ga6ed6b701f0a-prebuilt.qemu.org", "bios_date", "04/01/2014", "bios_release", "0.0", "chassis_vendor", "QEMU", "chassis_version", "pc-i440fx-8.1")
}

// uuid4 makes a random UUID of 16 bytes.
func uuid4(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], []byte{b[6]&0xf | 0x40, b[7]}, []byte{b[8]&0x3f | 0x80, b[9]}, b[10:16])
}
