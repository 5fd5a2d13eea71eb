package fidelity

// cliScripts are played in this order on one daemon that holds busybox:latest and
// nothing else. Each cleans up after itself.
var cliScripts = []Script{
	{"system", `
		docker version
		docker version --format '{{.Server.Version}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}}'
		docker info
		docker info --format '{{.Driver}} {{.ServerVersion}} {{.Swarm.LocalNodeState}} {{.Images}} {{.Containers}}'
		docker images
		docker images -q nothing
		docker images --format '{{.Repository}}:{{.Tag}}' --filter reference='busy*'
		docker images --filter bogus=1
		docker ps
		docker ps --filter bogus=1
		docker ps --filter status=nope
		docker ps --last 1
		docker system df
		docker system df -v
		docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
		docker context ls
		docker context inspect --format '{{.Name}}'
		docker plugin ls
		docker plugin inspect nope
		docker plugin rm nope
		docker plugin disable nope
		docker builder prune -f
		docker nosuchcommand
		docker ps --nosuchflag
		docker checkpoint ls nope
		docker -H tcp://127.0.0.1:1 version --format '{{.Server.Version}}'
		DOCKER_API_VERSION=1.16 docker ps
		DOCKER_API_VERSION=1.99 docker ps
		DOCKER_API_VERSION=1.30 docker ps -a
	`},
	{"run", `
		docker run --rm busybox echo hello
		docker run --rm busybox sh -c 'echo out; echo err >&2; exit 3'
		docker run --rm busybox
		echo 'echo from stdin; exit 4' | docker run --rm -i busybox
		printf 'a\nb\n' | docker run --rm -i busybox wc -l
		docker run --rm -t busybox echo tty
		docker run --rm -t busybox sh -c 'stty size; echo $TERM'
		docker run -it --rm busybox true
		docker run --rm busybox nosuchprogram
		docker run --rm busybox /etc/passwd
		docker run --rm busybox /etc
		docker run --rm -w /no/where busybox sh -c 'pwd'
		docker run --rm -u 1234:99 busybox id
		docker run --rm -u nobodyhere busybox id
		docker run --rm -e A=b -e C --env D= busybox sh -c 'echo "$A|$C|$D"'
		docker run --rm -h box busybox hostname
		docker run --rm --entrypoint echo busybox a b
		docker run --rm --name '*' busybox true
		docker run --rm -m 1m busybox true
		docker run --rm --network nope busybox true
		docker run --rm --network none busybox ls /sys/class/net
		docker run --rm --pid nope busybox true
		docker run --rm --cap-add NOPE busybox true
		docker run --rm --device /dev/nope busybox true
		docker run --rm --mount type=bind,src=/no/where,dst=/x busybox true
		docker run --rm -v rel/path:/x busybox true
		docker run --rm -v /a:b busybox true
		docker run --rm --restart sometimes busybox true
		docker run --rm --restart always busybox true
		docker run --rm --runtime nope busybox true
		docker run --rm --log-driver nope busybox true
		docker run --rm --ulimit nofile=2:1 busybox true
		docker run --rm --volumes-from nope busybox true
		docker run --rm --link nope busybox true
		docker run --rm --network container:nope busybox true
		docker run --rm --stop-signal NOPE busybox true
		docker run --rm --read-only busybox touch /x
		docker run --rm --init busybox echo with init
		docker run --rm --cpus 900 busybox true
		docker run --rm -p 70000:80 busybox true
		docker run --rm -p 80:80/nope busybox true
		docker run --pull never --rm nothing true
		docker run --rm Upper true
		docker run --rm busybox sh -c 'kill -9 $$'
		docker run --rm busybox sh -c 'kill -15 $$; echo still here'
		docker run --cidfile cid --name cf busybox true
		docker run --cidfile cid busybox true
		docker create --name cr busybox echo created
		docker start -a cr
		docker start cr nope
		docker run -d --name bad busybox nosuchprogram
		docker ps -a --format '{{.Names}} {{.Status}}' --filter name=bad
		docker inspect bad --format '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}'
		docker start bad
		docker rm bad cr cf
	`},
	{"life", `
		docker run -d --name life -l role=test busybox sh -c 'trap "exit 7" TERM; echo up; while :; do sleep 0.1; done'
		docker run -d --name life busybox true
		sleep 0.5; docker logs life
		docker ps
		docker ps -q --no-trunc
		docker ps --format '{{.Names}}|{{.Image}}|{{.Command}}|{{.Ports}}|{{.Labels}}|{{.Mounts}}|{{.Networks}}|{{.State}}'
		docker ps --format json --filter label=role=test | sed 's/"CreatedAt":"[^"]*"/"CreatedAt":"T"/'
		docker ps --filter label=role=other
		docker ps --filter ancestor=busybox --format '{{.Names}}'
		docker ps --filter exited=0
		docker ps -s --format '{{.Names}} {{.Size}}'
		docker pause life
		docker pause life
		docker ps --format '{{.Names}} {{.Status}}'
		docker exec life true
		docker unpause life
		docker unpause life
		docker rename life lives
		docker rename lives lives
		docker rename lives -x
		docker rename nope other
		docker update --memory 64m --memory-swap 128m --restart on-failure:2 lives
		docker update --memory 1m lives
		docker update nope --cpus 1
		docker inspect lives --format '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{json .HostConfig.RestartPolicy}}'
		docker restart -t 5 lives
		docker rm lives
		docker stop -t 5 lives
		docker wait lives
		docker stop lives
		docker kill lives
		docker ps -a
		docker ps -a --filter status=exited --format '{{.Names}} {{.Status}}'
		docker start lives
		docker start lives
		docker kill -s NOPE lives
		docker kill -s TERM lives; sleep 1; docker ps --format '{{.Names}} {{.Status}}'
		docker update --restart no lives
		(sleep 1; docker kill lives) & docker wait lives
		docker inspect lives --format '{{.State.ExitCode}} {{.State.Status}} {{.State.OOMKilled}}'
		docker start lives; docker rm -f lives
		docker rm -f lives
		docker rm nope
		docker stop nope
		docker kill nope
		docker wait nope
		docker restart nope
		docker pause nope
		docker logs nope
		docker top nope
		docker port nope
		docker attach nope
		docker run -d --name once --restart on-failure:1 busybox false
		docker wait once; sleep 1; docker inspect once --format '{{.RestartCount}} {{.State.ExitCode}}'
		docker attach once
		docker rm once
		docker container prune -f
	`},
	{"logs", `
		! docker run -d --name log busybox sh -c 'for i in 1 2 3 4 5; do echo line $i; done; sleep 0.3; echo oops >&2; sleep 0.3; printf tail'
		docker wait log; docker logs log
		docker logs --tail 2 log
		docker logs --tail 0 log
		docker logs --tail x log
		docker logs -t --tail 1 log
		docker logs -f log
		docker logs --since 1h log
		docker logs --until 1h log
		docker logs --since nonsense log
		docker logs --details log
		! docker run -d --name logt -t busybox sh -c 'echo out; sleep 0.3; echo err >&2'
		docker wait logt; docker logs logt
		! docker run -d --name nolog --log-driver none busybox echo x
		docker wait nolog; docker logs nolog
		! docker run -d --name envlog --log-opt labels=role --log-opt env=A -l role=r -e A=b busybox echo x
		docker wait envlog; docker logs --details envlog
		docker inspect nolog --format '{{json .HostConfig.LogConfig}}'
		docker run --rm --log-opt nope=1 busybox true
		docker rm log logt nolog envlog
	`},
	{"exec", `
		! docker run -d --name ex -e A=b -p 127.0.0.1:18080:80 -p 18081:81/udp busybox sleep 600
		docker exec ex echo in
		docker exec ex sh -c 'echo out; echo err >&2; exit 9'
		echo 'piped' | docker exec -i ex cat
		docker exec -t ex echo tty
		docker exec -it ex true
		docker exec -d ex touch /made
		docker exec -e X=y -w /tmp ex sh -c 'echo $A $X; pwd'
		docker exec -u 5 ex id
		docker exec -u nobodyhere ex id
		docker exec ex nosuchprogram
		docker exec ex /etc/passwd
		docker exec -w /no/where ex true
		docker exec nope true
		docker exec ex
		docker exec --privileged ex sh -c 'grep CapEff /proc/self/status | cut -c1-7'
		docker top ex
		docker top ex -o pid,args
		docker top ex -o args
		docker top ex --bogus
		docker port ex
		docker port ex 80
		docker port ex 80/udp
		docker port ex 99
		docker stats --no-stream ex
		docker stats --no-stream --format '{{.Name}} {{.PIDs}}' ex
		docker stats --no-stream nope
		docker diff ex
		docker run -d --name ex2 -p 127.0.0.1:18080:80 busybox sleep 600
		docker inspect ex2 --format '{{.State.Status}} {{.State.ExitCode}}'
		docker inspect ex --format '{{json .NetworkSettings.Ports}}'
		docker inspect ex --format '{{.Path}} {{json .Args}} {{.Driver}} {{.Platform}} {{json .Config.Env}} {{json .Config.Cmd}} {{json .Mounts}} {{.RestartCount}}'
		docker inspect ex --format '{{.NetworkSettings.IPAddress}} {{.NetworkSettings.Gateway}} {{.HostConfig.NetworkMode}} {{json .HostConfig.MaskedPaths}}'
		docker inspect ex --format '{{.Nope}}'
		docker inspect ex | sed -n '1,70p'
		docker container inspect ex --size --format '{{.SizeRw}}'
		docker inspect nope
		docker inspect --type image ex
		docker inspect --type volume nope
		docker container inspect nope ex --format '{{.Name}}'
		docker kill ex
		docker exec ex true
		docker top ex
		docker stats --no-stream ex
		docker rm ex ex2
	`},
	{"copy", `
		! docker create --name cp busybox sleep 600
		! printf 'one\n' >one; mkdir -p d/sub; printf 'two\n' >d/sub/two; chmod 640 one; touch -d 2024-01-02T03:04:05Z one d/sub/two
		docker cp one cp:/tmp/
		docker cp one cp:/tmp/renamed
		docker cp d cp:/tmp
		docker cp one cp:/no/where/x
		docker cp one cp:/no/where/ 2>&1 | grep -v level=error
		docker cp nofile cp:/tmp
		docker cp cp:/nofile .
		docker cp cp:/tmp/one back; cat back; stat -c %a back
		docker cp cp:/tmp/d - | tar tv | sed 's/20[0-9-]* [0-9:]*/T/'
		docker cp cp:/etc/passwd - | tar xO | head -1
		tar c --owner=0 --group=0 one d | docker cp - cp:/root
		echo garbage | docker cp - cp:/root
		tar c one | docker cp - cp:/nodir
		tar c one | docker cp - cp:/etc/passwd
		docker cp nope:/x .
		docker cp one nope:/x
		docker cp cp:/tmp/one cp:/tmp/other
		docker cp -q one cp:/tmp/quiet
		docker cp -a d/. cp:/root/all
		docker cp d cp:/etc/passwd 2>&1 | grep -v level=error
		~ docker diff cp
		docker diff nope
		docker start cp
		docker exec cp sh -c 'cat /tmp/renamed /tmp/d/sub/two /root/one'
		docker exec cp ls -l /tmp/one | cut -c1-34
		docker exec cp sh -c 'echo more >>/tmp/one; rm /etc/group'
		~ docker diff cp
		docker cp cp:/tmp/one - | tar xO
		docker export cp | tar t | grep dockerenv
		docker export cp | tar xO etc/passwd | head -1
		docker export nope
		docker export -o out.tar cp; tar tf out.tar root
		docker commit -m 'made here' -a me -c 'CMD ["cat","/tmp/one"]' cp copied:1
		docker run --rm copied:1
		docker history copied:1 --format '{{.Comment}}|{{.CreatedBy}}' | head -1
		docker inspect copied:1 --format '{{json .Config.Cmd}} {{.Author}} {{.Comment}}'
		docker commit nope x
		docker commit cp Upper
		docker commit -c 'BOGUS x' cp x:1
		docker rm -f cp
		docker rmi copied:1 | grep -c .
	`},
	{"image", `
		! mkdir -p etc; printf 'hello\n' >etc/hello; tar c --owner=0 --group=0 --mtime=2020-09-13T12:26:40Z etc >tiny.tar
		docker import -m imported -c 'CMD ["a"]' -c 'ENV A=b' tiny.tar tiny:1
		sleep 1.1; cat tiny.tar | docker import - tiny:2
		echo garbage | docker import - bad:1
		docker import nofile.tar
		docker import -c 'BOGUS x' tiny.tar
		docker import http://127.0.0.1:1/x.tar
		docker images tiny --format '{{.Repository}} {{.Tag}} {{.Size}}'
		docker images
		docker images --digests tiny
		docker images -a --no-trunc -q tiny
		docker images --filter dangling=true
		docker images --filter before=nope
		docker history tiny:1
		docker history --no-trunc -H=false tiny:1 --format '{{.CreatedBy}}|{{.Size}}|{{.Comment}}'
		docker history nope
		docker inspect tiny:1
		docker image inspect nope
		docker image inspect sha256:abc
		docker tag tiny:1 other
		docker tag tiny:1 reg.example:5000/a/b:c
		docker tag tiny:1 Upper
		docker tag tiny:1 a:b:c
		docker tag nope x
		docker images --format '{{.Repository}}:{{.Tag}}' --filter reference='*/*/*'
		docker save tiny:1 >saved.tar; tar tf saved.tar | sed 's/[0-9a-f]\{64\}/ID/g' | sort
		docker save nope
		docker save tiny:1 tiny:2 -o both.tar; tar xOf both.tar repositories | sed 's/[0-9a-f]\{64\}/ID/g'
		tar xOf saved.tar manifest.json | sed 's/[0-9a-f]\{64\}/ID/g'
		tar xOf saved.tar index.json 2>/dev/null | sed 's/[0-9a-f]\{64\}/ID/g'
		docker rmi tiny:1
		docker rmi reg.example:5000/a/b:c
		docker rmi other
		docker load -i saved.tar
		docker load -q <saved.tar
		~ docker load <both.tar
		echo garbage | docker load
		docker load -i nofile
		docker run --rm tiny:1
		docker run --rm tiny:2
		! docker create --name user tiny:1
		docker rmi tiny:1
		docker rmi -f tiny:1
		docker images busybox --format '{{.Tag}}'
		docker ps -a --format '{{.Image}}'
		docker rm user
		docker rmi nope
		docker rmi Upper
		docker rmi busybox:nope
		docker images busybox --format '{{.Tag}}'
		docker image prune -f
		docker image prune -a -f --filter label=nope
		docker rmi tiny:2
		docker images -q tiny
	`},
	{"pull", `
		docker images busybox --format '{{.Tag}}'
		docker pull Upper
		docker pull a:b:c
		docker pull ''
		docker pull scratch
		docker pull reg.example:x/y
		docker pull -a busybox:latest
		docker pull --platform nope/x/y/z busybox
		docker push nope
		docker push Upper
		docker push -a nope
		docker search --limit 1000 x
		docker search --filter bogus=1 x
		docker search --filter stars=x x
		docker login -u a
		docker login -u a -p b reg.example:x
		docker logout
		docker manifest inspect Upper
		docker trust inspect Upper
		docker run --rm docker.io/library/ true
		docker pull busybox@sha256:abc
		docker pull 127.0.0.1:1/x
		docker pull localhost:1/x:y
		docker tag busybox 127.0.0.1:1/b
		docker push 127.0.0.1:1/b
		docker rmi 127.0.0.1:1/b
		docker login -u a -p b 127.0.0.1:1
		docker run --rm 127.0.0.1:1/x true
		docker manifest inspect --insecure 127.0.0.1:1/x
	`},
	{"network", `
		docker images busybox --format '{{.Tag}}'
		docker network ls
		docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}' --filter type=builtin
		docker network ls --filter bogus=1
		docker network create n1
		docker network create n1
		docker network create -d nope n2
		docker network create -d host n2
		docker network create -d overlay n2
		docker network create --subnet 10.99.0.0/24 --gateway 10.99.0.1 --label a=b --internal -o com.docker.network.bridge.name=br-cli n2
		docker network create --subnet 10.99.0.0/24 n3
		docker network create --subnet nonsense n3
		docker network create --subnet 10.98.0.0/24 --gateway 10.97.0.1 n3
		docker network create host
		docker network create ''
		docker network create 'a b'
		docker network inspect n1
		docker network inspect n2
		docker network inspect bridge --format '{{json .Options}} {{json .IPAM.Config}}'
		docker network inspect nope
		docker network ls --format '{{.Name}} {{.Internal}} {{.Labels}}' --filter label=a=b
		! docker run -d --name nc --network n1 --network-alias ali busybox sleep 600
		docker network connect n2 nc --ip 10.99.0.77 --alias two
		docker network connect n2 nc
		docker network connect nope nc
		docker network connect n1 nope
		docker network connect host nc
		docker inspect nc --format '{{range $k,$v := .NetworkSettings.Networks}}{{$k}} {{$v.IPAddress}} {{$v.Gateway}}{{"\n"}}{{end}}'
		docker exec nc ls /sys/class/net
		docker exec nc sh -c 'cat /etc/hosts | sed "s/$(hostname)/HOST/"'
		docker exec nc cat /etc/resolv.conf
		docker network rm n1
		docker network disconnect n2 nc
		docker network disconnect n2 nc
		docker network disconnect n2 nope
		docker network disconnect -f n1 nc
		docker run --rm --network n1 --ip 172.18.0.99 busybox true
		docker run --rm --network n2 --ip 10.98.0.9 busybox true
		docker run --rm --network bridge --ip 172.17.0.9 busybox true
		docker rm -f nc
		docker network rm n1
		docker network rm n1
		docker network rm bridge
		docker network rm nope n2
		! docker network create n4
		~ docker network prune -f
	`},
	{"volume", `
		docker volume ls
		docker volume create v1
		docker volume create v1
		docker volume create -d nope v2
		docker volume create 'a b'
		docker volume create x
		docker volume create --label a=b -o type=tmpfs -o device=tmpfs v2
		docker volume create -o bogus=1 v3
		docker volume ls
		docker volume ls -q --filter label=a=b
		docker volume ls --filter dangling=maybe
		docker volume ls --filter bogus=1
		docker volume inspect v1
		docker volume inspect v2 --format '{{json .Options}} {{json .Labels}} {{.Mountpoint}}'
		docker volume inspect nope
		docker run --rm -v v1:/data busybox sh -c 'echo kept >/data/f; ls -ld /data | cut -c1-10'
		docker run --rm -v v1:/data:ro busybox sh -c 'cat /data/f; echo x >/data/g'
		docker run -d --name vc -v v1:/data -v /anon --tmpfs /t busybox sleep 600
		~ docker inspect vc --format '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}} {{.Mode}}{{println}}{{end}}'
		docker volume rm v1
		docker volume ls -q --filter dangling=true
		docker run --rm --volumes-from vc busybox cat /data/f
		docker system df -v --format '{{range .Volumes}}{{.Name}} {{.Links}} {{.Size}}|{{end}}' | grep -o 'v1 [^|]*'
		docker rm -fv vc
		docker volume ls
		docker volume rm v1 nope
		docker volume rm -f nope
		docker volume prune -f
		docker volume prune -a -f
		docker volume update v1
	`},
	{"build", `
		! mkdir -p good bad ctx; printf 'FROM busybox\nENV A=b\nRUN echo built >/made && echo "$A"\nCOPY f /f\nWORKDIR /w\nCMD cat /made /f\n' >good/Dockerfile; printf 'file\n' >good/f; touch -d 2024-01-02T03:04:05Z good/f
		docker build -t built:1 good
		docker run --rm built:1
		docker build -t built:2 good
		docker build -q -t built:3 good
		docker build --no-cache --rm=false --build-arg X=y -t built:4 good
		docker history built:1 --format '{{.CreatedBy}}' | head -5
		docker inspect built:1 --format '{{json .Config.Cmd}} {{.Config.WorkingDir}} {{json .Config.Env}}'
		printf 'FROM busybox\nRUN exit 5\n' | docker build -
		printf 'FROM busybox\nRUN nosuchprogram\n' | docker build -
		printf 'FROM busybox\nCOPY nofile /x\n' | docker build -
		printf 'FROM busybox\nBOGUS x\n' | docker build -
		printf 'RUN true\n' | docker build -
		printf '' | docker build -
		printf 'FROM busybox AS a\nRUN echo stage >/s\nFROM busybox\nCOPY --from=a /s /s\nRUN cat /s\n' | docker build -t built:5 -
		printf 'FROM busybox AS a\nRUN echo only\nFROM a\nRUN echo never\n' | docker build --target a -
		printf 'FROM busybox AS a\n' | docker build --target nope -
		printf 'ARG T=latest\nFROM busybox:$T\nARG X=1\nRUN echo x is $X\nLABEL l=m\nEXPOSE 80\nUSER 5\nVOLUME /v\nSTOPSIGNAL 9\nHEALTHCHECK NONE\nSHELL ["/bin/sh","-c"]\nENTRYPOINT ["id"]\n' | docker build --build-arg X=2 --build-arg UNUSED=1 -t built:6 -
		docker run --rm built:6
		printf 'FROM busybox\nADD http://127.0.0.1:1/x /x\n' | docker build -
		printf 'FROM busybox\nRUN --mount=type=cache,target=/x true\n' | docker build -
		printf 'FROM scratch\nCOPY f /f\n' >good/Scratch; docker build -t built:7 -f good/Scratch good
		docker run --rm built:7 /f
		docker build -t Upper good
		docker build -f nofile good
		docker build nodir
		docker build --pull=false --label k=v -q good | cut -c1-7
		docker ps -a --format '{{.Command}}'
		docker container prune -f | grep -c .
		docker image prune -f | grep -c Total
		docker rmi built:1 built:2 built:3 built:4 built:5 built:6 built:7 2>&1 | grep -c Untagged
		docker images --format '{{.Repository}}:{{.Tag}}'
	`},
	{"events", `
		! sleep 1.1; date +%s >begin; sleep 1.1
		! docker run -d --name ev -l k=v busybox sleep 600; docker exec ev true; docker pause ev; docker unpause ev; docker rename ev ev2; docker kill ev2; docker wait ev2; docker network create evn; docker network connect evn ev2; docker network rm evn; docker volume create evv; docker tag busybox evi; docker rmi evi; docker rm ev2; docker volume rm evv; docker network disconnect -f evn ev2; docker network rm evn; sleep 1
		docker events --since $(cat begin) --until $(date +%s)
		docker events --since $(cat begin) --until $(date +%s) --filter type=container --format '{{.Action}} {{.Actor.Attributes.name}}'
		docker events --since $(cat begin) --until $(date +%s) --filter event=die --format '{{.Actor.Attributes.exitCode}} {{.Actor.Attributes.signal}}'
		docker events --since $(cat begin) --until $(date +%s) --filter container=nope
		docker events --since $(cat begin) --until $(date +%s) --filter bogus=1
		docker events --since $(cat begin) --until $(date +%s) --filter label=k=v --filter event=start --format '{{json .Actor.Attributes}}'
		docker events --since nonsense
	`},
	{"swarm", `
		docker service ls
		docker node ls
		docker stack ls
		docker secret ls
		docker config ls
		docker service create busybox
		docker swarm join-token worker
		docker swarm join 127.0.0.1:1 --token nonsense
		docker swarm leave
		docker swarm update
		docker swarm ca
		docker swarm unlock-key
		docker service inspect nope
		docker network create -d overlay ov
		docker swarm init --advertise-addr nonsense
		docker swarm init --advertise-addr 127.0.0.1
		docker swarm init --advertise-addr 127.0.0.1
		docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}} {{.Swarm.Nodes}} {{.Swarm.Managers}} {{.Swarm.NodeAddr}}'
		docker node ls --format '{{.Status}} {{.Availability}} {{.ManagerStatus}} {{.EngineVersion}} {{.Self}}'
		docker node inspect self --format '{{.Spec.Role}} {{.Status.State}} {{.ManagerStatus.Leader}}'
		docker node inspect nope
		docker node ps self
		docker swarm join-token -q worker
		docker swarm join-token manager
		docker swarm join-token nope
		docker service ls
		docker service ps nope
		docker service rm nope
		docker secret create s1 /etc/hostname
		echo x | docker secret create s1 -
		docker secret ls --format '{{.Name}} {{.Driver}}'
		docker secret inspect nope
		docker secret rm s1
		echo x | docker config create c1 -
		docker config inspect c1 --format '{{.Spec.Name}} {{.Spec.Data}}'
		docker config rm c1 nope
		sleep 1
		~ docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'
		docker swarm leave
		docker swarm leave -f
		docker node ls
		! docker network rm docker_gwbridge
	`},
	{"prune", `
		! docker run --name dead busybox true
		! docker volume create pv
		! docker network create pn
		docker system df
		docker ps -aq --filter status=exited | grep -c .
		docker container prune -f --filter until=1h
		docker container prune -f --filter label=nope
		docker container prune -f
		docker system prune -f
		docker system prune -f --volumes
		docker system prune -f --filter bogus=1
		docker volume rm pv
		docker network ls --format '{{.Name}}'
		docker images --format '{{.Repository}}:{{.Tag}}'
	`},
}
