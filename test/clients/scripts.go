package clients

import (
	"context"

	"github.com/whalefall/whalefall/test/oracle"
)

// dockerWork is done by each release of Docker's own client.
const dockerWork = `
	docker version
	docker info
	docker run --rm busybox echo hello
	docker run -d --name web -p 127.0.0.1:18081:80 -e A=b -l role=web --memory 64m busybox sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.1; done'
	docker ps
	sleep 0.4; docker logs web
	docker exec web sh -c 'echo $A; echo bad >&2; exit 4'
	docker exec -t -w /tmp -e C=d web sh -c 'pwd; echo $C'
	echo typed | docker exec -i web cat
	! printf 'hello\n' >f; touch -d 2024-01-02T03:04:05Z f
	docker cp f web:/tmp/f
	docker exec web cat /tmp/f
	docker cp web:/tmp/f - | tar xO
	~ docker diff web
	docker top web -o pid,args | grep -v 'sleep 0'
	docker port web
	docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' web
	docker inspect web
	docker network create --subnet 10.76.0.0/24 back
	docker network connect --alias w back web
	docker network inspect back
	docker volume create data
	docker volume inspect data
	docker run --rm -v data:/data busybox sh -c 'echo kept >/data/f'
	docker run --rm -v data:/data:ro busybox cat /data/f
	docker commit -m made web made:1
	docker run --rm made:1 cat /tmp/f
	docker history made:1
	docker build -t built:1 build
	docker run --rm built:1
	docker image inspect built:1
	docker images --format '{{.Repository}} {{.Tag}} {{.CreatedSince}}' | sort
	docker save built:1 made:1 -o saved.tar; tar xOf saved.tar repositories | tr ',' '\n' | sed 's/[0-9a-f]\{64\}/ID/' | sort
	docker rmi built:1 made:1 2>&1 | grep -c Untagged
	~ docker load -i saved.tar
	docker system df
	docker pause web
	docker ps --format '{{.Names}} {{.Status}}'
	docker unpause web
	docker update --restart on-failure:3 web
	docker rename web site
	docker restart -t 3 site
	docker stop -t 3 site
	docker wait site
	docker ps -a
	sleep 1.1; docker events --since 10m --until 0s --filter container=$(docker inspect --format '{{.Id}}' site) --format '{{.Action}}' | sort | uniq -c
	docker rm site
	docker network rm back
	docker volume rm data
	docker run --pull never --rm nothing
	docker run --name bad busybox nosuchprogram 2>&1 | grep -v 'error waiting for container'
	docker rm bad
	docker pull 127.0.0.1:1/nope
	docker rmi built:1 made:1 2>&1 | grep -c Untagged
	docker swarm leave
	docker system prune -f
`

// composeWork is done by every release of compose.
const composeWork = `
	docker-compose -p proj -f compose/compose.yml config
	~ docker-compose -p proj -f compose/compose.yml up -d
	docker-compose -p proj -f compose/compose.yml ps -q | wc -l
	~ sleep 1.5; docker-compose -p proj -f compose/compose.yml ps
	~ docker-compose -p proj -f compose/compose.yml logs --no-color
	docker-compose -p proj -f compose/compose.yml exec -T web sh -c 'echo $A; hostname | wc -c; sleep 0.1; echo bad >&2; exit 4'
	docker-compose -p proj -f compose/compose.yml exec -T web sh -c 'echo kept >/data/f; cat /data/f'
	docker-compose -p proj -f compose/compose.yml port web 80
	docker-compose -p proj -f compose/compose.yml top job | grep -c sleep
	~ docker-compose -p proj -f compose/compose.yml images
	~ docker-compose -p proj -f compose/compose.yml up -d
	~ docker-compose -p proj -f compose/compose.yml up -d --scale job=2
	~ docker-compose -p proj -f compose/compose.yml pause job
	~ docker-compose -p proj -f compose/compose.yml ps job
	~ docker-compose -p proj -f compose/compose.yml unpause job
	~ docker-compose -p proj -f compose/compose.yml restart job
	docker-compose -p proj -f compose/compose.yml run --rm -T job sh -c 'echo once; exit 3'
	~ docker-compose -p proj -f compose/compose.yml kill job
	~ docker-compose -p proj -f compose/compose.yml ps -a
	~ docker-compose -p proj -f compose/compose.yml rm -f job
	~ docker-compose -p proj -f compose/compose.yml stop
	~ docker-compose -p proj -f compose/compose.yml start web
	~ docker-compose -p proj -f compose/compose.yml down -v
	~ docker-compose -p proj -f compose/compose.yml ps
	curl -s http://$AT/networks | grep -c proj
	curl -s http://$AT/volumes
`

