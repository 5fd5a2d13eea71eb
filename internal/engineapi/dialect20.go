package engineapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/docker/docker/api/server/httputils"
	"github.com/docker/docker/api/types/backend"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/versions"

	"github.com/whalefall/whalefall/internal/persona"
)

// This file is how 20.10 checks and words things where 28.5.2, whose handlers and
// backends stand behind it, does otherwise. Seen on 20.10.24 and read in its source.

// words is the release's dialect of errors.
func (s *Server) words() []rewording {
	if s.p.Era == persona.Era28 && s.p.Debian {
		return words28d
	}
	switch s.p.Era {
	case persona.Era20:
		return words20
	case persona.Era26:
		return words26
	}
	return nil
}

// words20: the first that fits is applied, so the particular stand before the general.
var words20 = []rewording{
	say("POST /images/{name:.*}/tag", `^invalid reference format: repository name \([^)]*\) must be lowercase$`, "invalid reference format: repository name must be lowercase", 500),
	say("POST /commit", `^invalid reference format: repository name \([^)]*\) must be lowercase$`, "invalid reference format: repository name must be lowercase", 500),
	say("", `invalid reference format: repository name \([^)]*\) must be lowercase`, "invalid reference format: repository name must be lowercase", 0),
	say("", `^config cannot be empty in order to create a container$`, "Config cannot be empty in order to create a container", 0),
	say("", `^unsupported Content-Type header \((.*)\): must be 'application/json'$`, "Content-Type specified ($1) must be 'application/json'", 0),
	say("", `^malformed Content-Type header \((.*?)\): mime: .*$`, "Content-Type specified ($1) must be 'application/json'", 0),
	say("POST /containers/create", `^invalid network mode: `, "Invalid network mode: ", 0),
	say("POST /containers/create", `^invalid isolation \((.*)\): linux only supports 'default'$`, `Invalid isolation: "$1" - linux only supports 'default'`, 500),
	say("POST /containers/create", `^range of CPUs is from`, "Range of CPUs is from", 0),
	say("", `^unknown or invalid runtime name: (.*)$`, "Unknown runtime specified $1", 0),
	say("", `^invalid restart policy: unknown policy '(.*?)'; use one of.*$`, "invalid restart policy '$1'", 0),
	say("POST /containers/create", `^Container cannot be created with multiple network endpoints: `, "Container cannot be connected to network endpoints: ", 0),
	say("POST /containers/{name:.*}/kill", `^cannot kill container: .*?: [iI]nvalid signal: (.*)$`, "Invalid signal: $1", 0),
	say("POST /containers/{name:.*}/kill", `^cannot kill container: \S+: Cannot kill container: `, "Cannot kill container: ", 0),
	say("POST /containers/{name:.*}/kill", `^cannot kill container: `, "Cannot kill container: ", 0),
	say("", `^invalid signal: `, "Invalid signal: ", 0),
	say("POST /networks/create", `^failed to parse com\.docker\.`, "failed to parse com.docker.", 500),
	say("POST /networks/create", `^invalid name: name is empty$`, "invalid name: ", 500),
	say("POST /networks/create", `(?s)^invalid network config:\ninvalid subnet (.*): invalid CIDR block notation$`, "Invalid subnet $1 : invalid CIDR address: $1", 500),
	say("POST /networks/create", `(?s)^invalid pool request: Pool overlaps with other one on this address space$`, "Pool overlaps with other one on this address space", 0),
	say("POST /networks/create", `^This node is not a swarm manager\.`, "This node is not a swarm manager.", 500),
	say("", `^limit (\d+) is outside the range of`, "Limit $1 is outside the range of", 0),
	say("GET /images/search", `^invalid limit specified: `, "", 500),
	say("GET /images/search", `^invalid repository name: repository name \(.*\) should not have a scheme$`, `Invalid repository name (ex: "registry.domain.tld/myrepos")`, 500),
	say("POST /containers/prune", `^failed to parse value as time or duration: `, "failed to parse value as time or duration: ", 500),
	say("POST /build/prune", `^invalid filter$`, "could not parse filters: invalid filter", 500),
	say("GET /containers/json", `^invalid filter 'exited=.*?': (strconv.*)$`, "$1", 500),
	say("GET /containers/json", `^invalid filter 'health=(.*?)': invalid value for health.*$`, "Unrecognised filter value for health: $1", 0),
	say("GET /containers/json", `^invalid filter '(status=.*?)': invalid value for state.*$`, "Invalid filter '$1'", 0),
	say("GET /networks", `^invalid filter: '?type'?='(.*)'$`, "invalid filter: 'type'='$1'", 500),
	say("GET /containers/json", `^Unrecognised filter value for status: (.*)$`, "Invalid filter 'status=$1'", 0),
	say("", `^container ([0-9a-f]{64}) is not running$`, "Container $1 is not running", 0),
	say("GET /containers/{name:.*}/logs", `^invalid value for "(?:since|until)": `, "", 500),
	say("POST /networks/{id:.*}/disconnect", `^(container \S+ is not connected to network .*)$`, "$1", 500),
	say("POST /networks/{id:.*}/connect", `^cannot connect container to host network - container must be created in host network$`, "container cannot be disconnected from host network or connected to host network", 400),
	say("", `^invalid filter '`, "Invalid filter '", 0),
	say("POST /networks/create", `^invalid name: $`, "invalid name: ", 500),
	say("POST /images/{name:.*}/tag", `^(invalid tag format)$`, "$1", 500),
	say("POST /build", `^invalid version "`, `invalid version "`, 500),
	say("POST /build", `^build ID not provided$`, "build ID not provided", 500),
	sayFn("POST /images/create", `^(\S+) is not a valid change command$`, func(m []string) string { return strings.ToLower(m[1]) + " is not a valid change command" }, 0),
	sayFn("POST /commit", `^(\S+) is not a valid change command$`, func(m []string) string { return strings.ToLower(m[1]) + " is not a valid change command" }, 0),
	say("POST /images/create", `^unexpected EOF$`, "Error processing tar file(exit status 1): unexpected EOF", 0),
	say("POST /images/load", `^unexpected EOF$`, "Error processing tar file(exit status 1): unexpected EOF", 0),
	say("POST /services", `^invalid JSON: `, "", 0),
	say("", `^invalid JSON: got EOF while reading request body$`, "got EOF while reading request body", 0),
	say("", `^invalid JSON: `, "", 0),
}

