// Package engineapi is the Docker Engine's HTTP API as a given release speaks it.
//
// # Promise
//
// [Server] is an http.Handler. For each request it answers as the dockerd of its
// persona would: the same routes, the same checks in the same order, the same
// headers, the same words. Docker's own routers (api/server/router/*, release
// 28.5.2) do the work where they fit; where an older release differs, or where a
// router would touch the machine it runs on, the handler is ours. What a release
// is, is data in package persona; a difference that remains is a row of the
// deviations in test/fidelity.
//
// # Shape of a request
//
//	match (one gorilla mux for all worlds) -> version check and headers ->
//	the world's daemon (Worlds) -> front (the persona's own handler, if the route
//	has one) or Docker's handler of that world -> shaper (the answer's JSON in the
//	release's own struct) -> error glue (status and words by dialect)
//
// The match table is built once. A live world has a table of handlers made from
// its own routers at its first request; it hangs on its *[Daemon] and goes with it.
//
// # What blocks
//
// A handler blocks as the daemon's does: attach, wait, logs, events, build. The
// request's context ends when the client leaves or the server stops; for hijacked
// streams [Caller].Gone says so.
//
// # What it must never do
//
// Dial, look up a name, read a file, start a process: images/create?fromSrc= asks
// the world, /grpc and /session start no exporter, /debug/* is answered from the
// persona and never from this process. It imports no package that shows this
// process's own state (expvar, net/http/pprof).
package engineapi
