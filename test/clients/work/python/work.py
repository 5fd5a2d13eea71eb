# A piece of work with python3-docker. Each section's title begins with "== ".
import io, json, sys, tarfile, threading
import docker

def show(title, f):
    print("==", title)
    try:
        r = f()
        if r is not None:
            print(r if isinstance(r, str) else json.dumps(r, sort_keys=True, indent=1, default=str))
    except Exception as e:
        print(type(e).__name__, e)
    sys.stdout.flush()

c = docker.from_env(timeout=30)
print("python3-docker", docker.version if isinstance(docker.version, str) else docker.__version__)
show("ping", lambda: c.ping())
show("version", lambda: {k: v for k, v in c.version().items() if k in ("Version", "ApiVersion", "MinAPIVersion", "Os", "Arch", "Platform")})
show("info", lambda: {k: v for k, v in c.info().items() if k in ("Driver", "Containers", "Images", "LoggingDriver", "DefaultRuntime", "ServerVersion", "OSType", "Plugins", "SecurityOptions", "Swarm")})
show("run to its end", lambda: c.containers.run("busybox", ["sh", "-c", "echo out; sleep 0.1; echo err >&2"], remove=True, stderr=True).decode())
show("run that fails", lambda: c.containers.run("busybox", "sh -c 'echo bad >&2; exit 3'", remove=True))
show("run without the image", lambda: c.containers.run("127.0.0.1:1/nope:1", "true"))
show("run what is no program", lambda: c.containers.run("busybox", "nosuchprogram", remove=True))
box = c.containers.run("busybox", ["sh", "-c", 'trap "exit 7" TERM; echo up; while :; do sleep 0.1; done'], name="pybox", detach=True, environment={"A": "b"},
    labels={"role": "py"}, ports={"80/tcp": ("127.0.0.1", 18083)}, mem_limit="64m", restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}, hostname="pyhost")
show("attributes", lambda: (box.reload(), {k: v for k, v in box.attrs.items() if k not in ("GraphDriver", "LogPath", "HostsPath", "HostnamePath", "ResolvConfPath")})[1])
show("logs followed", lambda: next(box.logs(stream=True)).decode())
show("logs", lambda: box.logs(tail=5).decode())
show("exec", lambda: repr(box.exec_run(["sh", "-c", "echo $A; hostname; sleep 0.1; echo bad >&2; exit 4"])))
show("exec demuxed", lambda: repr(box.exec_run(["sh", "-c", "echo one; echo two >&2"], demux=True, environment={"X": "y"}, workdir="/tmp", user="1000:100")))
show("exec streamed", lambda: repr(b"".join(box.exec_run("cat /etc/hostname", stream=True).output)))
show("exec with a terminal", lambda: repr(box.exec_run("echo typed", tty=True)))

def by_socket():
    e = c.api.exec_create("pybox", ["cat"], stdin=True)
    s = c.api.exec_start(e["Id"], socket=True)
    s._sock.sendall(b"to and fro\n")
    s._sock.shutdown(1)
    got = b""
    while True:
        b = s.read(4096)
        if not b:
            break
        got += b
    i = c.api.exec_inspect(e["Id"])
    return repr(got) + " " + str(i["ExitCode"]) + " " + str(i["Running"])
show("exec over a socket", by_socket)

def attached():
    s = c.api.attach_socket("pybox", params={"stdout": 1, "logs": 1, "stream": 1})
    h = s.read(8) + s.read(3)
    s.close()
    return repr(h)
show("attach", attached)

def put():
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        i = tarfile.TarInfo("dir/f")
        i.size, i.mtime, i.mode = 6, 1600000000, 0o640
        t.addfile(i, io.BytesIO(b"hello\n"))
    return box.put_archive("/tmp", b.getvalue())
show("put archive", put)
show("put archive nowhere", lambda: box.put_archive("/no/where", b""))

def get():
    bits, stat = box.get_archive("/tmp/dir")
    t = tarfile.open(fileobj=io.BytesIO(b"".join(bits)))
    return {"stat": stat, "members": [(m.name, oct(m.mode), m.size, m.uid, m.gname, m.type.decode()) for m in t], "f": t.extractfile("dir/f").read().decode()}
