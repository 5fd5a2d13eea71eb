package engineapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/docker/docker/api/server/httputils"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/registry"
	timetypes "github.com/docker/docker/api/types/time"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/pkg/ioutils"
	"github.com/docker/docker/pkg/progress"
	"github.com/docker/docker/pkg/streamformatter"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/net/http2"

	"github.com/whalefall/whalefall/internal/persona"
)

// ownRoutes are those that Docker's routers, as far as we mount them, do not have.
func (s *Server) ownRoutes() []*route {
	out := []*route{
		{method: "POST", path: "/session", index: -1, front: session},
		{method: "POST", path: "/grpc", index: -1, front: grpcUpgrade},
		{method: "GET", path: "/distribution/{name:.*}/json", index: -1, front: distribution},
	}
	for _, p := range []string{"/debug/vars", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/profile", "/debug/pprof/symbol", "/debug/pprof/trace", "/debug/pprof/{name}"} {
		out = append(out, &route{method: "GET", path: p, index: -1, front: debug})
	}
	if s.p.Era == persona.Era20 {
		out = append(out, &route{method: "POST", path: "/containers/{name:.*}/copy", index: -1, front: copy20})
	}
	return out
}

// fronts are the handlers of ours before or in place of Docker's, for this release.
func (s *Server) fronts() map[string]front {
	m := map[string]front{
		"GET /version":                      version,
		"GET /info":                         info,
		"GET /events":                       watch,
		"POST /images/create":               imagesCreate,
		"GET /system/df":                    diskUsage,
		"POST /plugins/create":              pluginCreate,
		"GET /containers/{name:.*}/archive": streamed,
	}
	if s.p.Era == persona.Era20 {
		m["GET /_ping"], m["HEAD /_ping"] = ping20, ping20
		for k, f := range fronts20 {
			m[k] = f
		}
	}
	if s.p.Era == persona.Era26 {
		for k, f := range fronts26 {
			m[k] = f
		}
	}
	for _, k := range []string{"POST /swarm/init", "POST /swarm/join"} {
		m[k] = after(m[k], swarmListen)
	}
	m["GET /images/search"] = after(m["GET /images/search"], searchTerm)
	return m
}

// detail is an entry of /version's Details; the daemon keeps them as a map, so
// they come out sorted by key.
type detail map[string]string

type component struct {
	Name    string
	Version string
	Details detail `json:",omitempty"`
}

// version is system.SystemVersion: all but the kernel is the persona's.
func version(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	v, err := c.d.System.SystemVersion(ctx)
	if err != nil {
		return err
	}
	p := c.s.p
	arch := v.Arch
	if arch == "" {
		arch = "amd64"
	}
	var out struct {
		Platform      struct{ Name string }
		Components    []component `json:",omitempty"`
		Version       string
		APIVersion    string `json:"ApiVersion"`
		MinAPIVersion string `json:"MinAPIVersion,omitempty"`
		GitCommit     string
		GoVersion     string
		Os            string
		Arch          string
		KernelVersion string `json:",omitempty"`
		Experimental  bool   `json:",omitempty"`
		BuildTime     string `json:",omitempty"`
	}
	out.Platform.Name = p.Platform
	out.Components = []component{
		{"Engine", p.Version, detail{"ApiVersion": p.API, "Arch": arch, "BuildTime": p.BuildTime, "Experimental": "false",
			"GitCommit": p.GitCommit, "GoVersion": p.GoVersion, "KernelVersion": v.KernelVersion, "MinAPIVersion": p.MinAPI, "Os": "linux"}},
	}
	for _, x := range []persona.Component{p.Containerd, p.Runc, p.Init} {
		out.Components = append(out.Components, component{x.Name, x.Version, detail{"GitCommit": x.Commit}})
	}
	out.Version, out.APIVersion, out.MinAPIVersion = p.Version, p.API, p.MinAPI
	out.GitCommit, out.GoVersion, out.Os, out.Arch = p.GitCommit, p.GoVersion, "linux", arch
	out.KernelVersion, out.BuildTime = v.KernelVersion, p.BuildTime
	return httputils.WriteJSON(w, http.StatusOK, out)
}

