package world

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
)

// lived is a container that a lived-in host has.
type lived struct {
	name, image string
	cmd         []string // as shown; nil takes the image's
	env         []string // $PW is the password of the project's database
	ports       map[string]string
	volume      string // name and destination
	dest        string
	bind, dir   string // a directory of the project's, where it is in the container
	needs       []string
	dead        bool
	network     bool // in the project's own network
	size        int64
}

// stacks are what hosts of this kind run: one is picked, and named after a
// project of the installation's own.
var stacks = [][]lived{
	{{name: "nginx", image: "nginx", ports: map[string]string{"80/tcp": "80", "443/tcp": "443"}, network: true, needs: []string{"app"}, bind: "nginx", dir: "/etc/nginx/conf.d"},
		{name: "app", image: "node", cmd: []string{"node", "dist/main.js"}, env: []string{"NODE_ENV=production", "PORT=3000", "DATABASE_URL=postgres://app:$PW@postgres:5432/app", "REDIS_URL=redis://redis:6379"}, network: true, needs: []string{"postgres", "redis"}, bind: "app", dir: "/app"},
		{name: "postgres", image: "postgres", env: []string{"POSTGRES_PASSWORD=$PW", "POSTGRES_USER=app", "POSTGRES_DB=app"}, volume: "pgdata", dest: "/var/lib/postgresql/data", network: true, size: 91 << 20},
		{name: "redis", image: "redis", volume: "redisdata", dest: "/data", network: true, size: 2 << 20}},
	{{name: "web", image: "wordpress", ports: map[string]string{"80/tcp": "8080"}, env: []string{"WORDPRESS_DB_HOST=db", "WORDPRESS_DB_USER=wp", "WORDPRESS_DB_PASSWORD=$PW", "WORDPRESS_DB_NAME=wordpress"}, volume: "wp", dest: "/var/www/html", network: true, needs: []string{"db"}, size: 210 << 20},
		{name: "db", image: "mariadb", env: []string{"MYSQL_PASSWORD=$PW", "MYSQL_DATABASE=wordpress", "MYSQL_USER=wp", "MYSQL_RANDOM_ROOT_PASSWORD=1"}, volume: "dbdata", dest: "/var/lib/mysql", network: true, size: 180 << 20}},
	{{name: "grafana", image: "grafana/grafana", ports: map[string]string{"3000/tcp": "3000"}, volume: "grafana", dest: "/var/lib/grafana", network: true, size: 41 << 20},
		{name: "prometheus", image: "prom/prometheus", ports: map[string]string{"9090/tcp": "9090"}, volume: "prometheus", dest: "/prometheus", network: true, bind: "prometheus", dir: "/etc/prometheus", size: 1300 << 20},
		{name: "node-exporter", image: "prom/node-exporter", network: true}},
	{{name: "gateway", image: "traefik", ports: map[string]string{"80/tcp": "80"}, network: true},
		{name: "api", image: "python", cmd: []string{"gunicorn", "-w", "4", "-b", "0.0.0.0:8000", "app.wsgi"}, env: []string{"DJANGO_SETTINGS_MODULE=app.settings.production", "DATABASE_URL=postgres://postgres:$PW@db:5432/api"}, network: true, needs: []string{"db", "redis"}, bind: "src", dir: "/app"},
		{name: "worker", image: "python", cmd: []string{"celery", "-A", "app", "worker", "-l", "info"}, env: []string{"DJANGO_SETTINGS_MODULE=app.settings.production", "DATABASE_URL=postgres://postgres:$PW@db:5432/api"}, network: true, needs: []string{"redis"}, bind: "src", dir: "/app"},
		{name: "redis", image: "redis", volume: "redisdata", dest: "/data", network: true, size: 1 << 20},
		{name: "db", image: "postgres", env: []string{"POSTGRES_PASSWORD=$PW", "POSTGRES_DB=api"}, volume: "db", dest: "/var/lib/postgresql/data", network: true, size: 240 << 20}},
	{{name: "registry", image: "registry", ports: map[string]string{"5000/tcp": "5000"}, volume: "registry", dest: "/var/lib/registry", size: 3 << 30},
		{name: "jenkins", image: "jenkins/jenkins", ports: map[string]string{"8080/tcp": "8080", "50000/tcp": "50000"}, volume: "jenkins_home", dest: "/var/jenkins_home", size: 1 << 30},
		{name: "migrate", image: "alpine", cmd: []string{"/bin/sh", "-c", "tar czf /backup/backup.tgz /data"}, dead: true}},
}

// password is that of the project's database.
func (h *Host) password() string { return h.hexID("env", "database")[:18] }

