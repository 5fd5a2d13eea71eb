// Package clients lets the world's own clients of Docker's API do one real piece of work
// each, on real daemons and on the decoy, and compares what they print.
//
// A [Client] is a program that others wrote and how it is had: Debian's package, a Go
// module, an npm package. Its work is a script of command lines, or a small program
// over its library (folders work and modules), whose output is cut into sections: a
// step is a line of a script or a section of its output. What a step prints beside a
// real daemon is in testdata/PERSONA/CLIENT.txt, in the form and after the rules of
// package fidelity; beside the decoy it must print the same. Differences that are meant
// are in deviations.tsv, a line a row, with the reason.
//
// Every client works with an empty daemon that holds busybox:latest. Both get that image
// as an archive: the real daemon one of Debian's busybox, the decoy one of its own.
//
// The transcripts are checked in and name the client's release: where this machine has
// another one, only -real compares, with what it has played in the same run. `make
// clients` does that. Go programs are modules of their own, so that what these clients
// are made of is not what Whalefall is made of.
package clients
