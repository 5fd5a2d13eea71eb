package world

import (
	"fmt"
	"sort"
	"strings"

	"github.com/docker/go-connections/nat"
)

// link is a container that another one knows by an alias.
type link struct {
	alias string
	c     *Container
}

func parseLink(l string) (name, alias string) {
	name, alias, ok := strings.Cut(strings.TrimPrefix(l, "/"), ":")
	if !ok {
		alias = name
	}
	return strings.TrimPrefix(name, "/"), alias[strings.LastIndex(alias, "/")+1:]
}

// registerLinks is the daemon's registerLinks: links of the default bridge name
// containers that are there. World.mu is held.
func (w *World) registerLinks(c *Container) error {
	c.links = nil
	if c.Host.NetworkMode.IsUserDefined() {
		return nil
	}
	for _, l := range c.Host.Links {
		name, alias := parseLink(l)
		child, err := w.find(name)
		if err != nil {
			return invalid("could not get container for %s: %v", name, err)
		}
		for child.Host.NetworkMode.IsContainer() {
			of := child.Host.NetworkMode.ConnectedContainer()
			if child, err = w.find(of); err != nil {
				return invalid("could not get container for %s: %v", of, err)
			}
		}
		if child.Host.NetworkMode.IsHost() {
			return invalid("conflicting options: host type networking can't be used with links. This would result in undefined behavior")
		}
		if c.links == nil {
			c.links = map[string]*Container{}
		}
		c.links[alias] = child
	}
	return nil
}

// linked are the containers that c is linked to, by alias. World.mu is held.
func (w *World) linked(c *Container) []link {
	if c.links == nil && len(c.Host.Links) > 0 && !c.Host.NetworkMode.IsUserDefined() {
		_ = w.registerLinks(c) // after a restart; who has gone is linked no more
	}
	var out []link
	for alias, o := range c.links {
		out = append(out, link{alias, o})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].alias < out[j].alias })
	return out
}

// namesOf are all names a container has: its own, and what those that link to it
// call it. World.mu is held.
func (w *World) namesOf(c *Container) []string {
	var others []string
	for _, o := range w.containers {
		for alias, child := range o.links {
			if child == c {
				others = append(others, o.Name+"/"+alias)
			}
		}
	}
	sort.Strings(others)
	return append([]string{c.Name}, others...)
}

// linkEnv is what a container is told of those it is linked to: daemon/links.
// World.mu is held.
func (w *World) linkEnv(c *Container) []string {
	if c.Nets["bridge"] == nil {
		return nil
	}
	var env []string
	for _, l := range w.linked(c) {
		e := l.c.Nets["bridge"]
		if e == nil {
			continue
		}
		up := strings.ReplaceAll(strings.ToUpper(l.alias), "-", "_")
		var ports []nat.Port
		for p := range l.c.Config.ExposedPorts {
			ports = append(ports, p)
		}
		nat.Sort(ports, func(a, b nat.Port) bool {
			if a.Int() != b.Int() {
				return a.Int() < b.Int()
			}
			return strings.EqualFold(a.Proto(), "tcp")
		})
		first, last := nat.Port(""), nat.Port("")
		for i, p := range ports {
			url := fmt.Sprintf("%s://%s:%s", p.Proto(), e.IPAddress, p.Port())
			if i == 0 {
				first, last = p, p
				env = append(env, up+"_PORT="+url)
			}
			pre := up + "_PORT_" + p.Port() + "_" + strings.ToUpper(p.Proto())
			env = append(env, pre+"="+url, pre+"_ADDR="+e.IPAddress, pre+"_PORT="+p.Port(), pre+"_PROTO="+p.Proto())
			if p.Int() == last.Int()+1 && strings.EqualFold(p.Proto(), first.Proto()) {
				last = p
				if i < len(ports)-1 {
					continue
				}
			}
			if last != first {
				pre = up + "_PORT_" + first.Port() + "_" + strings.ToUpper(first.Proto())
				env = append(env, fmt.Sprintf("%s_START=%s://%s:%s", pre, first.Proto(), e.IPAddress, first.Port()), pre+"_PORT_START="+first.Port(),
					fmt.Sprintf("%s_END=%s://%s:%s", pre, first.Proto(), e.IPAddress, last.Port()), pre+"_PORT_END="+last.Port())
			}
			first, last = p, p
		}
		env = append(env, up+"_NAME="+c.Name+"/"+l.alias)
		for _, kv := range l.c.Config.Env {
			if k, v, ok := strings.Cut(kv, "="); ok && k != "HOME" && k != "PATH" {
				env = append(env, up+"_ENV_"+k+"="+v)
			}
		}
	}
	return env
}
