// Package ext stands for a module that traefik's go.mod takes from its own tree and
// nobody publishes. It is where others may add fields of their own to the
// configuration; there are none.
package ext

// HTTP adds nothing.
type HTTP struct{}

// DeepCopyInto copies nothing.
func (*HTTP) DeepCopyInto(*HTTP) {}

// Router adds nothing.
type Router struct{}

// DeepCopyInto copies nothing.
func (*Router) DeepCopyInto(*Router) {}
