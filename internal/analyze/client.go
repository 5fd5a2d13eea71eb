package analyze

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/whalefall/whalefall/internal/event"
)

var reDockerUA = regexp.MustCompile(`(?i)docker-client/([0-9][\w.+~-]*)|docker/([0-9][\w.+~-]*) go/`)

// client names the program that spoke, as far as the field knows it.
func client(evs []*event.Event, reqs []Request) string {
	var libpod, bare, paths bool
	uas := map[string]int{}
	// Where several programs spoke, the one that acted names the session.
	if n := acting(reqs); len(n) > 0 && len(n) < len(reqs) {
		if c := client(nil, n); c != "unnamed" && c != "other" {
			return c
		}
	}
	for _, r := range reqs {
		ua := r.UserAgent
		uas[ua]++
		low := strings.ToLower(ua)
		if m := reDockerUA.FindStringSubmatch(ua); m != nil {
			v := m[1]
			if v == "" {
				v = m[2]
			}
			return "docker CLI " + v
		}
		for _, k := range [][2]string{{"zgrab", "zgrab"}, {"censys", "Censys"}, {"nmap", "nmap"}, {"masscan", "masscan"}, {"shodan", "Shodan"}, {"expanse", "Palo Alto Xpanse"},
			{"internetmeasurement", "InternetMeasurement"}, {"docker-sdk-python", "Docker SDK for Python"}, {"python-requests", "python-requests"}, {"python-urllib", "Python urllib"},
			{"aiohttp", "aiohttp"}, {"curl/", "curl"}, {"wget/", "wget"}, {"libwww-perl", "libwww-perl"}, {"nuclei", "nuclei"}, {"netsystemsresearch", "NetSystemsResearch"},
			{"leakix", "LeakIX"}, {"portainer", "Portainer"}, {"traefik", "traefik"}, {"okhttp", "OkHttp"}, {"java/", "Java"}, {"axios", "axios"}, {"node-fetch", "node-fetch"}} {
			if strings.Contains(low, k[0]) {
				if i := strings.Index(low, k[0]); k[0] == "curl/" || k[0] == "wget/" {
					v := strings.Fields(ua[i+len(k[0]):])
					if len(v) > 0 {
						return k[1] + " " + v[0]
					}
				}
				return k[1]
			}
		}
		if strings.Contains(r.URL, "/libpod/") {
			libpod = true
		}
		if ua == "" {
			bare = true
		}
		if strings.HasPrefix(r.URL, "/nice%20ports") {
			paths = true
		}
	}
	switch {
	case libpod:
		return "podman"
	case paths:
		return "nmap"
	}
	for ua := range uas {
		if strings.HasPrefix(ua, "Go-http-client") {
			return "Go net/http"
		}
		if strings.HasPrefix(ua, "Mozilla/") {
			return "browser or its imitation"
		}
	}
	if len(reqs) == 0 {
		for _, e := range evs {
			if e.Kind == event.ConnBytes {
				return "no HTTP"
			}
		}
		return "none"
	}
	if bare {
		return "unnamed"
	}
	return "other"
}

// acting gives the requests that change a Docker host.
func acting(reqs []Request) []Request {
	var out []Request
	for _, r := range reqs {
		if p, _ := apiPath(r.URL); isDocker(p) && r.Method != "GET" && r.Method != "HEAD" && r.Method != "OPTIONS" {
			out = append(out, r)
		}
	}
	return out
}

var webExploit = regexp.MustCompile(`(?i)/\.env|phpunit|/vendor/|/cgi-bin/|/wp-|/actuator|/solr/|/boaform|/HNAP1|/setup\.cgi|/_ignition|/\.git/|/shell\?|/manager/html|/owa/|/ReportServer|/telescope|\.php|\.asp|\.jsp|/login|/api/jsonws|/druid/|/geoserver|/console/|/struts|/mgmt/|/remote/|/autodiscover|/ecp/|jndi:|/robots\.txt|/sitemap|\.js$|\.css$|/admin|/h5/|/app/`)

// kind says what sort of visitor this is, and why.
func kind(reqs []Request, st *story) (string, []string) {
	var docker, other, proxy, exploit, root int
	for _, r := range reqs {
		p, _ := apiPath(r.URL)
		if r.Method == "CONNECT" || strings.Contains(r.URL, "://") {
			if u, err := url.Parse(r.URL); r.Method == "CONNECT" || err == nil && u.Host != "" {
				proxy++
				continue
			}
		}
		switch {
		case isDocker(p):
			docker++
		case p == "/" || p == "/favicon.ico" || r.Method == "OPTIONS":
			root++
		case webExploit.MatchString(r.URL):
			exploit++
		default:
			other++
		}
	}
	switch {
	case st.acted > 0:
		return "docker-attacker", []string{fmt.Sprintf("%d requests that change a Docker host", st.acted)}
	case docker > 0 && docker >= exploit:
		if st.inventory {
			return "prober", []string{"asked what is on the Docker host, changed nothing"}
		}
		if docker <= 4 && onlyHello(reqs) {
			return "scanner", []string{"asked only who is there"}
		}
		return "prober", []string{fmt.Sprintf("%d reads of the Docker API", docker)}
	case proxy > 0:
		return "proxy-seeker", []string{fmt.Sprintf("%d requests for other hosts", proxy)}
	case exploit > 0:
		return "web-exploit", []string{fmt.Sprintf("%d requests for paths of web applications", exploit)}
	}
	return "scanner", []string{fmt.Sprintf("%d requests for / or unknown paths", root+other)}
}

func onlyHello(reqs []Request) bool {
	for _, r := range reqs {
		p, _ := apiPath(r.URL)
		if p != "/version" && p != "/_ping" && p != "/" && p != "/favicon.ico" && p != "/info" {
			return false
		}
	}
	return true
}

var dockerPrefixes = []string{"/_ping", "/version", "/info", "/containers", "/images", "/networks", "/volumes", "/exec", "/build", "/events", "/system", "/auth", "/swarm",
	"/nodes", "/services", "/tasks", "/secrets", "/configs", "/plugins", "/distribution", "/commit", "/session", "/grpc", "/libpod"}

func isDocker(p string) bool {
	for _, d := range dockerPrefixes {
		if p == d || strings.HasPrefix(p, d+"/") {
			return true
		}
	}
	return false
}