// words28d: with containerd 2.1, which Debian has beside 28.5.2, the runtime's errors
// have lost their kind's name at the end. The vendor's packages still have 1.7.
var words28d = []rewording{
	say("", `^((?:failed to create task for container|OCI runtime exec failed): .*): unknown$`, "$1", 0),
}

// fronts20 are 20.10's own checks before Docker's handlers, by route.
var fronts20 = map[string]front{
	"POST /containers/create":             create20,
	"POST /containers/{name:.*}/start":    start20,
	"POST /containers/{name:.*}/wait":     wait20,
	"POST /containers/{name:.*}/resize":   resize20,
	"POST /exec/{name:.*}/resize":         resize20,
	"POST /containers/{name:.*}/update":   decodeFirst(func() any { return new(container.UpdateConfig) }, "EOF", raw, true),
	"POST /containers/{name:.*}/exec":     decodeFirst(func() any { return new(container.ExecOptions) }, eofText, errInvalid, true),
	"POST /exec/{name:.*}/start":          decodeFirst(func() any { return new(container.ExecStartOptions) }, eofText, errInvalid, true),
	"POST /networks/create":               decodeFirst(func() any { return new(network.CreateRequest) }, eofText, errInvalid, true),
	"POST /networks/{id:.*}/connect":      decodeFirst(func() any { return new(network.ConnectOptions) }, eofText, errInvalid, true),
	"POST /networks/{id:.*}/disconnect":   decodeFirst(func() any { return new(network.DisconnectOptions) }, eofText, errInvalid, true),
	"POST /volumes/create":                decodeFirst(func() any { return new(volumeCreateBody) }, eofText, errInvalid, true),
	"POST /plugins/{name:.*}/set":         decodeFirst(func() any { return new([]string) }, eofText, errInvalid, false),
	"POST /auth":                          auth20,
	"POST /swarm/init":                    decodeFirst(func() any { return new(swarm.InitRequest) }, eofText, errInvalid, true),
	"POST /swarm/join":                    decodeFirst(func() any { return new(swarm.JoinRequest) }, eofText, errInvalid, true),
	"POST /swarm/update":                  decodeFirst(func() any { return new(swarm.Spec) }, eofText, errInvalid, true),
	"POST /swarm/unlock":                  decodeFirst(func() any { return new(swarm.UnlockRequest) }, eofText, errInvalid, true),
	"POST /services/create":               decodeFirst(func() any { return new(swarm.ServiceSpec) }, eofText, errInvalid, true),
	"POST /services/{id}/update":          decodeFirst(func() any { return new(swarm.ServiceSpec) }, eofText, errInvalid, true),
	"POST /nodes/{id}/update":             decodeFirst(func() any { return new(swarm.NodeSpec) }, eofText, errInvalid, true),
	"POST /secrets/create":                decodeFirst(func() any { return new(swarm.SecretSpec) }, eofText, errInvalid, true),
	"POST /secrets/{id}/update":           decodeFirst(func() any { return new(swarm.SecretSpec) }, eofText, errInvalid, true),
	"POST /configs/create":                decodeFirst(func() any { return new(swarm.ConfigSpec) }, eofText, errInvalid, true),
	"POST /configs/{id}/update":           decodeFirst(func() any { return new(swarm.ConfigSpec) }, eofText, errInvalid, true),
	"POST /plugins/pull":                  pluginPull20,
	"POST /commit":                        commit20,
	"GET /images/{name:.*}/json":          imageJSON20,
	"POST /images/{name:.*}/tag":          tag20,
	"POST /images/{name:.*}/push":         push20,
	"GET /containers/{name:.*}/logs":      untyped20,
	"GET /services/{id}/logs":             untyped20,
	"GET /tasks/{id}/logs":                untyped20,
	"GET /containers/json":                filtered20("", raw),
	"GET /images/json":                    filtered20("", raw),
	"GET /networks":                       filtered20("", raw),
	"GET /networks/":                      filtered20("", raw),
	"GET /plugins":                        filtered20("", raw),
	"GET /images/search":                  filtered20("", raw),
	"GET /services":                       filtered20("", errInvalid),
	"GET /nodes":                          filtered20("", raw),
	"GET /tasks":                          filtered20("", raw),
	"GET /secrets":                        filtered20("", raw),
	"GET /configs":                        filtered20("", raw),
	"GET /volumes":                        filtered20("error reading volume filters: ", errInvalid),
	"POST /containers/prune":              filtered20("", errInvalid),
	"POST /images/prune":                  filtered20("", raw),
	"POST /volumes/prune":                 volumesPrune20,
	"POST /networks/prune":                filtered20("", raw),
	"POST /build/prune":                   filtered20("could not parse filters: ", raw),
	"GET /containers/{name:.*}/attach/ws": next20,
}