// watch is system.getEvents with the world's clock. Its timer runs on the wall.
func watch(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	since, err := eventTime(r.Form.Get("since"))
	if err != nil {
		return err
	}
	until, err := eventTime(r.Form.Get("until"))
	if err != nil {
		return err
	}
	var timeout <-chan time.Time
	past := false
	if !until.IsZero() {
		if until.Before(since) {
			return errInvalid(fmt.Sprintf("`since` time (%s) cannot be after `until` time (%s)", r.Form.Get("since"), r.Form.Get("until")))
		}
		now := c.s.now()
		if past = until.Before(now); !past {
			t := time.NewTimer(until.Sub(now))
			defer t.Stop()
			timeout = t.C
		}
	}
	ef, err := c.s.filters(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	out := ioutils.NewWriteFlusher(w)
	defer out.Close()
	out.Flush()
	enc := json.NewEncoder(out)
	// The image's create event came with API 1.46.
	skip := func(m events.Message) bool { return false }
	if versions.LessThan(httputils.VersionFromContext(ctx), "1.46") {
		skip = func(m events.Message) bool { return m.Type == "image" && m.Action == "create" }
	}
	buffered, l := c.d.System.SubscribeToEvents(since, until, ef)
	defer c.d.System.UnsubscribeFromEvents(l)
	for _, ev := range buffered {
		if !skip(ev) {
			if err := enc.Encode(ev); err != nil {
				return nil
			}
		}
	}
	if past {
		return nil
	}
	for {
		select {
		case ev, open := <-l:
			if !open {
				return nil
			}
			if m, ok := ev.(events.Message); ok && !skip(m) {
				if err := enc.Encode(m); err != nil {
					return nil
				}
			}
		case <-timeout:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

func eventTime(v string) (time.Time, error) {
	t, ns, err := timetypes.ParseTimestamps(v, -1)
	if err != nil || t == -1 {
		return time.Time{}, err
	}
	return time.Unix(t, ns), nil
}

// filters parses the filters parameter. Releases before 28 hand on the decoder's
// own error, of no kind.
func (s *Server) filters(r *http.Request) (filters.Args, error) {
	v := r.Form.Get("filters")
	a, err := filters.FromJSON(v)
	if err != nil && s.p.Era == persona.Era20 {
		return a, filterError20(v)
	}
	return a, err
}

// imagesCreate pulls by Docker's handler and imports by ours: that one would
// download what fromSrc names by itself.
func imagesCreate(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	if r.Form.Get("fromImage") != "" {
		return next(ctx, w, r, c.vars)
	}
	out := ioutils.NewWriteFlusher(w)
	defer out.Close()
	w.Header().Set("Content-Type", "application/json")
	var platform *ocispec.Platform
	if versions.GreaterThanOrEqualTo(httputils.VersionFromContext(ctx), "1.32") {
		if p := r.FormValue("platform"); p != "" {
			sp, err := platforms.Parse(p)
			if err != nil {
				return invalid{err}
			}
			platform = &sp
		}
	}
	src := r.Form.Get("fromSrc")
	// 20.10 looks at the reference last, in the image service.
	ref, err := httputils.RepoTagReference(r.Form.Get("repo"), r.Form.Get("tag"))
	if err != nil {
		return invalid{err}
	}
	msg := r.Form.Get("message")
	if msg == "" {
		msg = "Imported from " + src
	}
	defer r.Body.Close()
	var layer io.ReadCloser = r.Body
	if src != "-" {
		if !strings.Contains(src, "://") {
			src = "http://" + src
		}
		u, err := url.Parse(src)
		if err != nil {
			return invalid{err}
		}
		if err := fetchable(u); err != nil {
			return err
		}
		body, size, err := c.d.Images.FetchImport(ctx, u.String())
		if err != nil {
			return err
		}
		_, _ = out.Write(streamformatter.FormatStatus("", "Downloading from %s", u))
		layer = progress.NewProgressReader(body, streamformatter.NewJSONProgressOutput(out, true), size, "", "Importing")
		defer layer.Close()
	}
	id, err := c.d.Images.ImportImage(ctx, ref, platform, msg, layer, r.Form["changes"])
	err = images{p: c.s.p}.unwrapTar(err)
	if err == nil {
		_, _ = out.Write(streamformatter.FormatStatus("", "%v", id))
		return nil
	}
	if !out.Flushed() {
		return err
	}
	_, text := reword(c.s.words(), c.rt.String(), 0, err.Error())
	_, _ = out.Write(streamformatter.FormatError(errors.New(text)))
	return nil
}

// fetchable are the errors net/http's client has for a URL before it dials.
func fetchable(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return raw(fmt.Sprintf("Get %q: unsupported protocol scheme %q", u.String(), u.Scheme))
	case u.Host == "":
		return raw(fmt.Sprintf("Get %q: http: no Host in request URL", u.String()))
	}
	return nil
}

// diskUsage refuses a second question while the first is being answered, as the
// daemon does.
func diskUsage(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if c.s.p.Era == persona.Era20 {
		select {
		case c.s.df <- struct{}{}:
			defer func() { <-c.s.df }()
		default:
			return raw("a disk usage operation is already running")
		}
	}
	return next(ctx, w, r, c.vars)
}

// after runs a check between a front, which may be nil, and Docker's handler.
func after(f front, check func(ctx context.Context, c *call, r *http.Request) error) front {
	return func(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
		then := func(ctx context.Context, w http.ResponseWriter, r *http.Request, vars map[string]string) error {
			if err := check(ctx, c, r); err != nil {
				return err
			}
			return next(ctx, w, r, vars)
		}
		if f == nil {
			return then(ctx, w, r, c.vars)
		}
		return f(ctx, c, w, r, then)
	}
}

// peekJSON decodes the body's first value and leaves the body as it is.
func peekJSON(r *http.Request, v any) error {
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxJSON))
	if err != nil {
		return err
	}
	n := r.ContentLength
	r.Body = io.NopCloser(bytes.NewReader(b))
	r.ContentLength = n
	return json.NewDecoder(bytes.NewReader(b)).Decode(v)
}

// ifName is what may name a network interface.
var ifName = regexp.MustCompile(`^(lo|eth|en|wl|br|docker|bond|veth|tun|wg)[a-z0-9-]*$`)

// swarmListen is what cluster.validateAndSanitize{Init,Join}Request and
// resolveListenAddr ask of a listening address on a node in no swarm.
func swarmListen(_ context.Context, c *call, r *http.Request) error {
	var req struct{ ListenAddr string }
	if err := peekJSON(r, &req); err != nil || c.d.Swarm.Status() != "inactive" {
		return nil //nolint:nilerr // the handler words it
	}
	if req.ListenAddr == "" {
		return errInvalid(`invalid ListenAddr "": invalid empty address`)
	}
	host := strings.TrimPrefix(req.ListenAddr, "tcp://")
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if net.ParseIP(strings.Trim(host, "[]")) == nil && !ifName.MatchString(host) {
		return errInvalid("listen address must be an IP address or network interface (with optional port number)")
	}
	return nil
}

// searchTerm refuses a term with a scheme once the filters are accepted.
func searchTerm(_ context.Context, c *call, r *http.Request) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	t := r.Form.Get("term")
	if f := r.Form.Get("filters"); f == "" && strings.Contains(t, "://") && r.Form.Get("limit") == "" {
		return errInvalid("invalid repository name: repository name (" + t + ") should not have a scheme")
	}
	return nil
}

