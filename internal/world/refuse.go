package world

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"github.com/whalefall/whalefall/internal/event"
)

// Rule makes an operation fail, so that an attacker's second and third tactic is
// seen. The failure is one that a real daemon has.
type Rule struct {
	// Operation is create, start, exec, import, pull, build or archive.
	Operation string
	// Words is which failure: "plugin" (an authorization plugin denies), "space"
	// (no space left on device), "runtime" (the OCI runtime fails), "registry"
	// (the registry denies); empty takes what fits the operation.
	Words string
	// First fails only a world's first so many; 0 is all.
	First int
	// Sources are the sources it is for; empty is all.
	Sources []netip.Prefix
	// Plugin is the authorization plugin's name, Reason what it says.
	Plugin, Reason string
}

var refusable = map[string]string{"create": "plugin", "start": "runtime", "exec": "plugin", "import": "space", "pull": "registry", "build": "space", "archive": "space"}

func (r *Rule) check() error {
	def, ok := refusable[r.Operation]
	if !ok {
		return fmt.Errorf("refuse: no operation %q (known: create, start, exec, import, pull, build, archive)", r.Operation)
	}
	if r.Words == "" {
		r.Words = def
	}
	if !slices.Contains([]string{"plugin", "space", "runtime", "registry"}, r.Words) {
		return fmt.Errorf("refuse: no failure %q (known: plugin, space, runtime, registry)", r.Words)
	}
	if r.First < 0 {
		return fmt.Errorf("refuse: first is %d, want 0 or more", r.First)
	}
	if r.Plugin == "" {
		r.Plugin = "docker-authz"
	}
	if r.Reason == "" {
		r.Reason = "request denied by policy"
	}
	return nil
}

// key names the rule in a world's counters: a rule that stays the same when rules
// are replaced goes on counting, another one begins at nought.
func (r *Rule) key() int {
	h := fnv.New32a()
	fmt.Fprintf(h, "%q %q %d %v %q %q", r.Operation, r.Words, r.First, r.Sources, r.Plugin, r.Reason)
	return int(h.Sum32())
}

// SetRules replaces the rules; a rule that is none leaves the old ones.
func (h *Host) SetRules(l []Rule) error {
	l = slices.Clone(l)
	for i := range l {
		if err := l[i].check(); err != nil {
			return err
		}
	}
	h.rules.Store(&l)
	return nil
}

// refuse returns the error of the first rule that makes op fail, and records it.
// subject is what the words are about: a reference, a path.
func (w *World) refuse(ctx context.Context, op, subject string) error {
	rules := w.host.rules.Load()
	if w.base || rules == nil || len(*rules) == 0 {
		return nil
	}
	c := w.callerOf(ctx)
	for i, r := range *rules {
		if r.Operation != op {
			continue
		}
		if len(r.Sources) > 0 && !slices.ContainsFunc(r.Sources, func(p netip.Prefix) bool { return p.Contains(c.Source.Unmap()) }) {
			continue
		}
		w.mu.Lock()
		key := r.key()
		n := w.refused[key]
		hit := r.First == 0 || n < r.First
		if hit {
			w.refused[key]++
		}
		w.mu.Unlock()
		if !hit {
			continue
		}
		err := r.err(subject)
		w.emit(c, event.WorldRefuse, &event.Refusal{Operation: op, Rule: fmt.Sprintf("%d:%s/%s", i, r.Operation, r.Words), Words: err.Error()})
		return err
	}
	return nil
}

func (r *Rule) err(subject string) error {
	switch r.Words {
	case "space":
		switch r.Operation {
		case "create":
			return systemErr("mkdir /var/lib/docker/overlay2/%s-init: no space left on device", subject)
		case "start":
			return unknownErr("mkdir /run/containerd/io.containerd.runtime.v2.task/moby/%s: no space left on device", subject)
		case "import", "pull":
			return systemErr("write /var/lib/docker/tmp/GetImageBlob%d: no space left on device", len(subject)*7919+104729)
		}
		return systemErr("write /var/lib/docker/tmp/docker-builder%d: no space left on device", len(subject)*7919+104729)
	case "runtime":
		return unknownErr("failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error setting cgroup config for procHooks process: unable to freeze: unknown")
	case "registry":
		return notFound("pull access denied for %s, repository does not exist or may require 'docker login': denied: requested access to the resource is denied", subject)
	}
	return forbidden("authorization denied by plugin %s: %s", r.Plugin, r.Reason)
}
