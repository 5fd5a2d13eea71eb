// Package egress shows that no packet leaves: the whole API surface is driven with
// attackers' addresses in every parameter that takes one, in a network namespace
// whose default routes and resolvers lead into counters. A leak planted on purpose
// is counted in the same run, so that the counters are known to count.
package egress
