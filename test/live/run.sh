#!/bin/bash
# test/live/run.sh [vitest arguments]
#
# The guard among three real Docker Engines in a Swarm, on this machine, in network namespaces and a folder of the
# test's own. Needs root; installs docker.io and busybox-static with apt-get where they are missing; takes about three
# minutes and never more than ten. However it ends, nothing of it stays. DNFW_PROGRAM names another dnfw to test
# than dist/cli/main.js.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo 'test/live/run.sh: needs root' >&2; exit 1; }
install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >&2; }
if ! command -v dockerd >/dev/null || [ ! -x /bin/busybox ]; then
  apt-get update -q >&2
  install docker.io busybox-static
fi
# A package of its own from Debian 13 on.
command -v docker >/dev/null || install docker-cli
[ -n "${DNFW_PROGRAM:-}" ] || npm run --silent build

tests=
DNFW_LIVE_PREFIX=dlv$$
DNFW_LIVE_FOLDER=$(mktemp -d "${TMPDIR:-/tmp}/dnfw-live-XXXXXX")
export DNFW_LIVE_PREFIX DNFW_LIVE_FOLDER

namespaces() { ip netns list | awk -v prefix="$DNFW_LIVE_PREFIX" 'index($1, prefix) == 1 { print $1 }'; }
# Processes of the namespaces, those that name the folder (engines, and what holds their containers), and the containers.
processes() {
  local name pid
  for name in $(namespaces); do ip netns pids "$name"; done
  for pid in $(pgrep -f "$DNFW_LIVE_FOLDER/"); do echo "$pid"; pgrep -P "$pid"; done
}
clean() {
  trap - EXIT
  set +e
  # timeout ends all that it started.
  [ -z "$tests" ] || kill "$tests" 2>/dev/null
  for signal in TERM KILL; do
    for pid in $(processes); do [ "$pid" = $$ ] || kill -s "$signal" "$pid" 2>/dev/null; done
    for _ in $(seq 50); do [ -z "$(processes)" ] && break; sleep 0.2; done
  done
  awk -v folder="$DNFW_LIVE_FOLDER/" 'index($2, folder) == 1 { print $2 }' /proc/self/mounts | tac | xargs -r -n 1 umount -l
  for name in $(namespaces); do ip netns del "$name"; done
  rm -rf "$DNFW_LIVE_FOLDER"
}
trap clean EXIT
trap 'exit 130' INT TERM HUP

# In the background: a trap is only served between commands, and a wait is ended by a signal.
timeout --kill-after=30 600 npx vitest run --root . --config test/live/vitest.config.ts "$@" &
tests=$!
wait "$tests"