const eofText = "got EOF while reading request body"

// volumeCreateBody is named as 20.10 names it, since the name shows in errors.
type volumeCreateBody struct {
	Driver     string
	DriverOpts map[string]string
	Labels     map[string]string
	Name       string
}

func next20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	return next(ctx, w, r, c.vars)
}

// ping20 has no Swarm header and no builder's version.
func ping20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	w.Header().Add("Cache-Control", "no-cache, no-store, must-revalidate")
	w.Header().Add("Pragma", "no-cache")
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Length", "0")
		return nil
	}
	_, err := w.Write([]byte("OK"))
	return err
}

// checkJSON20 is httputils.CheckForJSON of 20.10.
func checkJSON20(r *http.Request) error {
	ct := r.Header.Get("Content-Type")
	if ct == "" && (r.Body == nil || r.ContentLength == 0) {
		return nil
	}
	if mt, _, err := mime.ParseMediaType(ct); err == nil && mt == "application/json" {
		return nil
	}
	return errInvalid(fmt.Sprintf("Content-Type specified (%s) must be 'application/json'", ct))
}

// maxJSON bounds a body that is looked at before Docker's handler.
const maxJSON = 16 << 20

// firstJSON decodes the body's first value and gives r that value alone for a body:
// 20.10 never looked at what comes after.
func firstJSON(r *http.Request, into any) error {
	if r.Body == nil {
		return io.EOF
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxJSON))
	if err != nil && len(b) == 0 {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	derr := dec.Decode(into)
	if derr == nil {
		b = b[:dec.InputOffset()]
	} else if err != nil && (errors.Is(derr, io.ErrUnexpectedEOF) || errors.Is(derr, io.EOF)) {
		derr = err
	}
	setBody(r, b)
	return derr
}

