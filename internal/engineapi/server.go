package engineapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/containerd/log"
	"github.com/docker/docker/api/server/httputils"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/dockerversion"
	"github.com/gorilla/mux"
	"github.com/sirupsen/logrus"

	"github.com/whalefall/whalefall/internal/persona"
)

// versionPrefix is how every release matches a version in a path.
const versionPrefix = "/v{version:[0-9.]+}"

// Config is what a server needs.
type Config struct {
	Persona *persona.Persona
	Worlds  Worlds
	// Logger takes what goes wrong inside; nil discards. What clients ask for is
	// the record's business and is never logged here.
	Logger *slog.Logger
	// Latency adds the persona's latency to answers.
	Latency bool
	// PluginWait is how long the daemon looks for a plugin nobody has; 0 is its own 15 s.
	PluginWait time.Duration
	// Now is the clock that /events and /debug read; nil is the wall clock.
	Now func() time.Time
	// Started is when the daemon claims to have started; zero is the first request.
	Started time.Time
	// Args is the command line /debug shows; nil is the persona's.
	Args []string
}

// Server answers for a persona.
type Server struct {
	cfg    Config
	p      *persona.Persona
	mux    *mux.Router
	routes []*route
	log    *log.Entry
	now    func() time.Time
	df     chan struct{} // held while /system/df is computed
}

// route is an entry of the match table.
type route struct {
	method, path string
	index        int // in a world's table; -1: ours alone
	front        front
	span         persona.Span // what it takes
	spanForced   persona.Span // what it takes with force
	shape        func(version string, body []byte) []byte
}

func (r *route) String() string { return r.method + " " + r.path }

// call is a request on its way.
type call struct {
	s    *Server
	rt   *route
	d    *Daemon
	vars map[string]string
}

// front is a handler of ours. next is Docker's, nil where it has none.
type front func(ctx context.Context, c *call, w http.ResponseWriter, r *http.Request, next httputils.APIFunc) error

// New makes a server. It panics on a persona that no code stands behind.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.PluginWait == 0 {
		cfg.PluginWait = 15 * time.Second
	}
	if cfg.Args == nil {
		cfg.Args = cfg.Persona.Args
	}
	s := &Server{cfg: cfg, p: cfg.Persona, now: cfg.Now, df: make(chan struct{}, 1), log: quietLogger(cfg.Logger)}
	i := 0
	for _, r := range routersOf(&Daemon{}, s.p) {
		for _, x := range r.Routes() {
			s.add(&route{method: x.Method(), path: x.Path(), index: i})
			i++
		}
	}
	for _, own := range s.ownRoutes() {
		s.add(own)
	}
	s.build()
	return s
}

// add puts a route into the table unless the release lacks it. A later route of the
// same name takes the place of Docker's.
func (s *Server) add(r *route) {
	if s.p.Era < persona.Era26 && r.method == http.MethodPut && strings.HasPrefix(r.path, "/volumes/") {
		return
	}
	for _, x := range s.routes {
		if x.method == r.method && x.path == r.path {
			if r.front != nil {
				x.front = r.front
			}
			return
		}
	}
	s.routes = append(s.routes, r)
}

// build makes the match table as api/server.CreateMux does.
func (s *Server) build() {
	m := mux.NewRouter()
	fronts, shapes := s.fronts(), s.shapes()
	for _, r := range s.routes {
		if f := fronts[r.String()]; f != nil {
			r.front = f
		}
		r.shape = shapes[r.String()]
		r.span, r.spanForced = s.p.Latency(r.String()), s.p.Latency(r.String()+"?force")
		h := s.handler(r)
		if strings.HasPrefix(r.path, "/debug/") && s.p.Era < persona.Era28 {
			// Before 28 the daemon hangs its debug router beside the others: any method, no version.
			m.Path(r.path).Handler(h)
			continue
		}
		m.Path(versionPrefix + r.path).Methods(r.method).Handler(h)
		m.Path(r.path).Methods(r.method).Handler(h)
	}
	nf := handlerFunc(func(w http.ResponseWriter, r *http.Request, vars map[string]string) {
		s.answer(w, vars["version"], s.p.Era == persona.Era20, http.StatusNotFound, "page not found")
	})
	m.Handle(versionPrefix+"/{path:.*}", nf)
	m.NotFoundHandler = nf
	m.MethodNotAllowedHandler = nf
	s.mux = m
}

