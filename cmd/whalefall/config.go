package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// config is the configuration file. This file alone reads YAML; an unknown key is
// an error that names file, line and column.
type config struct {
	Listen     []string       `yaml:"listen"`
	TLSListen  string         `yaml:"tls_listen"`
	ProxyPeers []string       `yaml:"proxy_peers"`
	Data       string         `yaml:"data"`
	Persona    string         `yaml:"persona"`
	Host       hostConfig     `yaml:"host"`
	World      string         `yaml:"world"`
	Latency    string         `yaml:"latency"`
	Egress     egressConfig   `yaml:"egress"`
	Refuse     []refuseConfig `yaml:"refuse"`
	Quotas     quotaConfig    `yaml:"quotas"`
	Retention  retention      `yaml:"retention"`
	Sessions   sessionConfig  `yaml:"sessions"`
	Label      []labelConfig  `yaml:"label"`
	Canaries   []string       `yaml:"canaries"`
	Sinks      []sinkConfig   `yaml:"sinks"`
	Alerts     []alertConfig  `yaml:"alerts"`
	Report     reportConfig   `yaml:"report"`
	Redact     redactConfig   `yaml:"redact"`
	Web        string         `yaml:"web"`
	Log        logConfig      `yaml:"log"`
}

type hostConfig struct {
	Kind          string `yaml:"kind"`
	Provider      string `yaml:"provider"`
	Cores         int    `yaml:"cores"`
	Memory        string `yaml:"memory"`
	PublicAddress string `yaml:"public_address"`
}

type egressConfig struct {
	Mode   string         `yaml:"mode"`
	Limits map[string]int `yaml:"limits"`
	Proxy  string         `yaml:"proxy"`
}

// refuseConfig is one rule of the enforcer.
type refuseConfig struct {
	Operation string   `yaml:"operation"`
	First     int      `yaml:"first"`
	Sources   []string `yaml:"sources"`
	Words     string   `yaml:"words"`
	Message   string   `yaml:"message"`
}

type quotaConfig struct {
	KeptPerSource        string `yaml:"kept_per_source"`
	ConnectionsPerSource int    `yaml:"connections_per_source"`
	DiskFloor            string `yaml:"disk_floor"`
}

type retention struct {
	Journal   string `yaml:"journal"`
	Days      int    `yaml:"days"`
	Artifacts string `yaml:"artifacts"`
}

type sessionConfig struct {
	Silence duration `yaml:"silence"`
}

type labelConfig struct {
	Source string `yaml:"source"`
	Label  string `yaml:"label"`
}

type sinkConfig struct {
	Type   string `yaml:"type"` // file or webhook
	Path   string `yaml:"path"`
	URL    string `yaml:"url"`
	Secret string `yaml:"secret"`
	Size   string `yaml:"size"`
	Keep   int    `yaml:"keep"`
}

type alertConfig struct {
	On   string `yaml:"on"`
	Sink string `yaml:"sink"`
}

type reportConfig struct {
	From  string `yaml:"from"`
	Relay string `yaml:"relay"`
}

type redactConfig struct {
	Names     []string `yaml:"names" json:"names"`
	Addresses []string `yaml:"addresses" json:"addresses"`
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

type duration time.Duration

func (d *duration) UnmarshalYAML(n *yaml.Node) error {
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		return fmt.Errorf("line %d, column %d: %q is no duration (such as 30m)", n.Line, n.Column, n.Value)
	}
	*d = duration(v)
	return nil
}