func setBody(r *http.Request, b []byte) {
	r.Body = io.NopCloser(bytes.NewReader(b))
	r.ContentLength = int64(len(b))
	if r.Header.Get("Content-Type") == "" && len(b) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
}

// decodeText words a decoder's error as Go 1.19 did for a struct of 20.10: the
// innermost struct's name, then the path of fields without embedded structs.
func decodeText(err error, outer string) string {
	var te *json.UnmarshalTypeError
	if !errors.As(err, &te) {
		return err.Error()
	}
	if te.Field == "" {
		t := te.Type.String()
		if outer != "" && te.Type.Kind().String() == "struct" {
			t = outer
		}
		return "json: cannot unmarshal " + te.Value + " into Go value of type " + t
	}
	path := strings.TrimPrefix(strings.TrimPrefix(te.Field, "Config."), "Resources.")
	path = strings.ReplaceAll(path, "HostConfig.Resources.", "HostConfig.")
	name := outer[strings.LastIndexByte(outer, '.')+1:]
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		inner := path[:i]
		name = inner[strings.LastIndexByte(inner, '.')+1:]
	}
	return "json: cannot unmarshal " + te.Value + " into Go struct field " + name + "." + path + " of type " + te.Type.String()
}

// oldNames are the structs' names in 20.10.
func oldName(v any) string {
	switch v.(type) {
	case *volumeCreateBody:
		return "volume.VolumeCreateBody"
	case *container.ExecOptions:
		return "types.ExecConfig"
	case *container.ExecStartOptions:
		return "types.ExecStartCheck"
	case *network.CreateRequest:
		return "types.NetworkCreateRequest"
	case *network.ConnectOptions:
		return "types.NetworkConnect"
	case *network.DisconnectOptions:
		return "types.NetworkDisconnect"
	case *container.UpdateConfig:
		return "container.UpdateConfig"
	}
	return ""
}

// decodeFirst decodes the body as 20.10 does and words its failure by kind.
func decodeFirst(mk func() any, eof string, kind func(string) error, typed bool) front {
	return func(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
		if err := httputils.ParseForm(r); err != nil {
			return err
		}
		if typed {
			if err := checkJSON20(r); err != nil {
				return err
			}
		}
		v := mk()
		if err := firstJSON(r, v); err != nil {
			if errors.Is(err, io.EOF) {
				return kind(eof)
			}
			return kind(decodeText(err, oldName(v)))
		}
		return next(ctx, w, r, c.vars)
	}
}

