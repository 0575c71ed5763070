#!/usr/bin/env bash
# Checks systemd/ on a staged copy of an installed system: the unit loads without a warning, its
# hardening scores at most 2.0, and user and folders are made as the unit expects them.
set -euo pipefail

max_exposure=20  # tenths, as `systemd-analyze security --threshold` counts

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
failures=0

check() {
  local what=$1
  shift
  if "$@" >"$stage/output" 2>&1; then
    echo "ok      $what"
  else
    echo "FAILED  $what"
    sed 's/^/        /' "$stage/output"
    failures=$((failures + 1))
  fi
}

stage_system() {
  local units=$stage/etc/systemd/system
  mkdir -p "$units" "$stage/usr/sbin" "$stage/bin" "$stage/run"
  install -m 644 "$root/systemd/posternd.service" "$units/"
  # verify only asks that the programs exist and may be executed.
  install -m 755 /bin/true "$stage/usr/sbin/posternd"
  install -m 755 /bin/true "$stage/bin/kill"
  # What the unit orders itself against, without the rest of the system that these would pull in.
  local target
  for target in sysinit basic shutdown network-online nss-lookup time-sync multi-user; do
    printf '[Unit]\nDescription=%s\nDefaultDependencies=no\n' "$target" >"$units/$target.target"
  done
}

# Any output is a complaint, whatever the exit status.
verify_unit() {
  systemd-analyze verify --man=no --recursive-errors=no --root="$stage" posternd.service \
    >"$stage/verify" 2>&1
  cat "$stage/verify"
  [[ ! -s $stage/verify ]]
}

score_unit() {
  systemd-analyze security --offline=true --threshold="$max_exposure" --no-pager \
    "$root/systemd/posternd.service"
}

make_user() {
  systemd-sysusers --root="$stage" "$root/systemd/postern.sysusers"
  grep '^postern:' "$stage/etc/passwd" && grep '^postern:' "$stage/etc/group"
}

make_folders() {
  systemd-tmpfiles --create --root="$stage" "$root/systemd/postern.tmpfiles"
  [[ $(stat -c %a "$stage/etc/postern") == 750 ]] &&
    [[ $(stat -c %a "$stage/var/lib/postern") == 750 ]]
}

stage_system
check "systemd-analyze verify posternd.service" verify_unit
check "systemd-analyze security posternd.service <= 2.0" score_unit
check "systemd-sysusers makes user and group" make_user
check "systemd-tmpfiles makes the folders" make_folders
echo "systemd: $((4 - failures)) passed, $failures failed"
[[ $failures -eq 0 ]]