// handlerFunc is a handler that takes the path's variables as they are: the mux
// would copy the request twice to put them into its context.
type handlerFunc func(w http.ResponseWriter, r *http.Request, vars map[string]string)

func (f handlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) { f(w, r, mux.Vars(r)) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A path that is not clean is the mux's to redirect.
	if p := r.URL.Path; strings.HasPrefix(p, "/") && !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		var m mux.RouteMatch
		if s.mux.Match(r, &m) {
			if h, ok := m.Handler.(handlerFunc); ok {
				h(w, r, m.Vars)
				return
			}
		}
	}
	s.mux.ServeHTTP(w, r)
}

// handler is what the mux calls for a route.
func (s *Server) handler(rt *route) http.Handler {
	return handlerFunc(func(w http.ResponseWriter, r *http.Request, vars map[string]string) {
		ctx := context.WithValue(log.WithLogger(r.Context(), s.log), dockerversion.UAStringKey{}, r.Header.Get("User-Agent"))
		caller, known := CallerFrom(ctx)
		if !known {
			caller = callerOf(r)
			ctx = WithCaller(ctx, caller)
		}
		if cx, ok := s.cfg.Worlds.(Contexter); ok {
			ctx = cx.Context(ctx, caller)
		}
		if vars == nil {
			vars = map[string]string{}
		}
		h := w.Header()
		h.Set("Server", s.p.Server())
		h.Set("Api-Version", s.p.API)
		h.Set("Ostype", "linux")
		version := vars["version"]
		if version == "" {
			version = s.p.API
		}
		if msg := s.refused(version); msg != "" {
			s.answer(w, vars["version"], true, http.StatusBadRequest, msg)
			return
		}
		ctx = context.WithValue(ctx, httputils.APIVersionKey{}, version)
		h.Set("Docker-Experimental", "false")
		r = r.WithContext(ctx)
		pace := s.pace(rt, w, r)
		if pace != nil {
			w = pace
		}
		if err := s.run(ctx, rt, w, r, vars, version); err != nil {
			status, text := judge(err)
			if pace != nil && !atRuntime(text) {
				pace.hurry()
			}
			status, text = reword(wordsAll, rt.String(), status, text)
			if noPlugin.MatchString(text) && rt.method == http.MethodPost && strings.HasSuffix(rt.path, "/create") {
				// The daemon tries again with growing pauses before it gives up.
				pause(ctx, s.cfg.PluginWait.Seconds())
			}
			status, text = reword(s.words(), rt.String(), status, text)
			s.answer(w, vars["version"], true, status, text)
		}
		if pace != nil {
			pace.wait()
		}
	})
}

// run finds the world and calls the handler.
func (s *Server) run(ctx context.Context, rt *route, w http.ResponseWriter, r *http.Request, vars map[string]string, version string) error {
	caller, _ := CallerFrom(ctx)
	d, err := s.cfg.Worlds.Daemon(ctx, caller, query(rt, r, vars))
	if err != nil {
		s.cfg.Logger.Error("no world for a request", "route", rt.String(), "err", err)
		return raw("context canceled")
	}
	var next httputils.APIFunc
	if rt.index >= 0 {
		next = s.handlersOf(d).handlers[rt.index]
	}
	if rt.shape != nil {
		sw := &shaper{ResponseWriter: w, shape: rt.shape, version: version}
		defer sw.finish()
		w = sw
	}
	if rt.front != nil {
		return rt.front(ctx, &call{s, rt, d, vars}, w, r, next)
	}
	return next(ctx, w, r, vars)
}

// refused says why a version is not served, or nothing.
func (s *Server) refused(v string) string {
	if versions.LessThan(v, s.p.MinAPI) {
		return "client version " + v + " is too old. Minimum supported API version is " + s.p.MinAPI + ", please upgrade your client to a newer version"
	}
	if versions.GreaterThan(v, s.p.API) {
		return "client version " + v + " is too new. Maximum supported API version is " + s.p.API
	}
	return ""
}

