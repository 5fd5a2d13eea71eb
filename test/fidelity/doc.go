// Package fidelity holds the decoy against real daemons, byte by byte.
//
// A [Scenario] is a fixed list of raw requests over one or more connections. It is
// played against a real daemon (package oracle) and recorded as a transcript in
// testdata/PERSONA/SCENARIO.txt; played against the decoy, the answers must be the
// same after the [Normalizer] has replaced what cannot be (ids, times, the host's
// own numbers). Each rule of the normalizer is counted, so that one that eats too
// much shows. The head of an answer is compared with its order and case, the body
// with its framing.
//
// A difference that is meant stands in deviations.tsv: one route, one field, one
// persona, one reason a row; no wildcard. A row that no longer differs fails.
//
// A [Script] is a list of command lines around the docker client. What the client
// prints beside a real daemon, and how it exits, is in testdata/PERSONA/cli; beside the
// decoy it must print the same, line by line. Differences that are meant are in
// cli.tsv, a line a row, with what is printed in its stead. Another release of the
// client prints other words, so a transcript names its client; with another one only
// -real compares, with what it has played in the same run.
//
// The transcripts are checked in: they hold the personas where no daemon can be
// had. `go test ./test/fidelity -record` plays them against real daemons anew.
package fidelity
