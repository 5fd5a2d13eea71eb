package world

import (
	"net/netip"

	"github.com/docker/docker/api/types/mount"
)

func parsePrefix(s string) (netip.Prefix, error) { return netip.ParsePrefix(s) }
func parseAddr(s string) (netip.Addr, error)     { return netip.ParseAddr(s) }
func mountType(s string) mount.Type              { return mount.Type(s) }
func propagation(s string) mount.Propagation     { return mount.Propagation(s) }
