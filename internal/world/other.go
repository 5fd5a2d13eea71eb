package world

import (
	"context"
	"io"
	"strconv"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/checkpoint"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/registry"
)

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

// Checkpoints need criu and an experimental daemon: this one has neither.

// CheckpointCreate is the daemon's method.
func (w *World) CheckpointCreate(name string, _ checkpoint.CreateOptions) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, err := w.find(name)
	if err != nil {
		return err
	}
	if !c.Running {
		return errNotRunning(c.ID)
	}
	return unknownErr("Cannot checkpoint container %s: runc did not terminate successfully: exit status 1: criu failed: type NOTIFY errno 0: unknown", name)
}

// CheckpointDelete is the daemon's method.
func (w *World) CheckpointDelete(name string, o checkpoint.DeleteOptions) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(name); err != nil {
		return err
	}
	return systemErr("checkpoint %s does not exist for container %s", o.CheckpointID, name)
}

// CheckpointList is the daemon's method.
func (w *World) CheckpointList(name string, _ checkpoint.ListOptions) ([]checkpoint.Summary, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := w.find(name)
	return nil, err
}

// Plugins is the plugin manager of a daemon that has none installed.
type Plugins struct{ w *World }

// Plugins returns the plugin manager.
func (w *World) Plugins() *Plugins { return &Plugins{w} }

func (p *Plugins) none(name string) error { return notFound("plugin %q not found", name) }

func (p *Plugins) Disable(name string, _ *backend.PluginDisableConfig) error { return p.none(name) }
func (p *Plugins) Enable(name string, _ *backend.PluginEnableConfig) error   { return p.none(name) }
func (p *Plugins) List(f filters.Args) ([]types.Plugin, error) {
	if err := f.Validate(map[string]bool{"enabled": true, "capability": true}); err != nil {
		return nil, invalid("%s", err.Error())
	}
	if f.Contains("enabled") {
		if _, err := f.GetBoolOrDefault("enabled", false); err != nil {
			return nil, invalid("%s", err.Error())
		}
	}
	return []types.Plugin{}, nil
}
func (p *Plugins) Inspect(name string) (*types.Plugin, error)          { return nil, p.none(name) }
func (p *Plugins) Remove(name string, _ *backend.PluginRmConfig) error { return p.none(name) }
func (p *Plugins) Set(name string, _ []string) error                   { return p.none(name) }
func (p *Plugins) denied(ref reference.Named) error {
	return notFound("pull access denied for %s, repository does not exist or may require 'docker login': denied: requested access to the resource is denied", reference.FamiliarName(ref))
}
func (p *Plugins) Privileges(_ context.Context, ref reference.Named, _ map[string][]string, _ *registry.AuthConfig) (types.PluginPrivileges, error) {
	p.w.unknown("plugin", ref.String(), "privileges")
	return nil, p.denied(ref)
}
func (p *Plugins) Pull(_ context.Context, ref reference.Named, name string, _ map[string][]string, _ *registry.AuthConfig, _ types.PluginPrivileges, _ io.Writer) error {
	p.w.unknown("plugin", ref.String(), name)
	return p.denied(ref)
}
func (p *Plugins) Push(_ context.Context, name string, _ map[string][]string, _ *registry.AuthConfig, _ io.Writer) error {
	return p.none(name)
}
func (p *Plugins) Upgrade(_ context.Context, _ reference.Named, name string, _ map[string][]string, _ *registry.AuthConfig, _ types.PluginPrivileges, _ io.Writer) error {
	return p.none(name)
}
func (p *Plugins) CreateFromContext(_ context.Context, in io.ReadCloser, o *types.PluginCreateOptions) error {
	if _, err := reference.ParseNormalizedNamed(o.RepoName); err != nil {
		return systemErr("failed to parse reference %s: %v", o.RepoName, err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(in, 1<<20))
	return invalid("open config.json: no such file or directory")
}
