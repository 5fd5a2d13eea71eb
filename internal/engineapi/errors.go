package engineapi

import (
	"errors"
	"regexp"
	"strings"

	"github.com/docker/docker/api/server/httpstatus"
)

// failure is an error of ours with its status.
type failure struct {
	status int
	text   string
}

func (f *failure) Error() string { return f.text }

// The kinds that httpstatus knows by method.

type notFound struct{ error }

func (notFound) NotFound() {}

type invalid struct{ error }

func (invalid) InvalidParameter() {}

type unavailable struct{ error }

func (unavailable) Unavailable() {}

func errNotFound(s string) error { return notFound{errors.New(s)} }
func errInvalid(s string) error  { return invalid{errors.New(s)} }

// raw is an error of no kind: status 500.
func raw(s string) error { return errors.New(s) }

var errNoSwarm = unavailable{errors.New(`This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`)}

// status and text of an error as today's release gives them.
func judge(err error) (int, string) {
	var f *failure
	if errors.As(err, &f) {
		return f.status, f.text
	}
	return httpstatus.FromError(err), err.Error()
}

// rewording turns today's words into an older release's. Where route is set, it
// holds for that route alone ("POST /containers/create").
type rewording struct {
	route  string
	re     *regexp.Regexp
	to     string
	fn     func(m []string) string // instead of to
	status int                     // 0 keeps it
}

func say(route, re, to string, status int) rewording {
	return rewording{route: route, re: regexp.MustCompile(re), to: to, status: status}
}

func sayFn(route, re string, fn func(m []string) string, status int) rewording {
	return rewording{route: route, re: regexp.MustCompile(re), fn: fn, status: status}
}

// reword applies the first rewording that fits.
func reword(ws []rewording, route string, status int, text string) (int, string) {
	for _, x := range ws {
		if x.route != "" && !strings.HasPrefix(route, x.route) {
			continue
		}
		if m := x.re.FindStringSubmatchIndex(text); m != nil {
			var out string
			if x.fn != nil {
				out = x.fn(x.re.FindStringSubmatch(text))
			} else {
				out = string(x.re.ExpandString(nil, x.to, text, m))
			}
			text = text[:m[0]] + out + text[m[1]:]
			if x.status != 0 {
				status = x.status
			}
			return status, text
		}
	}
	return status, text
}

// wordsAll are said alike by all releases where a world says otherwise.
var wordsAll = []rewording{
	say("POST /containers/create", `^((?s)invalid volume specification: .*)$`, "$1", 500),
	say("POST /containers/create", `^(invalid mode: .*)$`, "$1", 500),
	say("POST /containers/create", `^(invalid --security-opt \d+: .*)$`, "$1", 500),
	say("POST /containers/create", `^logger: no log driver named '(.*)' is registered$`, `error looking up logging plugin $1: plugin "$1" not found`, 0),
	say("GET /containers/{name:.*}/logs", `^invalid value for "(?:since|until)": `, "", 500),
	say("POST /containers/{name:.*}/kill", `^(cannot kill container: \S+: )[cC]annot kill container: \S+: `, "$1", 0),
	say("GET /networks", `^(invalid filter: '?type'?='.*')$`, "$1", 500),
	say("GET /networks", `^[iI]nvalid filter 'dangling=.*'$`, `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`, 0),
	say("POST /networks/{id:.*}/disconnect", `^(container \S+ is not connected to network .*)$`, "$1", 500),
	say("POST /networks/{id:.*}/connect", `^(cannot connect container to host network - container must be created in host network)$`, "$1", 400),
	say("POST /swarm/unlock", `^This node is not part of a swarm$`, errNoSwarm.Error(), 0),
	say("GET /volumes/", `^get : no such volume$`, "get: no such volume", 0),
	say("POST /images/create", `^dockerfile parse error on line \d+: unknown instruction: (\S+)$`, "$1 is not a valid change command", 0),
	say("POST /commit", `^dockerfile parse error on line \d+: unknown instruction: (\S+)$`, "$1 is not a valid change command", 0),
}

// noPlugin is the error about a plugin that was looked for in vain.
var noPlugin = regexp.MustCompile(`plugin "[^"]*" not found$`)
