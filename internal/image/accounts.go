package image

import "strings"

// accounts are the users that images add to their base: lines of passwd, each with a
// group of its name and group number, as the images' Dockerfiles make them (from
// memory).
var accounts = map[string][]string{
	"nginx":           {"nginx:x:101:101:nginx user:/nonexistent:/bin/false"},
	"redis":           {"redis:x:999:999::/home/redis:/bin/sh"},
	"postgres":        {"postgres:x:999:999::/var/lib/postgresql:/bin/bash"},
	"mysql":           {"mysql:x:999:999::/var/lib/mysql:/bin/bash"},
	"mariadb":         {"mysql:x:999:999::/home/mysql:/bin/sh"},
	"mongo":           {"mongodb:x:999:999::/data/db:/bin/sh"},
	"memcached":       {"memcache:x:11211:11211::/home/memcache:/bin/sh"},
	"rabbitmq":        {"rabbitmq:x:999:999::/var/lib/rabbitmq:/bin/sh"},
	"node":            {"node:x:1000:1000::/home/node:/bin/bash"},
	"grafana/grafana": {"grafana:x:472:0:Linux User,,,:/home/grafana:/sbin/nologin"},
	"jenkins/jenkins": {"jenkins:x:1000:1000::/var/jenkins_home:/bin/bash"},
	"curlimages/curl": {"curl_user:x:100:101:Linux User,,,:/home/curl_user:/sbin/nologin"},
	"elasticsearch":   {"elasticsearch:x:1000:0::/usr/share/elasticsearch:/bin/bash"},
}

// owned are directories of images that belong to those users.
var owned = map[string][]Node{
	"nginx":           {{Path: "/var/cache/nginx", Mode: 0o755}, {Path: "/etc/nginx/conf.d", Mode: 0o755}, {Path: "/var/log/nginx", Mode: 0o755}, {Path: "/docker-entrypoint.d", Mode: 0o755}},
	"redis":           {{Path: "/data", Mode: 0o755, UID: 999, GID: 999}},
	"postgres":        {{Path: "/var/lib/postgresql", Mode: 0o1777, UID: 999, GID: 999}, {Path: "/var/lib/postgresql/data", Mode: 0o1777, UID: 999, GID: 999}, {Path: "/run/postgresql", Mode: 0o3777, UID: 999, GID: 999}, {Path: "/docker-entrypoint-initdb.d", Mode: 0o755}},
	"mariadb":         {{Path: "/var/lib/mysql", Mode: 0o755, UID: 999, GID: 999}, {Path: "/run/mysqld", Mode: 0o1777, UID: 999, GID: 999}, {Path: "/docker-entrypoint-initdb.d", Mode: 0o755}},
	"wordpress":       {{Path: "/var/www/html", Mode: 0o1777, UID: 33, GID: 33}, {Path: "/run/apache2", Mode: 0o755}, {Path: "/run/lock/apache2", Mode: 0o755, UID: 33}},
	"grafana/grafana": {{Path: "/var/lib/grafana", Mode: 0o777, UID: 472}, {Path: "/var/log/grafana", Mode: 0o777, UID: 472}, {Path: "/etc/grafana", Mode: 0o777, UID: 472}},
	"prom/prometheus": {{Path: "/prometheus", Mode: 0o755, UID: 65534, GID: 65534}, {Path: "/etc/prometheus", Mode: 0o755, UID: 65534, GID: 65534}},
	"jenkins/jenkins": {{Path: "/var/jenkins_home", Mode: 0o755, UID: 1000, GID: 1000}, {Path: "/usr/share/jenkins", Mode: 0o755}},
	"node":            {{Path: "/home/node", Mode: 0o755, UID: 1000, GID: 1000}},
}

// users writes the accounts beside those of a base.
func (t *Tree) users(base *Tree, lines []string) {
	text := func(p string) (Node, bool) {
		i, ok := base.index[p]
		if !ok {
			return Node{}, false
		}
		return base.nodes[i], true
	}
	for _, l := range lines {
		f := strings.Split(l, ":")
		for p, add := range map[string]string{"/etc/passwd": l, "/etc/group": f[0] + ":x:" + f[3] + ":", "/etc/shadow": f[0] + ":!:19840::::::"} {
			n, ok := text(p)
			if !ok || p == "/etc/group" && f[3] == "0" {
				continue
			}
			n.Text += add + "\n"
			t.put(n)
		}
	}
}
