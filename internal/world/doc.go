// Package world is the virtual Docker host: containers, execs, images,
// networks, volumes, swarm, events and the machine they run on. Its methods are
// those of dockerd's daemon (github.com/docker/docker/daemon, release 28.5.2),
// with that daemon's checks in that daemon's order and words; it knows no HTTP.
//
// # Promise
//
// A [Host] is one installation: what all its worlds have in common, made from
// the installation's secret. A [World] is that host as one source left it. Two
// installations have no id, name or size in common that two unrelated machines
// would not; two worlds of one installation begin alike and never see each other.
// A container's processes are tasks of the world's kernel and touch nothing else.
//
// # Locks
//
// One mutex a world, [World].mu, guards every object of Docker's in it
// (containers, execs, networks, volumes, references, the cluster). It is never
// held while a task runs, while a stream is copied, or while the observer or an
// event sink that may block is called: what must be said is queued and said after
// the unlock. Order: Manager.mu, World.mu, then the kernel's and the file
// systems' own locks. A container's log and its fan-out of output have leaf locks
// of their own.
//
// # What blocks
//
// Attach, exec start, wait, followed logs, stats, events: as the daemon's do.
// They end when their context is done, when the container is gone, or when the
// world is stopped. Everything else returns within the time a process takes to
// start or die.
//
// # What it must never do
//
// Touch the machine it runs on: no file, socket, process, name look-up or wall
// clock. Time is the host's [kernel.Clock]; all that is random comes from the
// installation's secret or the reader it was given.
package world
