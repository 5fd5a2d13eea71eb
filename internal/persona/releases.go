package persona

// all lists the personas. The vendor's strings are those of Docker's own packages
// (docker-ce, containerd.io), the Debian ones those of the Debian package.
var all = []*Persona{
	{
		Name: "docker-20.10.24", Release: "20.10.24", Version: "20.10.24", Era: Era20,
		API: "1.41", MinAPI: "1.12", Platform: "Docker Engine - Community",
		GitCommit: "5d6db84", BuildTime: "2023-04-04T18:18:40.000000000+00:00", GoVersion: "go1.19.7", Go: 19,
		Containerd: Component{"containerd", "1.6.20", "2806fc1057397dbaeefbea0e4e17bddfbd388f38"},
		Runc:       Component{"runc", "1.1.5", "v1.1.5-0-gf19387a"},
		Init:       Component{"docker-init", "0.19.0", "de40ad0"},
		CgroupV2:   true,
		Args:       []string{"/usr/bin/dockerd", "-H", "fd://", "-H", "tcp://0.0.0.0:2375", "--containerd=/run/containerd/containerd.sock"},
	},
	{
		Name: "docker-28.5.2", Release: "28.5.2", Version: "28.5.2", Era: Era28,
		API: "1.51", MinAPI: "1.24", Platform: "Docker Engine - Community",
		GitCommit: "89c5e8f", BuildTime: "2025-11-05T14:43:25.000000000+00:00", GoVersion: "go1.25.3", Go: 25,
		Containerd: Component{"containerd", "v1.7.29", "442cb34bda9a6a0fed82a2ca7cade05c5c749582"},
		Runc:       Component{"runc", "1.3.3", "v1.3.3-0-gd842d771"},
		Init:       Component{"docker-init", "0.19.0", "de40ad0"},
		CgroupV2:   true,
		Args:       []string{"/usr/bin/dockerd", "-H", "fd://", "-H", "tcp://0.0.0.0:2375", "--containerd=/run/containerd/containerd.sock"},
	},
	{
		Name: "docker-26.1.5", Release: "26.1.5", Version: "26.1.5", Era: Era26,
		API: "1.45", MinAPI: "1.24", Platform: "Docker Engine - Community",
		GitCommit: "411e817", BuildTime: "2024-07-23T19:46:56.000000000+00:00", GoVersion: "go1.21.12", Go: 21,
		Containerd: Component{"containerd", "1.7.19", "2bf793ef6dc9a18e00cb12efb64355c2c9d5eb41"},
		Runc:       Component{"runc", "1.7.19", "v1.1.13-0-g58aa920"},
		Init:       Component{"docker-init", "0.19.0", "de40ad0"},
		CgroupV2:   true,
		Args:       []string{"/usr/bin/dockerd", "-H", "fd://", "-H", "tcp://0.0.0.0:2375", "--containerd=/run/containerd/containerd.sock"},
	},
}
