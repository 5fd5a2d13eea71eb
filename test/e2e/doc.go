// Package e2e drives the built program as its users and its attackers do: over
// the wire, by the docker client, by kill -9, by a full disk.
package e2e
