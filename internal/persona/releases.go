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
		Runc:       Component{"runc", "1.1.13", "v1.1.13-0-g58aa920"},
		Init:       Component{"docker-init", "0.19.0", "de40ad0"},
		CgroupV2:   true,
		Args:       []string{"/usr/bin/dockerd", "-H", "fd://", "-H", "tcp://0.0.0.0:2375", "--containerd=/run/containerd/containerd.sock"},
	},
	// Debian's builds of the same releases, for tests beside the real ones.
	{
		Name: "docker-20.10.24-debian", Release: "20.10.24", Version: "20.10.24+dfsg1", Era: Era20, Debian: true,
		API: "1.41", MinAPI: "1.12",
		GitCommit: "5d6db84", BuildTime: "2024-05-25T11:41:48.000000000+00:00", GoVersion: "go1.19.8", Go: 19,
		Containerd: Component{"containerd", "1.6.20~ds1", "1.6.20~ds1-1+deb12u3"},
		Runc:       Component{"runc", "1.1.5+ds1", "1.1.5+ds1-1+deb12u1"},
		Init:       Component{"docker-init", "0.19.0", ""},
		Args:       []string{"dockerd", "-H", "unix:///run/docker.sock", "-H", "tcp://127.0.0.1:2375"},
	},
	{
		Name: "docker-26.1.5-debian", Release: "26.1.5", Version: "26.1.5+dfsg1", Era: Era26, Debian: true,
		API: "1.45", MinAPI: "1.24",
		GitCommit: "411e817", BuildTime: "2025-05-04T00:00:00.000000000+00:00", GoVersion: "go1.24.4", Go: 24,
		Containerd: Component{"containerd", "1.7.24~ds1", "1.7.24~ds1-6+deb13u1"},
		Runc:       Component{"runc", "1.1.15+ds1", "1.1.15+ds1-2+b4"},
		Init:       Component{"docker-init", "0.19.0", ""},
		Args:       []string{"dockerd", "-H", "unix:///run/docker.sock", "-H", "tcp://127.0.0.1:2375"},
	},
	{
		Name: "docker-28.5.2-debian", Release: "28.5.2", Version: "28.5.2+dfsg4", Era: Era28, Debian: true,
		API: "1.51", MinAPI: "1.24",
		GitCommit: "3ef3c07c883be49a2e8097bcf6d2952fce1d70eb", BuildTime: "2026-08-01T00:00:00.000000000+00:00", GoVersion: "go1.27.1", Go: 27,
		Containerd: Component{"containerd", "2.1.9+unknown", ""},
		Runc:       Component{"runc", "1.3.6+ds1", "1.3.6+ds1-1"},
		Init:       Component{"docker-init", "0.19.0", ""},
		Args:       []string{"dockerd", "-H", "unix:///run/docker.sock", "-H", "tcp://127.0.0.1:2375"},
	},
}
