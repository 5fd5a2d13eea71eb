package main

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// errNoDial is what every use of the default HTTP client fails with: one package
// (fetch) may dial hosts that attackers name, and it has a client of its own.
var errNoDial = errors.New("this process dials nobody by the default client")

// refuseDefaultTransport replaces what vendored code might use without asking.
// The transport stays an *http.Transport: code that asserts the type would panic.
func refuseDefaultTransport() {
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errNoDial }
	t := &http.Transport{DialContext: refuse, DialTLSContext: refuse, Proxy: nil}
	http.DefaultTransport = t
	http.DefaultClient = &http.Client{Transport: t}
	http.DefaultServeMux = http.NewServeMux()
}
