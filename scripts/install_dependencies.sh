#!/usr/bin/env bash
# Installs the Debian 12 packages that a task needs, where they are missing; silent and instant
# where they are not.
#
#   scripts/install_dependencies.sh SET...
#     build     compile and run Postern
#     test      lint and test it (real nginx, sshd, redis, Prometheus and Alertmanager included)
#     fuzz      build the fuzz targets with clang
#     bench     measure it beside nmap, masscan and zmap, and scan real UDP services
#     trackers  keep tickets in a real Redmine (about 140 packages)
#     npm       fetch the published descriptions of the other trackers' APIs
#
# Installing a server package here starts no service, now or at the next boot.
set -euo pipefail

build_packages=(
  g++ cmake ninja-build pkg-config ccache ca-certificates curl
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libpcap-dev libsqlite3-dev libyaml-cpp-dev prometheus-cpp-dev libcli11-dev
  libssl-dev libcurl4-openssl-dev libcrypt-dev libsodium-dev libc-ares-dev libidn2-dev libsystemd-dev
  libgtest-dev libgmock-dev libexpat1-dev
)
test_packages=(
  clang-format clang-tidy shellcheck python3 python3-pytest python3-pytest-xdist python3-jsonschema
  python3-yaml python3-aiosmtpd
  iproute2 nftables tcpdump tshark util-linux
  nmap ndiff libxml2-utils sqlite3 openssl
  nginx-light openssh-server redis-server prometheus prometheus-alertmanager
  dnsmasq-base tftpd-hpa chrony snmpd strongswan-charon libstrongswan-standard-plugins
  systemd
)
fuzz_packages=(clang libclang-rt-14-dev)
bench_packages=(
  python3 iproute2 nftables tcpdump util-linux procps
  nmap ndiff masscan zmap prometheus-alertmanager
  dnsmasq-base tftpd-hpa chrony snmpd strongswan-charon libstrongswan-standard-plugins
)
tracker_packages=(redmine redmine-sqlite ruby-webrick)
test_services=(
  nginx ssh redis-server prometheus prometheus-alertmanager
  tftpd-hpa chrony snmpd
)

is_installed() {
  [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

policy_rc_d=/usr/sbin/policy-rc.d

forbid_service_starts() {
  # A machine that already has such a file (every container image does) keeps its own rules.
  [[ -e $policy_rc_d ]] && return
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy_rc_d" >/dev/null
  "${as_root[@]}" chmod 755 "$policy_rc_d"
  trap '"${as_root[@]}" rm -f "$policy_rc_d"' EXIT
}

# The services of packages that are installed now; those that were there before keep their setting.
disable_new_services() {
  local service package
  command -v systemctl >/dev/null || return 0
  for service in "${test_services[@]}"; do
    for package in "${missing[@]}"; do
      [[ $package == "$service"* || $package == openssh-server && $service == ssh ]] || continue
      "${as_root[@]}" systemctl --quiet disable "$service.service" 2>/dev/null || true
    done
  done
}

wanted=()
for set in "$@"; do
  case $set in
    build) wanted+=("${build_packages[@]}") ;;
    test) wanted+=("${test_packages[@]}") ;;
    fuzz) wanted+=("${fuzz_packages[@]}") ;;
    bench) wanted+=("${bench_packages[@]}") ;;
    trackers) wanted+=("${tracker_packages[@]}") ;;
    npm) wanted+=(npm) ;;
    *)
      echo "install_dependencies.sh: unknown set '$set'; expected build, test, fuzz, bench, trackers or npm" >&2
      exit 2
      ;;
  esac
done

if ! command -v dpkg-query >/dev/null; then
  echo "install_dependencies.sh: not a Debian system; install the equivalents of:" >&2
  echo "  ${wanted[*]}" >&2
  exit 2
fi

missing=()
for package in "${wanted[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

if [[ $(id -u) -eq 0 ]]; then
  as_root=()
elif command -v sudo >/dev/null; then
  as_root=(sudo)
else
  echo "install_dependencies.sh: neither root nor sudo; ask an administrator to run:" >&2
  echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 2
fi

echo "== Installing ${#missing[@]} missing packages: ${missing[*]}"
log=$(mktemp)
apt_get() {
  # Redmine's installation runs Bundler. The copy that came into Ruby with the security update 3.1.7
  # does not know Debian's gems; ruby-bundler's does.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive BUNDLER_VERSION=2.3.15 \
    apt-get -qq -o Dpkg::Use-Pty=0 "$@" \
    </dev/null >"$log" 2>&1 && return
  echo "install_dependencies.sh: apt-get $1 failed; it said:" >&2
  tail -n 20 "$log" >&2
  exit 2
}

forbid_service_starts
# The tests set up a Redmine of their own; one for the machine is not wanted.
if [[ " ${missing[*]} " == *" redmine "* ]]; then
  echo "redmine redmine/instances/default/dbconfig-install boolean false" |
    "${as_root[@]}" debconf-set-selections
fi
apt_get update
apt_get install --yes --no-install-recommends "${missing[@]}"
disable_new_services
rm -f "$log"