// pluginCreate reads the name before the archive.
func pluginCreate(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	if _, err := reference.ParseNormalizedNamed(r.Form.Get("name")); err != nil {
		return raw("failed to parse reference " + r.Form.Get("name") + ": " + err.Error())
	}
	return next(ctx, w, r, c.vars)
}

// streamed sends the first piece of an answer at once, however short the answer is.
func streamed(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error {
	return next(ctx, &firstFlush{ResponseWriter: w}, r, c.vars)
}

type firstFlush struct {
	http.ResponseWriter
	done bool
}

func (w *firstFlush) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	if f, ok := w.ResponseWriter.(http.Flusher); ok && !w.done {
		w.done = true
		f.Flush()
	}
	return n, err
}

// upgradable checks an h2c upgrade; the two routes differ in the error's kind.
func upgradable(r *http.Request) (string, error) {
	proto := r.Header.Get("Upgrade")
	if proto == "" {
		return "", raw("no upgrade proto in request")
	}
	if proto != "h2c" {
		return "", raw("protocol " + proto + " not supported")
	}
	return proto, nil
}

// session is BuildKit's session manager: the client becomes the server of an
// HTTP/2 connection the daemon asks things over. Ours asks nothing, and keeps the
// connection until the client leaves.
func session(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	proto, err := upgradable(r)
	if err != nil {
		return invalid{err}
	}
	conn, err := upgrade(w, proto)
	if err != nil {
		return err
	}
	defer conn.Close()
	// The daemon is the client of this connection: it speaks first.
	_, _ = io.WriteString(conn, http2.ClientPreface)
	fr := http2.NewFramer(conn, conn)
	_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
	drainH2(fr)
	return nil
}