// loadConfig reads a configuration file.
func loadConfig(path string) (config, error) {
	var c config
	b, err := os.ReadFile(path)
	if err != nil {
		return c, withHint(fmt.Errorf("read the configuration: %w", err), "`whalefall init` writes one")
	}
	if len(b) > 1<<20 {
		return c, fmt.Errorf("%s is larger than 1 MiB", path)
	}
	if err := parseConfig(b, &c); err != nil {
		return c, withHint(fmt.Errorf("%s: %w", path, err), "docs/configuration.md lists the keys")
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parseConfig(b []byte, c *config) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		msg := strings.TrimPrefix(err.Error(), "yaml: ")
		if !strings.HasPrefix(msg, "line ") {
			msg = "line 1: " + msg // the library leaves the first line's number out
		}
		return errors.New(msg)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	err := dec.Decode(c)
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	// The decoder names the line; people want the column as well.
	var te *yaml.TypeError
	if errors.As(err, &te) && len(te.Errors) > 0 {
		msg := te.Errors[0]
		var line int
		if _, serr := fmt.Sscanf(msg, "line %d:", &line); serr == nil {
			_, rest, _ := strings.Cut(msg, ": ")
			if i := strings.Index(rest, " not found in type"); i >= 0 && strings.HasPrefix(rest, "field ") {
				rest = fmt.Sprintf("unknown key %q", strings.TrimPrefix(rest[:i], "field "))
			}
			return fmt.Errorf("line %d, column %d: %s", line, column(&doc, line), rest)
		}
	}
	return err
}

// column finds the first key on a line.
func column(n *yaml.Node, line int) int {
	if n.Line == line && n.Kind == yaml.ScalarNode {
		return n.Column
	}
	for _, c := range n.Content {
		if k := column(c, line); k > 0 {
			return k
		}
	}
	return 0
}

var operations = map[string]bool{"create": true, "start": true, "exec": true, "import": true, "pull": true, "build": true, "archive": true}

func (c *config) check() error {
	one := func(key, v string, ok ...string) error {
		if v == "" {
			return nil
		}
		for _, o := range ok {
			if v == o {
				return nil
			}
		}
		return fmt.Errorf("%s: %q is not known, it is %s", key, v, strings.Join(ok, " or "))
	}
	for _, err := range []error{
		one("host.kind", c.Host.Kind, "lived-in", "empty"), one("world", c.World, "source", "shared"),
		one("latency", c.Latency, "real", "none"), one("egress.mode", c.Egress.Mode, "none", "fetch"),
	} {
		if err != nil {
			return err
		}
	}
	for i, r := range c.Refuse {
		if !operations[r.Operation] {
			return fmt.Errorf("refuse[%d].operation: %q is not known, it is create, start, exec, import, pull, build or archive", i, r.Operation)
		}
		if err := one(fmt.Sprintf("refuse[%d].words", i), r.Words, "plugin", "space", "runtime", "registry"); err != nil {
			return err
		}
		for _, s := range r.Sources {
			if _, err := parsePrefix(s); err != nil {
				return fmt.Errorf("refuse[%d].sources: %q is no address or network", i, s)
			}
		}
	}
	for i, p := range c.ProxyPeers {
		if _, err := parsePrefix(p); err != nil {
			return fmt.Errorf("proxy_peers[%d]: %q is no address or network", i, p)
		}
	}
	for i, s := range c.Sinks {
		if err := one(fmt.Sprintf("sinks[%d].type", i), s.Type, "file", "webhook"); err != nil {
			return err
		}
		switch {
		case s.Type == "":
			return fmt.Errorf("sinks[%d].type is missing, it is file or webhook", i)
		case s.Type == "file" && s.Path == "":
			return fmt.Errorf("sinks[%d].path is missing", i)
		case s.Type == "webhook" && (s.URL == "" || s.Secret == ""):
			return fmt.Errorf("sinks[%d]: a webhook needs url and secret", i)
		}
	}
	for _, b := range []struct{ key, v string }{{"host.memory", c.Host.Memory}, {"quotas.kept_per_source", c.Quotas.KeptPerSource}, {"quotas.disk_floor", c.Quotas.DiskFloor},
		{"retention.journal", c.Retention.Journal}, {"retention.artifacts", c.Retention.Artifacts}} {
		if b.v != "" {
			if _, err := parseSize(b.v); err != nil {
				return fmt.Errorf("%s: %w", b.key, err)
			}
		}
	}
	return nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// parseSize reads "512 MiB", "20GiB", "1000".
func parseSize(s string) (int64, error) {
	var n float64
	var unit string
	if k, err := fmt.Sscanf(strings.TrimSpace(s), "%f%s", &n, &unit); k == 0 {
		return 0, fmt.Errorf("%q is no size (such as 512MiB): %w", s, err)
	}
	switch strings.ToLower(strings.TrimSpace(unit)) {
	case "", "b":
		return int64(n), nil
	case "k", "kib", "kb":
		return int64(n * (1 << 10)), nil
	case "m", "mib", "mb":
		return int64(n * (1 << 20)), nil
	case "g", "gib", "gb":
		return int64(n * (1 << 30)), nil
	case "t", "tib", "tb":
		return int64(n * (1 << 40)), nil
	}
	return 0, fmt.Errorf("%q is no size (such as 512MiB)", s)
}
