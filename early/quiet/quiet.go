// Package quiet silences name resolution before any other package starts.
//
// Go starts packages in order of import path, and a package that Docker's
// routers pull in (moby/go-archive/chrootarchive) looks up "localhost" in its
// init. On a machine whose hosts file lacks that name, that is a DNS query at
// each start of each subcommand: a packet that leaves. This module's path sorts
// before github.com, so its init runs right after net's and gives the process a
// default resolver that cannot dial.
//
// The process's true resolver is kept in Resolver. Only the operator side may
// use it, and only for hosts the operator named.
package quiet

import (
	"context"
	"errors"
	"net"
)

// ErrNoLookup is what every use of net.DefaultResolver over the network fails with.
var ErrNoLookup = errors.New("name resolution is switched off in this process")

// Resolver is the resolver the process had before it was silenced.
var Resolver = net.DefaultResolver

func init() {
	net.DefaultResolver = &net.Resolver{
		PreferGo: true,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, ErrNoLookup
		},
	}
}
