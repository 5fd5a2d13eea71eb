package image

import (
	"sort"
	"strings"
)

// daemonScript is the entrypoint of images that have one of their own.
const daemonScript = "#!/bin/sh\nset -e\n\nif [ \"${1#-}\" != \"$1\" ]; then\n\tset -- %s \"$@\"\nfi\n\nexec \"$@\"\n"

func entrypoint(prog string) map[string]string {
	return map[string]string{"/usr/local/bin/docker-entrypoint.sh": strings.Replace(daemonScript, "%s", prog, 1)}
}

var entry = []string{"docker-entrypoint.sh"}

// entries is the catalogue, by the familiar name of Docker Hub's repository.
var entries = map[string]*Entry{
	"alpine": {Base: "alpine3.20", Tags: map[string]string{"3.18": "alpine3.18", "3.19": "alpine3.19", "3.1": "alpine3.18", "3.20": "alpine3.20"}, Stars: 10642, Official: true,
		About: "A minimal Docker image based on Alpine Linux with a complete package index and only 5 MB in size!"},
	"ubuntu": {Base: "ubuntu2204", Tags: map[string]string{"20.04": "ubuntu2004", "focal": "ubuntu2004", "18.04": "ubuntu1804", "bionic": "ubuntu1804", "16.04": "ubuntu1804", "14.04": "ubuntu1804"}, Stars: 17015, Official: true,
		About: "Ubuntu is a Debian-based Linux operating system based on free software."},
	"debian": {Base: "debian12", Tags: map[string]string{"11": "debian11", "bullseye": "debian11", "10": "debian11", "buster": "debian11", "9": "debian11"}, Stars: 4966, Official: true,
		About: "Debian is a Linux distribution that's composed entirely of free and open-source software."},
	"busybox": {Base: "busybox", Stars: 3226, Official: true, About: "Busybox base image."},
	"centos": {Base: "centos8", Tags: map[string]string{"7": "centos7", "6": "centos7", "centos7": "centos7"}, Stars: 7731, Official: true,
		About: "DEPRECATED; The official build of CentOS."},
	"rockylinux":  {Base: "centos8", Stars: 175, Official: true, About: "The official build of Rocky Linux."},
	"almalinux":   {Base: "centos8", Stars: 131, Official: true, About: "The official build of AlmaLinux OS."},
	"amazonlinux": {Base: "centos7", Stars: 413, Official: true, About: "Amazon Linux provides a stable, secure, and high-performance execution environment for applications."},
	"fedora":      {Base: "centos8", Stars: 1198, Official: true, About: "Official Docker builds of Fedora"},
	"hello-world": {Base: "", Programs: []string{"/hello"}, Cmd: []string{"/hello"}, Size: 13256, Created: "2023-05-04T17:37:03", Stars: 2251, Official: true,
		About: "Hello World! (an example of minimal Dockerization)"},
	"nginx": {Base: "debian12", Programs: []string{"/usr/sbin/nginx", "/usr/bin/curl"}, Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"},
		Env: []string{"NGINX_VERSION=1.25.5", "NJS_VERSION=0.8.4", "NJS_RELEASE=2~bookworm", "PKG_RELEASE=1~bookworm"}, Ports: []string{"80/tcp"}, StopSignal: "SIGQUIT",
		Files: map[string]string{"/docker-entrypoint.sh": "#!/bin/sh\nset -e\nexec \"$@\"\n", "/etc/nginx/nginx.conf": "\nuser  nginx;\nworker_processes  auto;\n\nerror_log  /var/log/nginx/error.log notice;\npid        /var/run/nginx.pid;\n\nevents {\n    worker_connections  1024;\n}\n", "/usr/share/nginx/html/index.html": "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n<h1>Welcome to nginx!</h1>\n</body>\n</html>\n"},
		Size:  187659947, Layers: 6, Stars: 19871, Official: true, About: "Official build of Nginx."},
	"httpd": {Base: "debian12", Programs: []string{"/usr/local/apache2/bin/httpd", "/usr/local/bin/httpd-foreground"}, Cmd: []string{"httpd-foreground"}, WorkDir: "/usr/local/apache2",
		Env: []string{"PATH=/usr/local/apache2/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HTTPD_PREFIX=/usr/local/apache2", "HTTPD_VERSION=2.4.59"}, Ports: []string{"80/tcp"}, StopSignal: "SIGWINCH",
		Size: 147913000, Layers: 5, Stars: 4719, Official: true, About: "The Apache HTTP Server Project"},
	"redis": {Base: "debian12", Programs: []string{"/usr/local/bin/redis-server", "/usr/local/bin/redis-cli", "/usr/local/bin/gosu"}, Entrypoint: entry, Files: entrypoint("redis-server"), Cmd: []string{"redis-server"}, WorkDir: "/data",
		Env: []string{"GOSU_VERSION=1.17", "REDIS_VERSION=7.2.4"}, Ports: []string{"6379/tcp"}, Volumes: []string{"/data"}, Size: 116500000, Layers: 7, Stars: 12856, Official: true,
		About: "Redis is the world's fastest data platform for caching, vector search, and NoSQL databases."},
	"postgres": {Base: "debian12", Programs: []string{"/usr/lib/postgresql/16/bin/postgres", "/usr/bin/psql", "/usr/local/bin/gosu", "/usr/local/bin/postgres"}, Entrypoint: entry, Files: entrypoint("postgres"), Cmd: []string{"postgres"},
		Env: []string{"GOSU_VERSION=1.17", "LANG=en_US.utf8", "PG_MAJOR=16", "PG_VERSION=16.2-1.pgdg120+2", "PGDATA=/var/lib/postgresql/data"}, Ports: []string{"5432/tcp"}, Volumes: []string{"/var/lib/postgresql/data"}, StopSignal: "SIGINT",
		Size: 431900000, Layers: 13, Stars: 13264, Official: true, About: "The PostgreSQL object-relational database system provides reliability and data integrity."},
	"mysql": {Base: "centos8", Programs: []string{"/usr/sbin/mysqld", "/usr/bin/mysql", "/usr/bin/mysqldump", "/usr/local/bin/gosu"}, Entrypoint: entry, Files: entrypoint("mysqld"), Cmd: []string{"mysqld"},
		Env: []string{"GOSU_VERSION=1.17", "MYSQL_MAJOR=8.0", "MYSQL_VERSION=8.0.36-1.el8"}, Ports: []string{"3306/tcp", "33060/tcp"}, Volumes: []string{"/var/lib/mysql"}, Size: 632700000, Layers: 9, Stars: 15104, Official: true,
		About: "MySQL is a widely used, open-source relational database management system (RDBMS)."},
	"mariadb": {Base: "ubuntu2204", Programs: []string{"/usr/sbin/mariadbd", "/usr/bin/mariadb", "/usr/local/bin/gosu"}, Entrypoint: entry, Files: entrypoint("mariadbd"), Cmd: []string{"mariadbd"},
		Env: []string{"GOSU_VERSION=1.17", "LANG=C.UTF-8", "MARIADB_VERSION=1:11.3.2+maria~ubu2204"}, Ports: []string{"3306/tcp"}, Volumes: []string{"/var/lib/mysql"}, Size: 405000000, Layers: 7, Stars: 5758, Official: true,
		About: "MariaDB Server is a high performing open source relational database, forked from MySQL."},
	"mongo": {Base: "ubuntu2204", Programs: []string{"/usr/bin/mongod", "/usr/bin/mongosh", "/usr/local/bin/gosu"}, Entrypoint: entry, Files: entrypoint("mongod"), Cmd: []string{"mongod"},
		Env: []string{"GOSU_VERSION=1.17", "MONGO_MAJOR=7.0", "MONGO_VERSION=7.0.8"}, Ports: []string{"27017/tcp"}, Volumes: []string{"/data/configdb", "/data/db"}, Size: 757000000, Layers: 7, Stars: 10184, Official: true,
		About: "MongoDB document databases provide high availability and easy scalability."},
	"memcached": {Base: "debian12", Programs: []string{"/usr/local/bin/memcached"}, Entrypoint: entry, Files: entrypoint("memcached"), Cmd: []string{"memcached"}, User: "memcache", Ports: []string{"11211/tcp"}, Size: 84400000, Layers: 4, Stars: 2262, Official: true,
		About: "Free & open source, high-performance, distributed memory object caching system."},
	"rabbitmq": {Base: "ubuntu2204", Programs: []string{"/opt/rabbitmq/sbin/rabbitmq-server", "/usr/local/bin/rabbitmq-server"}, Entrypoint: entry, Files: entrypoint("rabbitmq-server"), Cmd: []string{"rabbitmq-server"}, Ports: []string{"4369/tcp", "5672/tcp", "15692/tcp", "25672/tcp"}, Volumes: []string{"/var/lib/rabbitmq"}, Size: 220000000, Layers: 9, Stars: 5018, Official: true,
		About: "RabbitMQ is an open source multi-protocol messaging broker."},
	"node": {Base: "debian12", Programs: []string{"/usr/local/bin/node", "/usr/local/bin/npm", "/usr/local/bin/yarn", "/usr/bin/curl", "/usr/bin/wget", "/usr/bin/git", "/usr/bin/python3.11", "/usr/bin/gcc", "/usr/bin/make"}, Entrypoint: entry, Files: entrypoint("node"), Cmd: []string{"node"},
		Env: []string{"NODE_VERSION=20.12.2", "YARN_VERSION=1.22.19"}, Size: 1096800000, Layers: 7, Stars: 13349, Official: true, About: "Node.js is a JavaScript-based platform for server-side and networking applications."},
	"python": {Base: "debian12", Programs: []string{"/usr/local/bin/python3", "/usr/local/bin/python", "/usr/local/bin/pip", "/usr/local/bin/pip3", "/usr/bin/curl", "/usr/bin/wget", "/usr/bin/git", "/usr/bin/gcc", "/usr/bin/make"}, Cmd: []string{"python3"},
		Env: []string{"PATH=/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "GPG_KEY=7169605F62C751356D054A26A821E680E5FA6305", "PYTHON_VERSION=3.12.3", "PYTHON_PIP_VERSION=24.0"}, Size: 1017700000, Layers: 7, Stars: 9559, Official: true,
		About: "Python is an interpreted, interactive, object-oriented, open-source programming language."},
	"golang": {Base: "debian12", Programs: []string{"/usr/local/go/bin/go", "/usr/local/go/bin/gofmt", "/usr/bin/git", "/usr/bin/curl", "/usr/bin/wget", "/usr/bin/gcc", "/usr/bin/make"}, WorkDir: "/go",
		Env: []string{"PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "GOLANG_VERSION=1.22.2", "GOTOOLCHAIN=local", "GOPATH=/go"}, Size: 823000000, Layers: 6, Stars: 4877, Official: true, About: "Go (golang) is a general purpose, higher-level, imperative programming language."},
	"php": {Base: "debian12", Programs: []string{"/usr/local/bin/php", "/usr/bin/curl", "/usr/bin/gcc"}, Entrypoint: []string{"docker-php-entrypoint"}, Files: map[string]string{"/usr/local/bin/docker-php-entrypoint": strings.Replace(daemonScript, "%s", "php", 1)}, Cmd: []string{"php", "-a"}, Env: []string{"PHP_VERSION=8.3.6"}, Size: 526000000, Layers: 9, Stars: 7657, Official: true,
		About: "While designed for web development, the PHP scripting language also provides general-purpose use."},
	"openjdk":       {Base: "centos8", Programs: []string{"/usr/java/openjdk-18/bin/java", "/usr/bin/jshell", "/usr/bin/java"}, Cmd: []string{"jshell"}, Env: []string{"JAVA_HOME=/usr/java/openjdk-18", "JAVA_VERSION=18.0.2.1"}, Size: 471000000, Layers: 2, Stars: 3903, Official: true, About: "Pre-release / non-production builds of OpenJDK"},
	"tomcat":        {Base: "ubuntu2204", Programs: []string{"/usr/local/tomcat/bin/catalina.sh", "/usr/local/bin/catalina.sh", "/opt/java/openjdk/bin/java"}, Cmd: []string{"catalina.sh", "run"}, WorkDir: "/usr/local/tomcat", Ports: []string{"8080/tcp"}, Size: 455000000, Layers: 7, Stars: 3667, Official: true, About: "Apache Tomcat is an open source implementation of the Java Servlet and JavaServer Pages technologies"},
	"wordpress":     {Base: "debian12", Programs: []string{"/usr/local/bin/apache2-foreground", "/usr/local/bin/php"}, Entrypoint: entry, Files: entrypoint("apache2-foreground"), Cmd: []string{"apache2-foreground"}, WorkDir: "/var/www/html", Ports: []string{"80/tcp"}, Volumes: []string{"/var/www/html"}, Size: 685000000, Layers: 21, Stars: 5669, Official: true, About: "The WordPress rich content management system can utilize plugins, widgets, and themes."},
	"elasticsearch": {Base: "ubuntu2004", Programs: []string{"/usr/local/bin/eswrapper", "/bin/tini"}, Entrypoint: []string{"/bin/tini", "--", "/usr/local/bin/docker-entrypoint.sh"}, Files: entrypoint("eswrapper"), Cmd: []string{"eswrapper"}, Ports: []string{"9200/tcp", "9300/tcp"}, Size: 1260000000, Layers: 9, Stars: 6243, Official: true, About: "Elasticsearch is a powerful open source search and analytics engine that makes data easy to explore."},
	"traefik":       {Base: "alpine3.19", Programs: []string{"/usr/local/bin/traefik"}, Entrypoint: []string{"/entrypoint.sh"}, Files: map[string]string{"/entrypoint.sh": strings.Replace(daemonScript, "%s", "traefik", 1)}, Cmd: []string{"traefik"}, Ports: []string{"80/tcp"}, Size: 153000000, Layers: 3, Stars: 3267, Official: true, About: "Traefik, The Cloud Native Edge Router"},
	"registry":      {Base: "alpine3.18", Programs: []string{"/bin/registry"}, Entrypoint: []string{"/entrypoint.sh"}, Files: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nexec registry serve \"$@\"\n"}, Cmd: []string{"/etc/docker/registry/config.yml"}, Ports: []string{"5000/tcp"}, Volumes: []string{"/var/lib/registry"}, Size: 25400000, Layers: 4, Stars: 4006, Official: true, About: "Distribution implementation for storing and distributing of container images and artifacts"},
	"docker": {Base: "alpine3.19", Programs: []string{"/usr/local/bin/docker", "/usr/local/bin/dockerd", "/usr/local/bin/containerd", "/usr/local/bin/runc", "/usr/local/bin/ctr", "/usr/bin/git", "/usr/bin/ssh"}, Entrypoint: []string{"dockerd-entrypoint.sh"}, Files: map[string]string{"/usr/local/bin/dockerd-entrypoint.sh": strings.Replace(daemonScript, "%s", "dockerd", 1), "/usr/local/bin/docker-entrypoint.sh": strings.Replace(daemonScript, "%s", "docker", 1)},
		Env: []string{"DOCKER_VERSION=26.1.0", "DOCKER_TLS_CERTDIR=/certs", "DOCKER_BUILDX_VERSION=0.14.0"}, Ports: []string{"2375/tcp", "2376/tcp"}, Volumes: []string{"/var/lib/docker"}, Size: 359000000, Layers: 14, Stars: 2489, Official: true, About: "Docker in Docker!"},
	"ruby":                           {Base: "debian12", Programs: []string{"/usr/local/bin/ruby", "/usr/local/bin/irb", "/usr/bin/curl", "/usr/bin/gcc"}, Cmd: []string{"irb"}, Size: 993000000, Layers: 7, Stars: 2388, Official: true, About: "Ruby is a dynamic, reflective, object-oriented, general-purpose, open-source programming language."},
	"jenkins/jenkins":                {Base: "debian12", Programs: []string{"/usr/local/bin/jenkins.sh", "/opt/java/openjdk/bin/java", "/usr/bin/tini", "/usr/bin/curl", "/usr/bin/git"}, Entrypoint: []string{"/usr/bin/tini", "--", "/usr/local/bin/jenkins.sh"}, User: "jenkins", Ports: []string{"50000/tcp", "8080/tcp"}, Volumes: []string{"/var/jenkins_home"}, Size: 470000000, Layers: 12, Stars: 4017, About: "The leading open source automation server"},
	"grafana/grafana":                {Base: "alpine3.19", Programs: []string{"/usr/share/grafana/bin/grafana"}, Entrypoint: []string{"/run.sh"}, Files: map[string]string{"/run.sh": "#!/bin/sh\nexec /usr/share/grafana/bin/grafana server \"$@\"\n"}, User: "472", WorkDir: "/usr/share/grafana", Ports: []string{"3000/tcp"}, Size: 429000000, Layers: 9, Stars: 3130, About: "The official Grafana docker container"},
	"prom/prometheus":                {Base: "busybox", Programs: []string{"/bin/prometheus", "/bin/promtool"}, Entrypoint: []string{"/bin/prometheus"}, Cmd: []string{"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"}, User: "nobody", WorkDir: "/prometheus", Ports: []string{"9090/tcp"}, Volumes: []string{"/prometheus"}, Size: 268000000, Layers: 11, Stars: 1897},
	"prom/node-exporter":             {Base: "busybox", Programs: []string{"/bin/node_exporter"}, Entrypoint: []string{"/bin/node_exporter"}, User: "nobody", Ports: []string{"9100/tcp"}, Size: 22900000, Layers: 2, Stars: 395},
	"portainer/portainer-ce":         {Base: "", Programs: []string{"/portainer"}, Entrypoint: []string{"/portainer"}, WorkDir: "/", Ports: []string{"8000/tcp", "9000/tcp", "9443/tcp"}, Volumes: []string{"/data"}, Size: 295000000, Layers: 8, Stars: 2384},
	"gitlab/gitlab-ce":               {Base: "ubuntu2204", Programs: []string{"/assets/wrapper"}, Cmd: []string{"/assets/wrapper"}, Ports: []string{"22/tcp", "443/tcp", "80/tcp"}, Size: 2980000000, Layers: 8, Stars: 4203},
	"minio/minio":                    {Base: "centos8", Programs: []string{"/usr/bin/minio", "/usr/bin/mc"}, Entrypoint: []string{"/usr/bin/docker-entrypoint.sh"}, Files: map[string]string{"/usr/bin/docker-entrypoint.sh": strings.Replace(daemonScript, "%s", "minio", 1)}, Cmd: []string{"minio"}, Ports: []string{"9000/tcp"}, Size: 147000000, Layers: 8, Stars: 1302},
	"containrrr/watchtower":          {Base: "", Programs: []string{"/watchtower"}, Entrypoint: []string{"/watchtower"}, Ports: []string{"8080/tcp"}, Size: 14700000, Layers: 3, Stars: 1020},
	"kindest/node":                   {Base: "debian12", Programs: []string{"/usr/local/bin/entrypoint", "/usr/bin/kubelet", "/usr/bin/kubectl"}, Entrypoint: []string{"/usr/local/bin/entrypoint", "/sbin/init"}, Size: 972000000, Layers: 2},
	"curlimages/curl":                {Base: "alpine3.19", Programs: []string{"/usr/bin/curl"}, Entrypoint: []string{"/entrypoint.sh"}, Files: map[string]string{"/entrypoint.sh": "#!/bin/sh\nset -e\nif [ \"${1#-}\" != \"$1\" ]; then\n\tset -- curl \"$@\"\nfi\nexec \"$@\"\n"}, Cmd: []string{"curl"}, User: "curl_user", Size: 20700000, Layers: 3, Stars: 190},
	"chenzhaoyu94/chatgpt-web":       {Base: "alpine3.19", Programs: []string{"/usr/local/bin/node", "/usr/local/bin/pnpm"}, Entrypoint: entry, Files: entrypoint("node"), Cmd: []string{"pnpm", "run", "prod"}, WorkDir: "/app", Ports: []string{"3002/tcp"}, Size: 280000000, Layers: 8},
	"peer2profit/peer2profit_x86":    {Base: "alpine3.18", Programs: []string{"/usr/bin/p2pclient"}, Cmd: []string{"p2pclient"}, Size: 12900000, Layers: 2},
	"peer2profit/peer2profit_x86_64": {Base: "alpine3.18", Programs: []string{"/usr/bin/p2pclient"}, Cmd: []string{"p2pclient"}, Size: 12900000, Layers: 2},
	"weaveworks/scope":               {Base: "alpine3.18", Programs: []string{"/home/weave/scope", "/usr/bin/docker"}, Entrypoint: []string{"/home/weave/entrypoint.sh"}, Files: map[string]string{"/home/weave/entrypoint.sh": "#!/bin/sh\nexec /home/weave/scope \"$@\"\n"}, Size: 94700000, Layers: 9},
}

// lookup finds a repository by its normalized name.
func lookup(name string) (*Entry, bool) {
	n := strings.TrimPrefix(name, "docker.io/")
	n = strings.TrimPrefix(n, "library/")
	if e, ok := entries[n]; ok {
		return e, true
	}
	// mirrors and old habits: registry/library/alpine, foo/alpine
	if i := strings.LastIndexByte(n, '/'); i > 0 {
		switch last := n[i+1:]; last {
		case "alpine", "ubuntu", "debian", "centos", "busybox":
			return entries[last], false
		}
	}
	return nil, false
}

// Found is a search's answer.
type Found struct {
	Name, About string
	Stars       int
	Official    bool
}

// Search lists the catalogue's repositories that match a term, the most starred
// first, then made-up ones of users whose name the term is part of.
func Search(term string, limit int) []Found {
	term = strings.ToLower(strings.TrimPrefix(term, "library/"))
	var out []Found
	for n, e := range entries {
		if strings.Contains(n, term) || strings.Contains(strings.ToLower(e.About), term) {
			out = append(out, Found{Name: n, About: e.About, Stars: e.Stars, Official: e.Official})
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].Stars != out[j].Stars {
			return out[i].Stars > out[j].Stars
		}
		return out[i].Name < out[j].Name
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out
}
