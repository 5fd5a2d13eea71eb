package main

import (
	_ "early.whalefall/quiet"
	_ "github.com/docker/docker/api/server/router/build"
	_ "github.com/docker/docker/api/server/router/checkpoint"
	_ "github.com/docker/docker/api/server/router/container"
	_ "github.com/docker/docker/api/server/router/debug"
	_ "github.com/docker/docker/api/server/router/distribution"
	_ "github.com/docker/docker/api/server/router/grpc"
	_ "github.com/docker/docker/api/server/router/image"
	_ "github.com/docker/docker/api/server/router/network"
	_ "github.com/docker/docker/api/server/router/plugin"
	_ "github.com/docker/docker/api/server/router/session"
	_ "github.com/docker/docker/api/server/router/swarm"
	_ "github.com/docker/docker/api/server/router/system"
	_ "github.com/docker/docker/api/server/router/volume"
	_ "github.com/spf13/cobra"
	_ "modernc.org/sqlite"
	_ "mvdan.cc/sh/v3/syntax"
	_ "go.yaml.in/yaml/v3"
	_ "github.com/elastic/go-seccomp-bpf"
	_ "github.com/landlock-lsm/go-landlock/landlock"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/ulikunitz/xz"
	_ "github.com/klauspost/compress/zstd"
	_ "github.com/pires/go-proxyproto"
)

func main() {}
