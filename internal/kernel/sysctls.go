package kernel

import (
	"strings"

	"github.com/whalefall/whalefall/internal/vfs"
)

// sysctls are the keys of /proc/sys that have a value of the kernel's own, as Debian
// 12 lists them, less what only newer kernels have; the values are the kernel's
// defaults and those that the distributions' files set.
//
//nolint:misspell // temp_prefered_lft is spelt so
const sysctls = `abi.vsyscall32 1
debug.exception-trace 1
dev.tty.ldisc_autoload 1
dev.tty.legacy_tiocsti 1
fs.aio-max-nr 65536
fs.aio-nr 0
fs.dentry-state 61231	43907	45	0	12880	0
fs.dir-notify-enable 1
fs.epoll.max_user_watches 5491489
fs.fanotify.max_queued_events 16384
fs.fanotify.max_user_groups 128
fs.fanotify.max_user_marks 205039
fs.fanotify.watchdog_timeout 0
fs.file-max 9223372036854775807
fs.file-nr 1344	0	9223372036854775807
fs.inode-nr 52317	1022
fs.inode-state 52317	1022	0	0	0	0	0
fs.inotify.max_queued_events 16384
fs.inotify.max_user_instances 128
fs.inotify.max_user_watches 192536
fs.lease-break-time 45
fs.leases-enable 1
fs.mount-max 100000
fs.mqueue.msg_default 10
fs.mqueue.msg_max 10
fs.mqueue.msgsize_default 8192
fs.mqueue.msgsize_max 8192
fs.mqueue.queues_max 256
fs.nr_open 1048576
fs.overflowgid 65534
fs.overflowuid 65534
fs.pipe-max-size 1048576
fs.pipe-user-pages-hard 0
fs.pipe-user-pages-soft 16384
fs.protected_fifos 1
fs.protected_hardlinks 1
fs.protected_regular 2
fs.protected_symlinks 1
fs.suid_dumpable 2
kernel.acct 4	2	30
kernel.auto_msgmni 0
kernel.bootloader_type 114
kernel.bootloader_version 2
kernel.bpf_stats_enabled 0
kernel.cad_pid 1
kernel.cap_last_cap 40
kernel.core_file_note_size_limit 4194304
kernel.core_pattern |/usr/share/apport/apport -p%p -s%s -c%c -d%d -P%P -u%u -g%g -- %E
kernel.core_uses_pid 0
kernel.ctrl-alt-del 1
kernel.dmesg_restrict 1
kernel.firmware_config.force_sysfs_fallback 0
kernel.firmware_config.ignore_sysfs_fallback 0
kernel.ftrace_dump_on_oops 0
kernel.ftrace_enabled 1
kernel.hardlockup_all_cpu_backtrace 0
kernel.hardlockup_panic 0
kernel.hotplug 
kernel.hung_task_all_cpu_backtrace 0
kernel.hung_task_check_count 4194304
kernel.hung_task_check_interval_secs 0
kernel.hung_task_panic 0
kernel.hung_task_timeout_secs 120
kernel.hung_task_warnings 10
kernel.io_delay_type 0
kernel.io_uring_disabled 0
kernel.io_uring_group -1
kernel.kexec_load_disabled 0
kernel.keys.gc_delay 300
kernel.keys.maxbytes 20000
kernel.keys.maxkeys 200
kernel.keys.persistent_keyring_expiry 259200
kernel.keys.root_maxbytes 25000000
kernel.keys.root_maxkeys 1000000
kernel.kptr_restrict 1
kernel.max_lock_depth 1024
kernel.max_rcu_stall_to_panic 0
kernel.modprobe /sbin/modprobe
kernel.modules_disabled 0
kernel.msg_next_id -1
kernel.msgmax 8192
kernel.msgmnb 16384
kernel.msgmni 32000
kernel.ngroups_max 65536
kernel.nmi_watchdog 0
kernel.numa_balancing 0
kernel.numa_balancing_promote_rate_limit_MBps 65536
kernel.oops_all_cpu_backtrace 0
kernel.oops_limit 10000
kernel.overflowgid 65534
kernel.overflowuid 65534
kernel.panic 0
kernel.panic_on_io_nmi 0
kernel.panic_on_oops 0
kernel.panic_on_rcu_stall 0
kernel.panic_on_unrecovered_nmi 0
kernel.panic_on_warn 0
kernel.panic_print 0
kernel.perf_cpu_time_max_percent 25
kernel.perf_event_max_contexts_per_stack 8
kernel.perf_event_max_sample_rate 100000
kernel.perf_event_max_stack 127
kernel.perf_event_mlock_kb 516
kernel.perf_event_paranoid 4
kernel.pid_max 4194304
kernel.poweroff_cmd /sbin/poweroff
kernel.print-fatal-signals 0
kernel.printk 4	4	1	7
kernel.printk_delay 0
kernel.printk_devkmsg ratelimit
kernel.printk_ratelimit 5
kernel.printk_ratelimit_burst 10
kernel.pty.max 4096
kernel.pty.nr 0
kernel.pty.reserve 1024
kernel.random.entropy_avail 256
kernel.random.poolsize 256
kernel.random.urandom_min_reseed_secs 60
kernel.random.write_wakeup_threshold 256
kernel.randomize_va_space 2
kernel.real-root-dev 0
kernel.sched_autogroup_enabled 1
kernel.sched_cfs_bandwidth_slice_us 5000
kernel.sched_deadline_period_max_us 4194304
kernel.sched_deadline_period_min_us 100
kernel.sched_rr_timeslice_ms 100
kernel.sched_rt_period_us 1000000
kernel.sched_rt_runtime_us 950000
kernel.seccomp.actions_avail kill_process kill_thread trap errno user_notif trace log allow
kernel.seccomp.actions_logged kill_process kill_thread trap errno user_notif trace log
kernel.sem 32000	1024000000	500	32000
kernel.sem_next_id -1
kernel.shm_next_id -1
kernel.shm_rmid_forced 0
kernel.shmall 18446744073692774399
kernel.shmmax 18446744073692774399
kernel.shmmni 4096
kernel.soft_watchdog 1
kernel.softlockup_all_cpu_backtrace 0
kernel.softlockup_panic 0
kernel.split_lock_mitigate 1
kernel.stack_tracer_enabled 0
kernel.sysctl_writes_strict 1
kernel.sysrq 176
kernel.tainted 0
kernel.task_delayacct 0
kernel.threads-max 31462
kernel.timer_migration 1
kernel.traceoff_on_warning 0
kernel.tracepoint_printk 0
kernel.unknown_nmi_panic 0
kernel.unprivileged_bpf_disabled 2
kernel.unprivileged_userns_clone 1
kernel.usermodehelper.bset 4294967295	511
kernel.usermodehelper.inheritable 4294967295	511
kernel.warn_limit 0
kernel.watchdog 1
kernel.watchdog_cpumask 0-1
kernel.watchdog_thresh 10
kernel.yama.ptrace_scope 1
net.bridge.bridge-nf-call-arptables 1
net.bridge.bridge-nf-call-ip6tables 1
net.bridge.bridge-nf-call-iptables 1
net.bridge.bridge-nf-filter-pppoe-tagged 0
net.bridge.bridge-nf-filter-vlan-tagged 0
net.bridge.bridge-nf-pass-vlan-input-dev 0
net.core.bpf_jit_enable 1
net.core.bpf_jit_harden 0
net.core.bpf_jit_kallsyms 1
net.core.busy_poll 0
net.core.busy_read 0
net.core.default_qdisc fq_codel
net.core.dev_weight 64
net.core.dev_weight_rx_bias 1
net.core.dev_weight_tx_bias 1
net.core.devconf_inherit_init_net 0
net.core.fb_tunnels_only_for_init_net 0
net.core.flow_limit_cpu_bitmap 0
net.core.flow_limit_table_len 4096
net.core.gro_normal_batch 8
net.core.high_order_alloc_disable 0
net.core.max_skb_frags 17
net.core.message_burst 10
net.core.message_cost 5
net.core.netdev_budget 300
net.core.netdev_budget_usecs 8000
net.core.netdev_max_backlog 1000
net.core.netdev_tstamp_prequeue 1
net.core.netdev_unregister_timeout_secs 10
net.core.optmem_max 131072
net.core.rmem_default 212992
net.core.rmem_max 212992
net.core.rps_default_mask 0
net.core.rps_sock_flow_entries 0
net.core.somaxconn 4096
net.core.tstamp_allow_data 1
net.core.txrehash 1
net.core.warnings 0
net.core.wmem_default 212992
net.core.wmem_max 212992
net.core.xfrm_acq_expires 30
net.core.xfrm_aevent_etime 10
net.core.xfrm_aevent_rseqth 2
net.core.xfrm_larval_drop 1
net.ipv4.cipso_cache_bucket_size 10
net.ipv4.cipso_cache_enable 1
net.ipv4.cipso_rbm_optfmt 0
net.ipv4.cipso_rbm_strictvalid 1
net.ipv4.conf.all.accept_redirects 0
net.ipv4.conf.all.forwarding 1
net.ipv4.conf.all.rp_filter 2
net.ipv4.conf.default.accept_local 0
net.ipv4.conf.default.accept_redirects 1
net.ipv4.conf.default.accept_source_route 1
net.ipv4.conf.default.arp_accept 0
net.ipv4.conf.default.arp_announce 0
net.ipv4.conf.default.arp_evict_nocarrier 1
net.ipv4.conf.default.arp_filter 0
net.ipv4.conf.default.arp_ignore 0
net.ipv4.conf.default.arp_notify 0
net.ipv4.conf.default.bc_forwarding 0
net.ipv4.conf.default.bootp_relay 0
net.ipv4.conf.default.disable_policy 0
net.ipv4.conf.default.disable_xfrm 0
net.ipv4.conf.default.drop_gratuitous_arp 0
net.ipv4.conf.default.drop_unicast_in_l2_multicast 0
net.ipv4.conf.default.force_igmp_version 0
net.ipv4.conf.default.forwarding 1
net.ipv4.conf.default.igmpv2_unsolicited_report_interval 10000
net.ipv4.conf.default.igmpv3_unsolicited_report_interval 1000
net.ipv4.conf.default.ignore_routes_with_linkdown 0
net.ipv4.conf.default.log_martians 0
net.ipv4.conf.default.mc_forwarding 0
net.ipv4.conf.default.medium_id 0
net.ipv4.conf.default.promote_secondaries 0
net.ipv4.conf.default.proxy_arp 0
net.ipv4.conf.default.proxy_arp_pvlan 0
net.ipv4.conf.default.route_localnet 0
net.ipv4.conf.default.rp_filter 2
net.ipv4.conf.default.secure_redirects 1
net.ipv4.conf.default.send_redirects 1
net.ipv4.conf.default.shared_media 1
net.ipv4.conf.default.src_valid_mark 0
net.ipv4.conf.default.tag 0
net.ipv4.fib_multipath_hash_fields 7
net.ipv4.fib_multipath_hash_policy 0
net.ipv4.fib_multipath_use_neigh 0
net.ipv4.fib_notify_on_flag_change 0
net.ipv4.fib_sync_mem 524288
net.ipv4.fwmark_reflect 0
net.ipv4.icmp_echo_enable_probe 0
net.ipv4.icmp_echo_ignore_all 0
net.ipv4.icmp_echo_ignore_broadcasts 1
net.ipv4.icmp_errors_use_inbound_ifaddr 0
net.ipv4.icmp_ignore_bogus_error_responses 1
net.ipv4.icmp_msgs_burst 50
net.ipv4.icmp_msgs_per_sec 1000
net.ipv4.icmp_ratelimit 1000
net.ipv4.icmp_ratemask 6168
net.ipv4.igmp_link_local_mcast_reports 1
net.ipv4.igmp_max_memberships 20
net.ipv4.igmp_max_msf 10
net.ipv4.igmp_qrv 2
net.ipv4.inet_peer_maxttl 600
net.ipv4.inet_peer_minttl 120
net.ipv4.inet_peer_threshold 65664
net.ipv4.ip_autobind_reuse 0
net.ipv4.ip_default_ttl 64
net.ipv4.ip_dynaddr 0
net.ipv4.ip_early_demux 1
net.ipv4.ip_forward 1
net.ipv4.ip_forward_update_priority 1
net.ipv4.ip_forward_use_pmtu 0
net.ipv4.ip_local_port_range 32768	60999
net.ipv4.ip_local_reserved_ports 
net.ipv4.ip_no_pmtu_disc 0
net.ipv4.ip_nonlocal_bind 0
net.ipv4.ip_unprivileged_port_start 1024
net.ipv4.ipfrag_high_thresh 4194304
net.ipv4.ipfrag_low_thresh 3145728
net.ipv4.ipfrag_max_dist 64
net.ipv4.ipfrag_secret_interval 0
net.ipv4.ipfrag_time 30
net.ipv4.neigh.default.anycast_delay 100
net.ipv4.neigh.default.app_solicit 0
net.ipv4.neigh.default.base_reachable_time_ms 30000
net.ipv4.neigh.default.delay_first_probe_time 5
net.ipv4.neigh.default.gc_interval 30
net.ipv4.neigh.default.gc_stale_time 60
net.ipv4.neigh.default.gc_thresh1 128
net.ipv4.neigh.default.gc_thresh2 512
net.ipv4.neigh.default.gc_thresh3 1024
net.ipv4.neigh.default.interval_probe_time_ms 5000
net.ipv4.neigh.default.locktime 100
net.ipv4.neigh.default.mcast_resolicit 0
net.ipv4.neigh.default.mcast_solicit 3
net.ipv4.neigh.default.proxy_delay 80
net.ipv4.neigh.default.proxy_qlen 64
net.ipv4.neigh.default.retrans_time_ms 1000
net.ipv4.neigh.default.ucast_solicit 3
net.ipv4.neigh.default.unres_qlen 101
net.ipv4.neigh.default.unres_qlen_bytes 212992
net.ipv4.nexthop_compat_mode 1
net.ipv4.ping_group_range 1	0
net.ipv4.raw_l3mdev_accept 1
net.ipv4.route.error_burst 1250
net.ipv4.route.error_cost 250
net.ipv4.route.gc_elasticity 8
net.ipv4.route.gc_interval 60
net.ipv4.route.gc_min_interval 0
net.ipv4.route.gc_min_interval_ms 500
net.ipv4.route.gc_thresh -1
net.ipv4.route.gc_timeout 300
net.ipv4.route.max_size 2147483647
net.ipv4.route.min_adv_mss 256
net.ipv4.route.min_pmtu 552
net.ipv4.route.mtu_expires 600
net.ipv4.route.redirect_load 5
net.ipv4.route.redirect_number 9
net.ipv4.route.redirect_silence 5120
net.ipv4.tcp_abort_on_overflow 0
net.ipv4.tcp_adv_win_scale 1
net.ipv4.tcp_allowed_congestion_control reno cubic
net.ipv4.tcp_app_win 31
net.ipv4.tcp_autocorking 1
net.ipv4.tcp_available_congestion_control reno cubic
net.ipv4.tcp_base_mss 1024
net.ipv4.tcp_challenge_ack_limit 2147483647
net.ipv4.tcp_child_ehash_entries 0
net.ipv4.tcp_comp_sack_delay_ns 1000000
net.ipv4.tcp_comp_sack_nr 44
net.ipv4.tcp_comp_sack_slack_ns 100000
net.ipv4.tcp_congestion_control cubic
net.ipv4.tcp_dsack 1
net.ipv4.tcp_early_demux 1
net.ipv4.tcp_early_retrans 3
net.ipv4.tcp_ecn 2
net.ipv4.tcp_ecn_fallback 1
net.ipv4.tcp_ehash_entries 262144
net.ipv4.tcp_fack 0
net.ipv4.tcp_fastopen 1
net.ipv4.tcp_fastopen_blackhole_timeout_sec 0
net.ipv4.tcp_fastopen_key 00000000-00000000-00000000-00000000
net.ipv4.tcp_fin_timeout 60
net.ipv4.tcp_frto 2
net.ipv4.tcp_fwmark_accept 0
net.ipv4.tcp_invalid_ratelimit 500
net.ipv4.tcp_keepalive_intvl 75
net.ipv4.tcp_keepalive_probes 9
net.ipv4.tcp_keepalive_time 7200
net.ipv4.tcp_l3mdev_accept 0
net.ipv4.tcp_limit_output_bytes 4194304
net.ipv4.tcp_low_latency 0
net.ipv4.tcp_max_orphans 131072
net.ipv4.tcp_max_reordering 300
net.ipv4.tcp_max_syn_backlog 512
net.ipv4.tcp_max_tw_buckets 131072
net.ipv4.tcp_mem 45531	60711	91062
net.ipv4.tcp_migrate_req 0
net.ipv4.tcp_min_rtt_wlen 300
net.ipv4.tcp_min_snd_mss 48
net.ipv4.tcp_min_tso_segs 2
net.ipv4.tcp_moderate_rcvbuf 1
net.ipv4.tcp_mtu_probe_floor 48
net.ipv4.tcp_mtu_probing 0
net.ipv4.tcp_no_metrics_save 0
net.ipv4.tcp_no_ssthresh_metrics_save 1
net.ipv4.tcp_notsent_lowat 4294967295
net.ipv4.tcp_orphan_retries 0
net.ipv4.tcp_pacing_ca_ratio 120
net.ipv4.tcp_pacing_ss_ratio 200
net.ipv4.tcp_probe_interval 600
net.ipv4.tcp_probe_threshold 8
net.ipv4.tcp_recovery 1
net.ipv4.tcp_reflect_tos 0
net.ipv4.tcp_reordering 3
net.ipv4.tcp_retrans_collapse 1
net.ipv4.tcp_retries1 3
net.ipv4.tcp_retries2 15
net.ipv4.tcp_rfc1337 0
net.ipv4.tcp_rmem 4096	131072	6291456
net.ipv4.tcp_sack 1
net.ipv4.tcp_shrink_window 0
net.ipv4.tcp_slow_start_after_idle 1
net.ipv4.tcp_stdurg 0
net.ipv4.tcp_syn_linear_timeouts 4
net.ipv4.tcp_syn_retries 6
net.ipv4.tcp_synack_retries 5
net.ipv4.tcp_syncookies 1
net.ipv4.tcp_thin_linear_timeouts 0
net.ipv4.tcp_timestamps 1
net.ipv4.tcp_tso_win_divisor 3
net.ipv4.tcp_tw_reuse 2
net.ipv4.tcp_window_scaling 1
net.ipv4.tcp_wmem 4096	16384	4194304
net.ipv4.tcp_workaround_signed_windows 0
net.ipv4.udp_child_hash_entries 0
net.ipv4.udp_early_demux 1
net.ipv4.udp_hash_entries 16384
net.ipv4.udp_l3mdev_accept 0
net.ipv4.udp_mem 91065	121423	182130
net.ipv4.udp_rmem_min 4096
net.ipv4.udp_wmem_min 4096
net.ipv4.xfrm4_gc_thresh 32768
net.ipv6.anycast_src_echo_reply 0
net.ipv6.auto_flowlabels 1
net.ipv6.bindv6only 0
net.ipv6.calipso_cache_bucket_size 10
net.ipv6.calipso_cache_enable 1
net.ipv6.conf.default.accept_dad 1
net.ipv6.conf.default.accept_ra 1
net.ipv6.conf.default.accept_ra_defrtr 1
net.ipv6.conf.default.accept_ra_from_local 0
net.ipv6.conf.default.accept_ra_min_hop_limit 1
net.ipv6.conf.default.accept_ra_min_lft 0
net.ipv6.conf.default.accept_ra_mtu 1
net.ipv6.conf.default.accept_ra_pinfo 1
net.ipv6.conf.default.accept_ra_rt_info_max_plen 0
net.ipv6.conf.default.accept_ra_rt_info_min_plen 0
net.ipv6.conf.default.accept_ra_rtr_pref 1
net.ipv6.conf.default.accept_redirects 1
net.ipv6.conf.default.accept_source_route 0
net.ipv6.conf.default.accept_untracked_na 0
net.ipv6.conf.default.addr_gen_mode 0
net.ipv6.conf.default.autoconf 1
net.ipv6.conf.default.dad_transmits 1
net.ipv6.conf.default.disable_ipv6 0
net.ipv6.conf.default.disable_policy 0
net.ipv6.conf.default.drop_unicast_in_l2_multicast 0
net.ipv6.conf.default.enhanced_dad 1
net.ipv6.conf.default.force_mld_version 0
net.ipv6.conf.default.force_tllao 0
net.ipv6.conf.default.forwarding 0
net.ipv6.conf.default.hop_limit 64
net.ipv6.conf.default.ignore_routes_with_linkdown 0
net.ipv6.conf.default.ioam6_enabled 0
net.ipv6.conf.default.ioam6_id 65535
net.ipv6.conf.default.ioam6_id_wide 4294967295
net.ipv6.conf.default.keep_addr_on_down 0
net.ipv6.conf.default.max_addresses 16
net.ipv6.conf.default.max_desync_factor 600
net.ipv6.conf.default.mc_forwarding 0
net.ipv6.conf.default.mldv1_unsolicited_report_interval 10000
net.ipv6.conf.default.mldv2_unsolicited_report_interval 1000
net.ipv6.conf.default.mtu 1280
net.ipv6.conf.default.ndisc_evict_nocarrier 1
net.ipv6.conf.default.ndisc_notify 0
net.ipv6.conf.default.ndisc_tclass 0
net.ipv6.conf.default.optimistic_dad 0
net.ipv6.conf.default.proxy_ndp 0
net.ipv6.conf.default.ra_defrtr_metric 1024
net.ipv6.conf.default.regen_max_retry 3
net.ipv6.conf.default.regen_min_advance 2
net.ipv6.conf.default.router_probe_interval 60
net.ipv6.conf.default.router_solicitation_delay 1
net.ipv6.conf.default.router_solicitation_interval 4
net.ipv6.conf.default.router_solicitation_max_interval 3600
net.ipv6.conf.default.router_solicitations -1
net.ipv6.conf.default.rpl_seg_enabled 0
net.ipv6.conf.default.seg6_enabled 0
net.ipv6.conf.default.seg6_require_hmac 0
net.ipv6.conf.default.suppress_frag_ndisc 1
net.ipv6.conf.default.temp_prefered_lft 86400
net.ipv6.conf.default.temp_valid_lft 604800
net.ipv6.conf.default.use_oif_addrs_only 0
net.ipv6.conf.default.use_optimistic 0
net.ipv6.conf.default.use_tempaddr 0
net.ipv6.fib_multipath_hash_fields 7
net.ipv6.fib_multipath_hash_policy 0
net.ipv6.fib_notify_on_flag_change 0
net.ipv6.flowlabel_consistency 1
net.ipv6.flowlabel_reflect 0
net.ipv6.fwmark_reflect 0
net.ipv6.icmp.echo_ignore_all 0
net.ipv6.icmp.echo_ignore_anycast 0
net.ipv6.icmp.echo_ignore_multicast 0
net.ipv6.icmp.error_anycast_as_unicast 0
net.ipv6.icmp.ratelimit 100
net.ipv6.icmp.ratemask 0-1,3-127
net.ipv6.idgen_delay 1
net.ipv6.idgen_retries 3
net.ipv6.ioam6_id 16777215
net.ipv6.ioam6_id_wide 72057594037927935
net.ipv6.ip6frag_high_thresh 4194304
net.ipv6.ip6frag_low_thresh 3145728
net.ipv6.ip6frag_secret_interval 0
net.ipv6.ip6frag_time 60
net.ipv6.ip_nonlocal_bind 0
net.ipv6.max_dst_opts_length 2147483647
net.ipv6.max_dst_opts_number 8
net.ipv6.max_hbh_length 2147483647
net.ipv6.max_hbh_opts_number 8
net.ipv6.mld_max_msf 64
net.ipv6.mld_qrv 2
net.ipv6.neigh.default.anycast_delay 100
net.ipv6.neigh.default.app_solicit 0
net.ipv6.neigh.default.base_reachable_time_ms 30000
net.ipv6.neigh.default.delay_first_probe_time 5
net.ipv6.neigh.default.gc_interval 30
net.ipv6.neigh.default.gc_stale_time 60
net.ipv6.neigh.default.gc_thresh1 128
net.ipv6.neigh.default.gc_thresh2 512
net.ipv6.neigh.default.gc_thresh3 1024
net.ipv6.neigh.default.interval_probe_time_ms 5000
net.ipv6.neigh.default.locktime 0
net.ipv6.neigh.default.mcast_resolicit 0
net.ipv6.neigh.default.mcast_solicit 3
net.ipv6.neigh.default.proxy_delay 80
net.ipv6.neigh.default.proxy_qlen 64
net.ipv6.neigh.default.retrans_time_ms 1000
net.ipv6.neigh.default.ucast_solicit 3
net.ipv6.neigh.default.unres_qlen 101
net.ipv6.neigh.default.unres_qlen_bytes 212992
net.ipv6.route.gc_elasticity 9
net.ipv6.route.gc_interval 30
net.ipv6.route.gc_min_interval 0
net.ipv6.route.gc_min_interval_ms 500
net.ipv6.route.gc_thresh 1024
net.ipv6.route.gc_timeout 60
net.ipv6.route.max_size 2147483647
net.ipv6.route.min_adv_mss 1220
net.ipv6.route.mtu_expires 600
net.ipv6.route.skip_notify_on_dev_down 0
net.ipv6.seg6_flowlabel 0
net.ipv6.xfrm6_gc_thresh 32768
net.netfilter.nf_conntrack_acct 0
net.netfilter.nf_conntrack_buckets 262144
net.netfilter.nf_conntrack_checksum 1
net.netfilter.nf_conntrack_count 0
net.netfilter.nf_conntrack_events 2
net.netfilter.nf_conntrack_expect_max 4096
net.netfilter.nf_conntrack_frag6_high_thresh 4194304
net.netfilter.nf_conntrack_frag6_low_thresh 3145728
net.netfilter.nf_conntrack_frag6_timeout 60
net.netfilter.nf_conntrack_generic_timeout 600
net.netfilter.nf_conntrack_gre_timeout 30
net.netfilter.nf_conntrack_gre_timeout_stream 180
net.netfilter.nf_conntrack_icmp_timeout 30
net.netfilter.nf_conntrack_icmpv6_timeout 30
net.netfilter.nf_conntrack_log_invalid 0
net.netfilter.nf_conntrack_max 262144
net.netfilter.nf_conntrack_sctp_timeout_closed 10
net.netfilter.nf_conntrack_sctp_timeout_cookie_echoed 3
net.netfilter.nf_conntrack_sctp_timeout_cookie_wait 3
net.netfilter.nf_conntrack_sctp_timeout_established 210
net.netfilter.nf_conntrack_sctp_timeout_heartbeat_sent 30
net.netfilter.nf_conntrack_sctp_timeout_shutdown_ack_sent 3
net.netfilter.nf_conntrack_sctp_timeout_shutdown_recd 3
net.netfilter.nf_conntrack_sctp_timeout_shutdown_sent 3
net.netfilter.nf_conntrack_tcp_be_liberal 0
net.netfilter.nf_conntrack_tcp_ignore_invalid_rst 0
net.netfilter.nf_conntrack_tcp_loose 1
net.netfilter.nf_conntrack_tcp_max_retrans 3
net.netfilter.nf_conntrack_tcp_timeout_close 10
net.netfilter.nf_conntrack_tcp_timeout_close_wait 60
net.netfilter.nf_conntrack_tcp_timeout_established 432000
net.netfilter.nf_conntrack_tcp_timeout_fin_wait 120
net.netfilter.nf_conntrack_tcp_timeout_last_ack 30
net.netfilter.nf_conntrack_tcp_timeout_max_retrans 300
net.netfilter.nf_conntrack_tcp_timeout_syn_recv 60
net.netfilter.nf_conntrack_tcp_timeout_syn_sent 120
net.netfilter.nf_conntrack_tcp_timeout_time_wait 120
net.netfilter.nf_conntrack_tcp_timeout_unacknowledged 300
net.netfilter.nf_conntrack_timestamp 0
net.netfilter.nf_conntrack_udp_timeout 30
net.netfilter.nf_conntrack_udp_timeout_stream 120
net.netfilter.nf_hooks_lwtunnel 0
net.netfilter.nf_log.0 NONE
net.netfilter.nf_log.1 NONE
net.netfilter.nf_log.10 nf_log_ipv6
net.netfilter.nf_log.2 nf_log_ipv4
net.netfilter.nf_log.3 nf_log_arp
net.netfilter.nf_log.4 NONE
net.netfilter.nf_log.5 nf_log_netdev
net.netfilter.nf_log.6 NONE
net.netfilter.nf_log.7 nf_log_bridge
net.netfilter.nf_log.8 NONE
net.netfilter.nf_log.9 NONE
net.netfilter.nf_log_all_netns 0
net.nf_conntrack_max 262144
net.unix.max_dgram_qlen 10
user.max_cgroup_namespaces 96364
user.max_fanotify_groups 128
user.max_fanotify_marks 205039
user.max_inotify_instances 128
user.max_inotify_watches 192536
user.max_ipc_namespaces 96364
user.max_mnt_namespaces 96364
user.max_net_namespaces 96364
user.max_pid_namespaces 96364
user.max_time_namespaces 96364
user.max_user_namespaces 96364
user.max_uts_namespaces 96364
vm.admin_reserve_kbytes 8192
vm.compact_unevictable_allowed 1
vm.compaction_proactiveness 20
vm.dirty_background_bytes 0
vm.dirty_background_ratio 10
vm.dirty_bytes 0
vm.dirty_expire_centisecs 3000
vm.dirty_ratio 20
vm.dirty_writeback_centisecs 500
vm.dirtytime_expire_seconds 43200
vm.drop_caches 0
vm.extfrag_threshold 500
vm.hugetlb_optimize_vmemmap 0
vm.hugetlb_shm_group 0
vm.laptop_mode 0
vm.legacy_va_layout 0
vm.lowmem_reserve_ratio 256	256	32	0	0
vm.max_map_count 65530
vm.min_free_kbytes 67584
vm.min_slab_ratio 5
vm.min_unmapped_ratio 1
vm.mmap_min_addr 4096
vm.mmap_rnd_bits 28
vm.mmap_rnd_compat_bits 8
vm.nr_hugepages 0
vm.nr_hugepages_mempolicy 0
vm.nr_overcommit_hugepages 0
vm.numa_stat 1
vm.numa_zonelist_order Node
vm.oom_dump_tasks 1
vm.oom_kill_allocating_task 0
vm.overcommit_kbytes 0
vm.overcommit_memory 0
vm.overcommit_ratio 50
vm.page-cluster 3
vm.page_lock_unfairness 5
vm.panic_on_oom 0
vm.percpu_pagelist_high_fraction 0
vm.stat_interval 1
vm.swappiness 60
vm.unprivileged_userfaultfd 0
vm.user_reserve_kbytes 100402
vm.vfs_cache_pressure 100
vm.watermark_boost_factor 15000
vm.watermark_scale_factor 10
vm.zone_reclaim_mode 0
`