// answer writes an error. plain says whether old clients get plain text at this
// place; who is old, the release says.
func (s *Server) answer(w http.ResponseWriter, version string, plain bool, status int, text string) {
	old := false
	switch {
	case version == "":
	case s.p.Era == persona.Era20:
		// "greater than 1.23" speaks JSON, compared as dotted numbers.
		old = !versions.GreaterThan(version, "1.23")
	case s.p.Era >= persona.Era28:
		old = versions.LessThan(version, "1.24")
	}
	if old && plain {
		http.Error(w, text, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(struct {
		Message string `json:"message"`
	}{text})
}

// query collects what the choice of a world needs.
func query(rt *route, r *http.Request, vars map[string]string) Query {
	q := Query{Method: rt.method, Route: rt.path}
	switch rt.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		q.Changes = rt.path != "/auth" && rt.path != "/session" && rt.path != "/grpc" && !strings.HasPrefix(rt.path, "/debug/")
	}
	for _, k := range []string{"name", "id"} {
		if v := vars[k]; v != "" {
			q.Names = append(q.Names, v)
		}
	}
	if raw := r.URL.RawQuery; raw != "" && len(raw) < 64<<10 {
		v := r.URL.Query()
		for _, k := range []string{"container", "fromImage", "repo", "names", "name", "since", "before"} {
			q.Names = append(q.Names, v[k]...)
		}
	}
	return q
}

type connKey struct{}

// ConnContext belongs in http.Server.ConnContext: it lets the server know the
// recorded connection a request came over.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// recorded is what package record's connections tell.
type recorded interface {
	ID() string
	Source() netip.AddrPort
	Local() netip.AddrPort
	Gone() <-chan struct{}
	Answering() uint32
}

func callerOf(r *http.Request) Caller {
	if c, ok := r.Context().Value(connKey{}).(recorded); ok {
		return Caller{Source: c.Source().Addr(), Port: c.Source().Port(), Local: c.Local(), Conn: c.ID(), Req: c.Answering(), Gone: c.Gone()}
	}
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return Caller{}
	}
	return Caller{Source: ap.Addr().Unmap(), Port: ap.Port()}
}

// shaper holds back a JSON answer until it is whole and gives it the release's shape.
type shaper struct {
	http.ResponseWriter
	shape   func(string, []byte) []byte
	version string
	status  int
	buf     []byte
	through bool
}

func (w *shaper) WriteHeader(code int) {
	w.status = code
	if code != http.StatusOK && code != http.StatusCreated {
		w.through = true
		w.ResponseWriter.WriteHeader(code)
	}
}

func (w *shaper) Write(p []byte) (int, error) {
	if w.through {
		return w.ResponseWriter.Write(p)
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// Flush is for handlers that stream; a shaped answer does not.
func (w *shaper) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok && w.through {
		f.Flush()
	}
}

func (w *shaper) finish() {
	if w.through || w.status == 0 && w.buf == nil {
		return
	}
	b := w.shape(w.version, w.buf)
	if w.status != 0 {
		w.ResponseWriter.WriteHeader(w.status)
	}
	_, _ = w.ResponseWriter.Write(b)
}

// quietLogger takes what Docker's handlers log.
func quietLogger(to *slog.Logger) *log.Entry {
	l := logrus.New()
	l.SetOutput(io.Discard)
	l.SetLevel(logrus.WarnLevel)
	l.AddHook(&slogHook{to})
	return logrus.NewEntry(l)
}

type slogHook struct{ to *slog.Logger }

func (h *slogHook) Levels() []logrus.Level {
	return []logrus.Level{logrus.PanicLevel, logrus.FatalLevel}
}
func (h *slogHook) Fire(e *logrus.Entry) error {
	h.to.Error("docker handler", "msg", e.Message)
	return nil
}

// HTTPServer makes the http.Server that dockerd makes: its one time-out, and nothing
// else that cuts a silent client off.
func HTTPServer(s *Server, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Minute,
		ConnContext:       ConnContext,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}