// createWrapper is runconfig.ContainerConfigWrapper: the host configuration may
// stand inside, or with its keys at the top, where old clients put them.
type createWrapper struct {
	*container.Config
	InnerHostConfig       *container.HostConfig     `json:"HostConfig,omitempty"`
	Cpuset                string                    `json:",omitempty"`
	NetworkingConfig      *network.NetworkingConfig `json:"NetworkingConfig,omitempty"`
	*container.HostConfig                           // deprecated since API 1.15, honoured all the same
}

// hostConfig merges the two as getHostConfig does.
func (w *createWrapper) hostConfig() *container.HostConfig {
	hc, in := w.HostConfig, w.InnerHostConfig
	switch {
	case in == nil:
	case hc == nil:
		hc = in
	default:
		if in.Memory == 0 {
			in.Memory = hc.Memory
		}
		if in.MemorySwap == 0 {
			in.MemorySwap = hc.MemorySwap
		}
		if in.CPUShares == 0 {
			in.CPUShares = hc.CPUShares
		}
		if in.CpusetCpus == "" {
			in.CpusetCpus = hc.CpusetCpus
		}
		if in.VolumeDriver == "" {
			in.VolumeDriver = hc.VolumeDriver
		}
		hc = in
	}
	if hc != nil && hc.CpusetCpus == "" {
		hc.CpusetCpus = w.Cpuset
	}
	return hc
}

// wrapped decodes a create body and puts it into today's form.
func wrapped(r *http.Request) (*createWrapper, error) {
	var cw createWrapper
	if err := firstJSON(r, &cw); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, raw("EOF")
		}
		return nil, raw(decodeText(err, "runconfig.ContainerConfigWrapper"))
	}
	if cw.Config == nil && cw.HostConfig == nil {
		return &cw, nil
	}
	b, err := json.Marshal(container.CreateRequest{Config: cw.Config, HostConfig: cw.hostConfig(), NetworkingConfig: cw.NetworkingConfig})
	if err != nil {
		return nil, err
	}
	setBody(r, b)
	return &cw, nil
}

func create20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	if err := checkJSON20(r); err != nil {
		return err
	}
	cw, err := wrapped(r)
	if err != nil {
		return err
	}
	if cw.Config != nil && cw.hostConfig() == nil && versions.LessThan(httputils.VersionFromContext(ctx), "1.40") {
		// Old clients' defaults are only put into a host configuration that was sent.
		b, err := json.Marshal(container.CreateRequest{Config: cw.Config, HostConfig: &container.HostConfig{IpcMode: "private"}, NetworkingConfig: cw.NetworkingConfig})
		if err != nil {
			return err
		}
		setBody(r, b)
	}
	if cw.Config == nil {
		return errInvalid("Config cannot be empty in order to create a container")
	}
	if hc := cw.hostConfig(); hc != nil {
		if p := hc.RestartPolicy; p.MaximumRetryCount != 0 {
			switch p.Name {
			case "always", "unless-stopped", "no":
				return errInvalid(fmt.Sprintf("maximum retry count cannot be used with restart policy '%s'", p.Name))
			}
		}
	}
	if k, ok := c.d.Containers.(AsSentKeeper); ok {
		size := [2]uint{}
		if hc := cw.hostConfig(); hc != nil {
			size = hc.ConsoleSize
		}
		ctx = k.KeepSent(ctx, cw.hostConfig() == nil, size)
	}
	return next(ctx, w, r, c.vars)
}

// start20 takes a host configuration with the start from clients older than 1.24.
func start20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	v := httputils.VersionFromContext(ctx)
	if (r.ContentLength > 7 || r.ContentLength == -1) && versions.LessThan(v, "1.24") {
		if err := checkJSON20(r); err != nil {
			return err
		}
		var cw createWrapper
		if err := firstJSON(r, &cw); err != nil {
			if errors.Is(err, io.EOF) {
				return raw("EOF")
			}
			return raw(decodeText(err, "runconfig.ContainerConfigWrapper"))
		}
		setBody(r, nil)
		if hc := cw.hostConfig(); hc != nil {
			if hc.NetworkMode == "" {
				hc.NetworkMode = network.NetworkDefault
			}
			if set, ok := c.d.Containers.(HostConfigSetter); ok {
				if err := set.ContainerSetHostConfig(c.vars["name"], hc); err != nil {
					return err
				}
			}
		}
	}
	return next(ctx, w, r, c.vars)
}

