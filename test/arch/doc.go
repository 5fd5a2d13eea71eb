// Package arch holds the rules of the import graph as tests: who may know whom,
// what the emulated world may use, and that every package says what it is for.
package arch
