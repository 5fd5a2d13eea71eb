#!/usr/bin/env bash
# deps.sh: installs what the tests need beside Go, from Debian's packages:
# dash and bash (the real shells beside ours), busybox, gzip and coreutils (the
# real programs), 7zip (checks our archives), iproute2 (network namespaces), qemu-system-arm (a machine
# whose kernel is arm64's: only there the filter of the arm64 build can be tried), the docker client,
# and the clients of test/clients that Debian packages: compose, python3-docker, ansible, skopeo, nmap,
# ruby-docker-api, node. Nothing that is there is installed again.
set -eu
missing=()
need() { command -v "$1" >/dev/null 2>&1 || missing+=("$2"); }
need dash dash; need bash bash; need busybox busybox-static; need 7z p7zip-full; need ip iproute2; need jq jq; need curl curl; need gzip gzip; need unshare util-linux; need qemu-system-aarch64 qemu-system-arm
need docker-compose docker-compose; need ansible-playbook ansible; need skopeo skopeo; need nmap nmap; need node nodejs; need npm npm
package() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] || missing+=("$1"); }
package python3-docker; package ruby-docker-api; package ruby-multi-json
if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" != 0 ]; then echo "deps.sh: as root: apt-get install ${missing[*]}" >&2; exit 1; fi
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
# The client alone: the package docker.io would start a daemon. It is unpacked, not
# installed.
if ! command -v docker >/dev/null 2>&1; then
	dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
	apt-get update -qq
	(cd "$dir" && apt-get -o APT::Sandbox::User=root download -qq docker.io && dpkg -x docker.io_*.deb x)
	install -m 755 "$dir/x/usr/bin/docker" /usr/local/bin/docker
fi