// wait20 ignores conditions it does not know and always writes Error.
func wait20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	switch container.WaitCondition(r.Form.Get("condition")) {
	case "", container.WaitConditionNotRunning, container.WaitConditionNextExit, container.WaitConditionRemoved:
	default:
		r.Form.Del("condition")
	}
	return next(ctx, &rewriter{ResponseWriter: w, body: func(b []byte) []byte {
		var v container.WaitResponse
		if json.Unmarshal(b, &v) != nil {
			return b
		}
		out, err := json.Marshal(struct {
			Error      *container.WaitExitError
			StatusCode int64
		}{v.Error, v.StatusCode})
		if err != nil {
			return b
		}
		return append(out, '\n')
	}}, r, c.vars)
}

// rewriter rewrites each write, or takes a header away, and else is transparent.
type rewriter struct {
	http.ResponseWriter
	body   func([]byte) []byte
	before func(http.Header)
	begun  bool
}

func (w *rewriter) begin() {
	if !w.begun && w.before != nil {
		w.before(w.Header())
	}
	w.begun = true
}

func (w *rewriter) WriteHeader(code int) { w.begin(); w.ResponseWriter.WriteHeader(code) }

func (w *rewriter) Write(p []byte) (int, error) {
	w.begin()
	if w.body == nil {
		return w.ResponseWriter.Write(p)
	}
	if _, err := w.ResponseWriter.Write(w.body(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w *rewriter) Flush() {
	w.begin()
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// pluginPull20 reads the privileges before the reference.
func pluginPull20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	var v []json.RawMessage
	if err := firstJSON(r, &v); err != nil {
		return raw("failed to parse privileges: " + decodeText(err, ""))
	}
	return next(ctx, w, r, c.vars)
}

// untyped20: 20.10 names no type for logs.
func untyped20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	return next(ctx, &rewriter{ResponseWriter: w, before: func(h http.Header) {
		if strings.HasPrefix(h.Get("Content-Type"), "application/vnd.docker") {
			h.Del("Content-Type")
		}
	}}, r, c.vars)
}

func resize20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	for _, k := range []string{"h", "w"} {
		if err := atoi(r.Form.Get(k)); err != nil {
			return invalid{err}
		}
	}
	return next(ctx, w, r, c.vars)
}

// auth20 decodes without a look at the type and before anything else.
func auth20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	var v *registry.AuthConfig
	if err := firstJSON(r, &v); err != nil {
		if errors.Is(err, io.EOF) {
			return raw("EOF")
		}
		return raw(decodeText(err, "types.AuthConfig"))
	}
	r.Header.Set("Content-Type", "application/json")
	return next(ctx, w, r, c.vars)
}

// commit20 finds the container before it reads the reference.
func commit20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	if err := checkJSON20(r); err != nil {
		return err
	}
	if r.ContentLength != 0 {
		var cw createWrapper
		if err := firstJSON(r, &cw); err != nil && !errors.Is(err, io.EOF) {
			return raw(decodeText(err, "runconfig.ContainerConfigWrapper"))
		}
	}
	if _, err := c.d.Containers.ContainerInspect(ctx, r.Form.Get("container"), backend.ContainerInspectOptions{}); err != nil {
		return err
	}
	return next(ctx, w, r, c.vars)
}

func imageJSON20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	err := next(ctx, oldConfig(c, w), r, c.vars)
	if err == nil {
		return nil
	}
	status, text := judge(err)
	status, text = reword(words20, c.rt.String(), status, text)
	return &failure{status, "no such image: " + c.vars["name"] + ": " + text}
}