// composeAgain is what only the second compose has.
const composeAgain = `
	docker-compose -p proj ls -a
	docker-compose -p again -f compose/compose.yml create 2>&1 | grep -c Created
	docker-compose -p again ls -a | tail -1 | cut -c1-30
	docker-compose -p again -f compose/compose.yml down -v 2>&1 | grep -c Removed
`

// All are the clients, in the order of the table.
var All = []Client{
	{
		Name: "docker-20.10", Version: "docker version --format '{{.Client.Version}}' 2>/dev/null", Lines: dockerWork,
		Get: func(ctx context.Context) (string, error) {
			root, err := oracle.Fetch(ctx, oracle.R20)
			if err != nil {
				return "", err
			}
			return linked("docker-cli-bookworm", "docker", root+"/usr/bin/docker")
		},
	},
	{Name: "docker-26.1", Version: "docker version --format '{{.Client.Version}}' 2>/dev/null", Lines: dockerWork, Get: fromDebian(oracle.R26, "docker-cli", "docker", "usr/bin/docker")},
	{Name: "docker-28.5", Version: "docker version --format '{{.Client.Version}}' 2>/dev/null", Lines: dockerWork, Get: fromDebian(oracle.R28, "docker-cli", "docker", "usr/bin/docker")},
	{Name: "docker-29", Version: "docker version --format '{{.Client.Version}}' 2>/dev/null", Lines: dockerWork, Get: dockerCLI},
	{Name: "compose-1.29", Version: "docker-compose version --short", Lines: composeWork, Env: []string{"COMPOSE_INTERACTIVE_NO_CLI=1"}},
	{
		Name: "compose-2.26", Version: "docker-compose version --short", Lines: composeWork + composeAgain,
		Get: fromDebian(oracle.R26, "docker-compose", "docker-compose", "usr/libexec/docker/cli-plugins/docker-compose", "usr/bin/docker-compose"),
	},
	{
		Name: "compose-2.40", Version: "docker-compose version --short", Lines: composeWork + composeAgain,
		Get: fromDebian(oracle.R28, "docker-compose", "docker-compose", "usr/libexec/docker/cli-plugins/docker-compose", "usr/bin/docker-compose"),
	},
	{Name: "python3-docker", Version: "/usr/bin/python3 -c 'import docker; print(docker.__version__)'", Lines: "/usr/bin/python3 python/work.py"},
	{
		Name: "ansible", Version: "ansible-community --version | cut -d' ' -f4", Env: []string{"ANSIBLE_NOCOLOR=1", "ANSIBLE_DEPRECATION_WARNINGS=0", "ANSIBLE_LOCALHOST_WARNING=0", "ANSIBLE_INVENTORY_UNPARSED_WARNING=0", "LC_ALL=C.UTF-8"},
		Lines: "ansible-playbook ansible/play.yml",
	},
	{Name: "docker-client", Version: version("go", "github.com/docker/docker"), Lines: "engine", Get: built("go")},
	{Name: "go-dockerclient", Version: version("go", "github.com/fsouza/go-dockerclient"), Lines: "fsouza", Get: built("go")},
	{Name: "testcontainers-go", Version: version("go", "github.com/testcontainers/testcontainers-go"), Lines: "testcontainers", Get: built("go"), Env: []string{"TESTCONTAINERS_RYUK_DISABLED=true"}},
	{
		Name: "go-containerregistry", Version: version("go", "github.com/google/go-containerregistry"), Get: built("go"),
		Lines: `
			registry
			curl -s -X DELETE http://$AT/images/ggmade:1 | grep -c agged
			curl -s -X DELETE http://$AT/images/ggother:2 | grep -c agged
		`,
	},
	{Name: "dockerode", Version: "node -p \"require('dockerode/package.json').version\"", Lines: "node node/work.js", Get: nodeModules},
	{Name: "ruby-docker-api", Version: "ruby -e 'require \"docker\"; puts Docker::VERSION'", Lines: "ruby ruby/work.rb"},
	{
		Name: "telegraf", Version: version("telegraf", "github.com/influxdata/telegraf"), Get: built("telegraf"),
		Lines: withContainers + `
			telegraf
		` + withoutContainers,
	},
	{
		Name: "traefik", Version: version("traefik", "github.com/traefik/traefik/v3"), Get: built("traefik"),
		Lines: withContainers + `
			traefik
			(sleep 1; curl -s -X POST http://$AT/containers/one/pause; curl -s -X POST http://$AT/containers/one/unpause; curl -s -X POST http://$AT/containers/one/stop?t=0) & traefik more; wait
		` + withoutContainers,
	},
	{
		Name: "skopeo", Version: "skopeo --version | cut -d' ' -f3", Env: []string{"DOCKER_CERT_PATH=", "TMPDIR=/tmp"},
		Lines: `
			skopeo inspect --daemon-host http://$AT docker-daemon:busybox:latest --format '{{.Name}} {{.Architecture}} {{.Os}} {{len .Layers}} {{.Env}}'
			skopeo inspect --daemon-host http://$AT --config docker-daemon:busybox:latest | jq -c '.config, .rootfs.type'
			skopeo inspect --daemon-host http://$AT docker-daemon:nope:1
			skopeo --insecure-policy copy --src-daemon-host http://$AT docker-daemon:busybox:latest oci:out:1; ls out
			skopeo --insecure-policy copy --dest-daemon-host http://$AT oci:out:1 docker-daemon:skcopied:1
			curl -s http://$AT/images/skcopied:1/json | jq -c '[.RepoTags, .Config.Cmd, .Config.Env, .Architecture, (.RootFS.Layers|length)]'
			curl -s -X POST -H 'Content-Type: application/json' -d '{"Image":"skcopied:1","Cmd":["echo","copied"]}' "http://$AT/containers/create?name=sk" | jq -r .Warnings
			curl -s -X POST http://$AT/containers/sk/start; curl -s -X POST http://$AT/containers/sk/wait; curl -s "http://$AT/containers/sk/logs?stdout=1" | tail -c 7
			curl -s -X DELETE http://$AT/containers/sk; curl -s -X DELETE http://$AT/images/skcopied:1 | grep -c agged
		`,
	},
	{
		Name: "prometheus", Version: "prometheus --version 2>&1 | sed -n 's/^prometheus, version \\([^ ]*\\).*/\\1/p'", Get: fromDebian(oracle.R20, "prometheus", "prometheus", "usr/bin/prometheus"),
		Lines: withContainers + `
			! sed "s/AT/$AT/" prometheus/prometheus.yml >p.yml; P=$((20000 + PORT % 10000)); (prometheus --config.file=p.yml --storage.tsdb.path=data --web.listen-address=127.0.0.1:$P >p.log 2>&1 & echo $! >p.pid); for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do curl -s http://127.0.0.1:$P/api/v1/targets 2>/dev/null | grep -q docker_container_id && break; sleep 0.5; done
			curl -s http://127.0.0.1:$((20000 + PORT % 10000))/api/v1/targets | jq -S '[(.data.activeTargets + .data.droppedTargets)[].discoveredLabels] | sort_by(.__address__, .__meta_docker_container_name)'
			! kill $(cat p.pid)
		` + withoutContainers,
	},
	{
		Name: "nmap", Version: "nmap --version | sed -n 's/^Nmap version \\([^ ]*\\).*/\\1/p'",
		Lines: `
			nmap --unprivileged -n -Pn -sT -p $PORT --script +docker-version 127.0.0.1 | sed '/^Starting\|^Nmap done\|^Host is up/d; s/^[|_ ]*//; s/^\(BuildTime\|KernelVersion\):.*/\1/' | sort
			nmap --unprivileged -n -Pn -sT -sV -p $PORT 127.0.0.1 | grep /tcp
		`,
	},
	{
		Name: "curl", Version: "curl --version | sed -n '1s/^curl \\([^ ]*\\).*/\\1/p'",
		Lines: `
			curl -si http://$AT/_ping | sed '/^Date/d'
			curl -sI http://$AT/_ping | sed '/^Date/d'
			curl -s http://$AT/version | jq -S 'del(.KernelVersion, .BuildTime, .Components)'
			curl -s http://$AT/v1.24/images/json | jq -S '.[] | del(.Size, .VirtualSize, .Created)'
			curl -si http://$AT/v1.99/info | sed '/^Date/d'
			curl -s -X POST -H 'Content-Type: application/json' -d '{"Image":"busybox","Cmd":["sh","-c","echo out; sleep 0.1; echo err >&2; exit 3"],"HostConfig":{"Binds":["/:/host:ro"]}}' "http://$AT/containers/create?name=cu"
			curl -si -X POST -d '' http://$AT/containers/cu/start | sed '/^Date/d'
			curl -s -X POST http://$AT/containers/cu/wait
			curl -s "http://$AT/containers/cu/logs?stdout=1&stderr=1" | od -c
			curl -s "http://$AT/containers/cu/logs?stdout=1&stderr=1&timestamps=1" | tr -dc '[:print:]\n' | cut -c1-1 | wc -l
			curl -s http://$AT/containers/cu/json | jq -S '[.State.Status, .State.ExitCode, .HostConfig.Binds, .Mounts]'
			curl -s -X POST -H 'Content-Type: application/json' -d '{"Cmd":["true"]}' http://$AT/containers/cu/exec
			curl -s "http://$AT/containers/cu/archive?path=/etc/passwd" | tar xO | head -1
			curl -sI "http://$AT/containers/cu/archive?path=/bin/sh" | sed '/^Date\|^X-Docker-Container-Path-Stat/d'
			! mkdir -p up; echo sent >up/file
			tar c -C up --owner=0 --group=0 file | curl -si -X PUT --data-binary @- "http://$AT/containers/cu/archive?path=/tmp" | sed '/^Date/d'
			curl -s -H 'Expect: 100-continue' -X PUT --data-binary 'no archive' "http://$AT/containers/cu/archive?path=/tmp"
			curl -s "http://$AT/containers/cu/archive?path=/tmp/file" | tar xO
			curl -s --max-time 2 "http://$AT/events?since=0&filters=%7B%22container%22%3A%5B%22cu%22%5D%7D" | jq -r .Action
			curl -si -X DELETE http://$AT/containers/cu | sed '/^Date/d'
			curl -si -X DELETE http://$AT/containers/cu | sed '/^Date/d'
			curl -s --http2-prior-knowledge --max-time 2 http://$AT/_ping; echo $?
			curl -s -X POST http://$AT/containers/create
			curl -s -X POST -H 'Content-Type: text/plain' -d '{}' http://$AT/containers/create
			curl -s http://$AT/nosuchpage
			curl -s -X OPTIONS -i http://$AT/info | sed '/^Date/d'
		`,
	},
}

// withContainers gives a reader of containers some to read.
const withContainers = `
	! curl -s -X POST -H 'Content-Type: application/json' -d '{"Image":"busybox","Cmd":["sleep","600"],"Env":["A=b"],"Labels":{"role":"read","traefik.http.routers.one.rule":"Host(one.example)","traefik.http.services.one.loadbalancer.server.port":"8080"},"ExposedPorts":{"80/tcp":{}},"Healthcheck":{"Test":["CMD","true"],"Interval":200000000},"HostConfig":{"Memory":67108864,"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"18088"}]}}}' "http://$AT/containers/create?name=one"
	! curl -s -X POST -H 'Content-Type: application/json' -d '{"Image":"busybox","Cmd":["sh","-c","exit 3"]}' "http://$AT/containers/create?name=two"
	! for c in one two; do curl -s -X POST http://$AT/containers/$c/start; done; sleep 1
`

const withoutContainers = `
	! for c in one two; do curl -s -X DELETE "http://$AT/containers/$c?force=1"; done
`

// version is a command line that prints which release of a dependency a module has.
func version(module, dep string) string {
	return "sed -n 's#^\\(require\\)\\?[[:space:]]*" + dep + " v\\([^ ]*\\).*#\\2#p' " + module + ".mod"
}