// perInterface are the directories that hold one of each interface, beside "default"
// (and "all" in conf), from which its values are.
var perInterface = []string{"net.ipv4.conf", "net.ipv6.conf", "net.ipv4.neigh", "net.ipv6.neigh"}

// sysDir makes a directory of /proc/sys when it is first looked into. own are nodes that
// are made elsewhere, by their key.
func (ns *NS) sysDir(prefix string, own map[string]*vfs.SynthNode, val func(name, def string) *vfs.SynthNode) *vfs.SynthNode {
	return vfs.Lazy(func() map[string]*vfs.SynthNode {
		m := map[string]*vfs.SynthNode{}
		from, as := prefix, ""
		for _, d := range perInterface {
			if name, ok := strings.CutPrefix(prefix, d+"."); ok && name != "" && name != "default" {
				from, as = d+".default", prefix
			}
			if prefix != d {
				continue
			}
			names := []string{"default"}
			if strings.HasSuffix(d, "conf") {
				names = append(names, "all")
			}
			for _, i := range ns.net.List() {
				names = append(names, i.Name)
			}
			for _, n := range names {
				m[n] = ns.sysDir(d+"."+n, own, val)
			}
			return m
		}
		add := func(key, v string) {
			rest := key
			if from != "" {
				var ok bool
				if rest, ok = strings.CutPrefix(key, from+"."); !ok {
					return
				}
			}
			first, _, deeper := strings.Cut(rest, ".")
			full := first
			if prefix != "" {
				full = prefix + "." + first
			}
			switch {
			case deeper && m[first] == nil:
				m[first] = ns.sysDir(full, own, val)
			case !deeper:
				m[first] = val(full, v)
			}
		}
		for l := range strings.Lines(sysctls) {
			k, v, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
			add(k, v)
		}
		if as != "" { // what is the interface's own, over the defaults
			for l := range strings.Lines(sysctls) {
				k, v, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
				if name, ok := strings.CutPrefix(k, as+"."); ok {
					m[name] = val(k, v)
				}
			}
		}
		for k, n := range own {
			dir, name := "", k
			if i := strings.LastIndexByte(k, '.'); i >= 0 {
				dir, name = k[:i], k[i+1:]
			}
			if dir == prefix {
				m[name] = n
			}
		}
		return m
	})
}