show("get archive", get)
show("get archive of nothing", lambda: box.get_archive("/nofile"))
show("diff", lambda: sorted(box.diff(), key=lambda d: d["Path"]))
show("top", lambda: {"titles": box.top()["Titles"], "commands": sorted(p[-1][:20] for p in box.top()["Processes"])})
show("top by columns", lambda: box.top(ps_args="-o pid,args")["Titles"])
show("stats", lambda: sorted(box.stats(stream=False)))
show("pause", lambda: (box.pause(), box.reload(), box.status)[2])
show("exec in a paused one", lambda: str(box.exec_run("true")))
show("unpause", lambda: (box.unpause(), box.reload(), box.status)[2])
show("update", lambda: box.update(mem_limit="128m", memswap_limit="256m"))
show("rename", lambda: (box.rename("pybox2"), box.reload(), box.name)[2])
show("list", lambda: [(x.name, x.status, x.image.tags, x.labels) for x in c.containers.list(filters={"label": "role=py"})])
show("name taken", lambda: c.containers.create("busybox", name="pybox2"))
n = c.networks.create("pynet", driver="bridge", labels={"a": "b"}, ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.78.0.0/24", gateway="10.78.0.1")]))
show("network", lambda: n.attrs)
show("network connect", lambda: (n.connect(box, aliases=["pal"], ipv4_address="10.78.0.9"), n.reload(), [x.name for x in n.containers])[2])
show("endpoint", lambda: (box.reload(), box.attrs["NetworkSettings"]["Networks"]["pynet"])[1])
show("network in use", lambda: n.remove())
show("network disconnect", lambda: n.disconnect(box))
show("network list", lambda: sorted(x.name for x in c.networks.list()))
show("network remove", lambda: n.remove())
show("network that is none", lambda: c.networks.get("nope"))
v = c.volumes.create("pyvol", labels={"kept": "yes"})
show("volume", lambda: {k: x for k, x in v.attrs.items() if k != "CreatedAt"})
show("volume written and read", lambda: (c.containers.run("busybox", ["sh", "-c", "echo kept >/v/f"], volumes={"pyvol": {"bind": "/v", "mode": "rw"}}, remove=True), c.containers.run("busybox", "cat /v/f", volumes={"pyvol": {"bind": "/v", "mode": "ro"}}, remove=True))[1].decode())
show("volume list", lambda: [x.name for x in c.volumes.list()])
show("volume remove", lambda: v.remove())
show("volume that is none", lambda: c.volumes.get("nope"))
show("commit", lambda: box.commit("pymade", "1", message="made", author="py", conf={"Labels": {"l": "m"}}).tags)
show("image", lambda: {k: x for k, x in c.images.get("pymade:1").attrs.items() if k not in ("GraphDriver", "ContainerConfig")})
show("history", lambda: c.images.get("pymade:1").history()[0])
show("tag", lambda: (c.images.get("pymade:1").tag("reg.example:5000/py", "2"), sorted(c.images.get("pymade:1").tags))[1])

def build():
    d = io.BytesIO(b"FROM busybox\nRUN echo built >/made\nLABEL by=py\nCMD cat /made\n")
    i, log = c.images.build(fileobj=d, tag="pybuilt:1", rm=True)
    return [i.tags, i.labels, [l.get("stream", l) for l in log]]
show("build", build)
show("build that fails", lambda: c.images.build(fileobj=io.BytesIO(b"FROM busybox\nRUN exit 5\n"), rm=True))
show("run what was built", lambda: c.containers.run("pybuilt:1", remove=True).decode())

def saved():
    b = b"".join(c.images.get("pybuilt:1").save(named=True))
    c.images.remove("pybuilt:1")
    i = c.images.load(b)
    t = tarfile.open(fileobj=io.BytesIO(b))
    return [json.load(t.extractfile("manifest.json"))[0]["RepoTags"], [x.tags for x in i]]
show("save, load", saved)
show("image list", lambda: sorted(t for i in c.images.list() for t in i.tags))
show("image that is none", lambda: c.images.get("nope"))
show("remove images", lambda: [c.images.remove(x) for x in ("pymade:1", "reg.example:5000/py:2", "pybuilt:1")])

def events():
    seen = []
    got = threading.Event()
    stream = c.events(decode=True, filters={"container": "pybox2"})
    def read():
        for e in stream:
            seen.append((e["Type"], e["Action"], e["Actor"]["Attributes"].get("exitCode")))
            if e["Action"] == "destroy":
                got.set()
                return
    t = threading.Thread(target=read, daemon=True)
    t.start()
    import time
    time.sleep(0.5)
    box.stop(timeout=5)
    r = box.wait()
    box.remove()
    got.wait(5)
    stream.close()
    return {"wait": r, "events": seen}
show("stop, wait, remove as events", events)
show("gone", lambda: box.reload())
show("df", lambda: {k: len(x) if isinstance(x, list) else "n" for k, x in c.df().items() if k != "LayersSize"})
show("prune", lambda: [c.containers.prune(), c.networks.prune(), c.images.prune()])
show("swarm", lambda: c.swarm.attrs and None)
show("services", lambda: c.services.list())
show("plugins", lambda: c.plugins.list())