func (h *Host) project() string {
	r := h.rng("project")
	p := hostWords[r.IntN(len(hostWords))]
	switch r.IntN(4) {
	case 0:
		p += "-prod"
	case 1:
		p = hostColors[r.IntN(len(hostColors))]
	case 2:
		p = hostColors[r.IntN(len(hostColors))] + "-" + p
	}
	return p
}

func (h *Host) stack() []lived { return stacks[h.rng("stack").IntN(len(stacks))] }

// livedNames are the lived-in containers' names, in the order of the stack.
func (h *Host) livedNames() []string {
	sep, suffix := "_", "_1"
	if h.cfg.Release.Era >= 26 || h.rng("compose").IntN(3) > 0 {
		sep, suffix = "-", "-1"
	}
	var out []string
	for _, l := range h.stack() {
		out = append(out, "/"+h.project()+sep+l.name+suffix)
	}
	return out
}

// liveIn fills a new world with what a lived-in host has: the same in each world
// of an installation and in its base host.
func (w *World) liveIn() {
	h := w.host
	if h.cfg.Kind == "empty" {
		return
	}
	r := h.rng("lived-in")
	project := h.project()
	names := h.livedNames()
	now := h.facts.DockerStarted
	start := now.Add(time.Duration(2+r.IntN(3))*time.Second + time.Duration(r.IntN(1e9)))
	created := h.facts.Boot.Add(-time.Duration(3+r.IntN(60)) * 24 * time.Hour)
	netName := project + "_default"
	nid := h.hexID("network", netName)
	var n *netw
	for i, l := range h.stack() {
		if l.network && n == nil {
			sub := pools()[1+r.IntN(10)]
			n = &netw{subnet: sub, gateway: sub.Addr().Next(), taken: mapAddr(sub.Addr().Next())}
			n.Inspect = network.Inspect{Name: netName, ID: nid, Created: created.Add(-9 * time.Second), Scope: "local", Driver: "bridge", EnableIPv4: true,
				IPAM:       network.IPAM{Driver: "default", Config: []network.IPAMConfig{{Subnet: sub.String(), Gateway: n.gateway.String()}}},
				Containers: map[string]network.EndpointResource{}, Options: map[string]string{},
				Labels: map[string]string{"com.docker.compose.network": "default", "com.docker.compose.project": project, "com.docker.compose.version": "2.24.7"}}
			w.networks[nid] = n
		}
		ref, err := reference.ParseNormalizedNamed(l.image)
		if err != nil {
			continue
		}
		ref = reference.TagNameOnly(ref)
		res := h.catalog.Resolve(ref)
		w.images.Add(res.Image)
		w.images.Tag(ref, res.Image.ID, created.Add(-time.Minute))
		if d, err := reference.WithDigest(reference.TrimNamed(ref), digestOf(res.Digest)); err == nil {
			w.images.Tag(d, res.Image.ID, created.Add(-time.Minute))
		}
		cfg := res.Image.RunConfig()
		cfg.Image = reference.FamiliarString(ref)
		if l.cmd != nil {
			cfg.Cmd = l.cmd
			cfg.Entrypoint = nil
		}
		for _, e := range slices.Backward(l.env) {
			cfg.Env = append([]string{strings.ReplaceAll(e, "$PW", h.password())}, cfg.Env...)
		}
		if l.dir == "/app" {
			cfg.WorkingDir = l.dir
		}
		service := l.name
		cfg.Labels = map[string]string{"com.docker.compose.config-hash": h.hexID("config", l.name), "com.docker.compose.container-number": "1",
			"com.docker.compose.oneoff": "False", "com.docker.compose.project": project, "com.docker.compose.project.config_files": "/opt/" + project + "/docker-compose.yml",
			"com.docker.compose.project.working_dir": "/opt/" + project, "com.docker.compose.service": service, "com.docker.compose.version": "2.24.7",
			"com.docker.compose.image": res.Image.ID, "com.docker.compose.depends_on": strings.Join(l.dependsOn(), ",")}
		id := h.hexID("container", l.name)
		cfg.Hostname = id[:12]
		hc := &container.HostConfig{RestartPolicy: container.RestartPolicy{Name: "unless-stopped"}, LogConfig: container.LogConfig{Type: "json-file", Config: map[string]string{}}}
		if l.dead {
			hc.RestartPolicy.Name = "no"
		}
		if l.network {
			hc.NetworkMode = container.NetworkMode(netName)
		}
		w.adapt(hc)
		hc.Runtime = "runc"
		c := &Container{ID: id, Name: names[i], Created: created.Add(time.Duration(i)*430*time.Millisecond + time.Duration(r.IntN(3e8))).UTC(), Config: cfg, Host: hc,
			ImageID: res.Image.ID, image: res.Image, Nets: map[string]*network.EndpointSettings{}, execs: map[string]*Exec{}, stream: newStream(false),
			log: newLog(h.cfg.Quotas.Log, w.now)}
		if len(cfg.Entrypoint) > 0 {
			c.Path, c.Args = cfg.Entrypoint[0], append(append([]string{}, cfg.Entrypoint[1:]...), cfg.Cmd...)
		} else {
			c.Path, c.Args = cfg.Cmd[0], append([]string{}, cfg.Cmd[1:]...)
		}
		for p, host := range l.ports {
			if hc.PortBindings == nil {
				hc.PortBindings = nat.PortMap{}
			}
			hc.PortBindings[nat.Port(p)] = []nat.PortBinding{{HostPort: host}}
		}
		if l.volume != "" {
			vn := project + "_" + l.volume
			w.volumes[vn] = &localVolume{name: vn, created: created,
				labels: map[string]string{"com.docker.compose.project": project, "com.docker.compose.version": "2.24.7", "com.docker.compose.volume": l.volume}}
			w.makeVolume(created, vn)
			if at, err := w.hostNS.Mounts().Resolve(w.hostNS.Context(), w.volumePoint(vn), true); err == nil {
				w.fs.Graft(at.Node(), h.volumeTree(l, start))
			}
			hc.Binds = []string{vn + ":" + l.dest + ":rw"}
			c.Mounts = []*mountPoint{{Type: mount.TypeVolume, Name: vn, Source: w.volumePoint(vn), Destination: l.dest, Driver: "local", Mode: "rw", RW: true}}
		}
		if l.bind != "" {
			from := "/opt/" + project + "/" + l.bind
			hc.Binds = append(hc.Binds, from+":"+l.dir+":rw")
			c.Mounts = append(c.Mounts, &mountPoint{Type: mount.TypeBind, Source: from, Destination: l.dir, Mode: "rw", RW: true, Propagation: mount.PropagationRPrivate})
		}
		if l.network {
			c.Nets[netName] = &network.EndpointSettings{Aliases: []string{strings.TrimPrefix(names[i], "/"), service}, NetworkID: nid}
		} else {
			c.Nets["bridge"] = &network.EndpointSettings{}
		}
		w.containers[id] = c
		w.names[c.Name] = id
		c.startedBefore, c.wired = true, true
		c.shown = true
		if l.dead {
			c.StartedAt = c.Created.Add(600 * time.Millisecond)
			c.FinishedAt = c.StartedAt.Add(time.Duration(3+r.IntN(50)) * time.Second)
			c.fs = w.newFSAt(c.Created, append(c.image.Trees(), h.initLayer())...)
			c.log.tells = w.livedLog(c)
			continue
		}
		if end := h.facts.Boot.Add(-time.Duration(14000+r.IntN(25000)) * time.Millisecond); end.After(c.Created.Add(time.Minute)) {
			c.FinishedAt = end.UTC() // with the machine, which was booted anew
		}
		w.revive(c, start.Add(time.Duration(i)*700*time.Millisecond+time.Duration(r.IntN(6e8))))
	}
	// one image more than is used, as hosts have
	for _, extra := range []string{"alpine:latest"} {
		if ref, err := reference.ParseNormalizedNamed(extra); err == nil && r.IntN(2) == 0 {
			res := h.catalog.Resolve(ref)
			w.images.Add(res.Image)
			w.images.Tag(ref, res.Image.ID, created)
			if d, err := reference.WithDigest(reference.TrimNamed(ref), digestOf(res.Digest)); err == nil {
				w.images.Tag(d, res.Image.ID, created)
			}
		}
	}
	w.events.mu.Lock()
	w.events.past = nil
	w.events.mu.Unlock()
}

// revive lets a container of the lived-in host run since a given moment.
func (w *World) revive(c *Container, at time.Time) {
	var say []func()
	if w.wire(c, &say) != nil {
		return
	}
	// ids that are drawn must be the same in each world
	for name, e := range c.Nets {
		e.EndpointID = w.host.hexID("endpoint", c.Name, name)
		if w.host.cfg.Release.Era >= 28 {
			b := w.host.derive("mac", c.Name)
			e.MacAddress = fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", b[0]&^1|2, b[1], b[2], b[3], b[4], b[5])
		}
	}
	c.Sandbox = w.host.hexID("sandbox", c.Name)
	c.since = at
	w.launchShown(c)
	c.Running, c.StartedAt = true, at.UTC()
	c.log.tells = w.livedLog(c)
	w.place(c)
	c.run.release()
}
