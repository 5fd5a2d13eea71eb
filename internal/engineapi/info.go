package engineapi

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/docker/docker/api/server/httputils"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/versions"

	"github.com/whalefall/whalefall/internal/persona"
)

// info is /info. Docker's own handler shares one answer between callers of
// different worlds, so this is ours: the world's facts, the persona's versions,
// and the release's shape for the client's API version.
func info(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	in, err := c.d.System.SystemInfo(ctx)
	if err != nil {
		return err
	}
	i := *in
	p, v := c.s.p, httputils.VersionFromContext(ctx)
	p.Dress(&i, c.s.cfg.Args)
	i.Swarm = c.d.Swarm.Info(ctx)
	i.Warnings = append(i.Warnings, i.Swarm.Warnings...)
	if versions.LessThan(v, "1.25") {
		opts, err := system.DecodeSecurityOptions(i.SecurityOptions)
		if err != nil {
			return err
		}
		names := []string{}
		for _, o := range opts {
			names = append(names, o.Name)
		}
		i.SecurityOptions = names
	}
	if p.Era == persona.Era20 {
		return httputils.WriteJSON(w, http.StatusOK, persona.Info20(&i, v))
	}
	if versions.LessThan(v, "1.44") {
		rs := make(map[string]system.RuntimeWithStatus, len(i.Runtimes))
		for k, rt := range i.Runtimes {
			rs[k] = system.RuntimeWithStatus{Runtime: rt.Runtime}
		}
		i.Runtimes = rs
	}
	if p.Era == persona.Era26 {
		return httputils.WriteJSON(w, http.StatusOK, persona.Info26(&i, v))
	}
	if versions.LessThan(v, "1.46") {
		i.Containerd = nil
	}
	if rc := i.RegistryConfig; rc != nil && versions.LessThan(v, "1.47") {
		own := *rc
		own.ExtraFields = map[string]any{
			"AllowNondistributableArtifactsCIDRs":     json.RawMessage(nil),
			"AllowNondistributableArtifactsHostnames": json.RawMessage(nil),
		}
		i.RegistryConfig = &own
	}
	if versions.LessThan(v, "1.49") {
		i.FirewallBackend = nil
		for _, cm := range []*system.Commit{&i.ContainerdCommit, &i.RuncCommit, &i.InitCommit} {
			cm.Expected = cm.ID // the field is what old clients get
		}
	}
	if versions.GreaterThanOrEqualTo(v, "1.42") {
		i.KernelMemory = false
	}
	if !versions.LessThan(v, "1.50") {
		return httputils.WriteJSON(w, http.StatusOK, &i)
	}
	i.DiscoveredDevices = nil
	// Extra fields make the daemon merge maps, so the keys come out sorted.
	b, err := json.Marshal(&i)
	if err != nil {
		return err
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	m["BridgeNfIptables"], m["BridgeNfIp6tables"] = false, false
	b, err = json.Marshal(m)
	if err != nil {
		return err
	}
	return httputils.WriteJSON(w, http.StatusOK, json.RawMessage(b))
}