// grpcUpgrade is the daemon's gRPC server for BuildKit's clients. It answers every
// call with UNIMPLEMENTED, as a daemon whose builder offers no such service.
func grpcUpgrade(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	proto, err := upgradable(r)
	if err != nil {
		return err
	}
	conn, err := upgrade(w, proto)
	if err != nil {
		return err
	}
	defer conn.Close()
	srv := &http2.Server{MaxConcurrentStreams: 100} //nolint:staticcheck // net/http serves HTTP/2 only on what it accepts itself
	//nolint:staticcheck // as above
	srv.ServeConn(conn, &http2.ServeConnOpts{Context: ctx, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", "12")
		w.Header().Set("Grpc-Message", "unknown service "+parts[0])
	})})
	return nil
}

func upgrade(w http.ResponseWriter, proto string) (net.Conn, error) {
	h, ok := w.(http.Hijacker)
	if !ok {
		return nil, raw("handler does not support hijack")
	}
	conn, _, err := h.Hijack()
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+proto+"\r\n\r\n")
	return conn, err
}

// drainH2 keeps an HTTP/2 connection polite until it ends, for at most an hour.
func drainH2(fr *http2.Framer) {
	end := time.Now().Add(time.Hour)
	for time.Now().Before(end) {
		f, err := fr.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = fr.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				_ = fr.WritePing(true, f.Data)
			}
		case *http2.GoAwayFrame:
			return
		}
	}
}

// distribution asks the world about a reference in a registry.
func distribution(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, _ httputils.APIFunc) error {
	if err := httputils.ParseForm(r); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	ref, err := reference.ParseAnyReference(c.vars["name"])
	if err != nil {
		return invalid{err}
	}
	named, ok := ref.(reference.Named)
	if !ok {
		if _, digested := ref.(reference.Digested); digested {
			return errInvalid("no manifest found for full sha256")
		}
		return errInvalid(fmt.Sprintf("unknown image reference format: %s", c.vars["name"]))
	}
	auth, _ := registry.DecodeAuthConfig(r.Header.Get(registry.AuthHeader))
	d, err := c.d.Distribution.DistributionInfo(ctx, named, auth)
	if err != nil {
		return err
	}
	return httputils.WriteJSON(w, http.StatusOK, d)
}

func atoi(v string) error {
	_, err := strconv.Atoi(v)
	return err
}
