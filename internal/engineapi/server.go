package engineapi

import (
	"log/slog"
	"net/http"

	"github.com/whalefall/whalefall/internal/persona"
)

// Config is what a server needs.
type Config struct {
	Persona *persona.Persona
	Worlds  Worlds
	// Logger takes what goes wrong inside; nil discards. What clients ask for is
	// the record's business and is never logged here.
	Logger *slog.Logger
	// Latency adds the persona's latency to answers.
	Latency bool
}

// Server answers for a persona.
type Server struct {
	cfg Config
}

// New makes a server.
func New(cfg Config) *Server { return &Server{cfg: cfg} }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}