// oldConfigurer is an ImageBackend that still knows an image's configuration as
// releases before 28 show it: a container's, with what an image has no use for.
type oldConfigurer interface {
	OldConfig(refOrID string) (*container.Config, error)
}

// oldConfig puts that configuration into an image's inspection.
func oldConfig(c *call, w http.ResponseWriter) http.ResponseWriter {
	oc, ok := c.d.Images.(oldConfigurer)
	if !ok {
		return w
	}
	return &rewriter{ResponseWriter: w, body: func(b []byte) []byte {
		cfg, err := oc.OldConfig(c.vars["name"])
		var m map[string]json.RawMessage
		if err != nil || cfg == nil || json.Unmarshal(b, &m) != nil || m["Config"] == nil {
			return b
		}
		if m["Config"], err = persona.Encode(cfg); err != nil {
			return b
		}
		out, err := persona.Encode(m)
		if err != nil {
			return b
		}
		return out
	}}
}

func tag20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	if _, err := c.d.Images.ImageID(ctx, c.vars["name"]); err != nil {
		return err
	}
	if r.Form.Get("repo") == "" {
		return raw("invalid reference format")
	}
	return next(ctx, w, r, c.vars)
}

// push20 wants credentials in the header, or else in the body.
func push20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	if r.Header.Get(registry.AuthHeader) == "" {
		var v registry.AuthConfig
		if err := firstJSON(r, &v); err != nil {
			return errInvalid("Bad parameters and missing X-Registry-Auth: " + decodeText(err, "types.AuthConfig"))
		}
	}
	return next(ctx, w, r, c.vars)
}

// filterError20 is what filters.FromJSON of 20.10 hands on: the error of the second
// form it tries, a map of maps.
func filterError20(v string) error {
	var m map[string]map[string]bool
	if err := json.Unmarshal([]byte(v), &m); err == nil {
		return nil
	}
	var l map[string][]string
	err := json.Unmarshal([]byte(v), &l)
	if err == nil {
		return nil
	}
	err = json.Unmarshal([]byte(v), &m)
	return raw(err.Error())
}

// filtered20 checks the filters as 20.10 does, after the rest of the form.
func filtered20(prefix string, kind func(string) error) front {
	return func(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
		if err := httputils.ParseForm(r); err != nil {
			return err
		}
		if v := r.Form.Get("filters"); v != "" {
			if err := filterError20(v); err != nil {
				return kind(prefix + err.Error())
			}
		}
		return next(ctx, w, r, c.vars)
	}
}

// volumesPrune20 knows no filter "all".
func volumesPrune20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	if v := r.Form.Get("filters"); v != "" {
		if err := filterError20(v); err != nil {
			return err
		}
		if a, err := filters.FromJSON(v); err == nil && a.Contains("all") {
			return errInvalid("Invalid filter 'all'")
		}
	}
	return next(ctx, w, r, c.vars)
}

// copy20 is the copy of files out of a container as it was before API 1.24: from
// then on the route only says that it is gone.
func copy20(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	if !versions.LessThan(httputils.VersionFromContext(ctx), "1.24") {
		w.WriteHeader(http.StatusNotFound)
		return nil
	}
	if err := checkJSON20(r); err != nil {
		return err
	}
	var cfg struct{ Resource string }
	if err := firstJSON(r, &cfg); err != nil {
		if errors.Is(err, io.EOF) {
			return errInvalid(eofText)
		}
		return errInvalid(decodeText(err, "types.CopyConfig"))
	}
	if cfg.Resource == "" {
		return errInvalid("Path cannot be empty")
	}
	data, _, err := c.d.Containers.ContainerArchivePath(c.vars["name"], cfg.Resource)
	if err != nil {
		return err
	}
	defer data.Close()
	w.Header().Set("Content-Type", "application/x-tar")
	// What is copied into net/http's own writer is never measured, however short.
	if err := http.NewResponseController(w).Flush(); err != nil {
		return err
	}
	_, err = io.Copy(w, data)
	return err
}
