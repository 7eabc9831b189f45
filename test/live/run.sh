#!/bin/bash
# test/live/run.sh [vitest arguments]
#
# The guard among three real Docker Engines in a Swarm, on this machine, in network namespaces and folders of the
# test's own. Needs root; installs docker.io and busybox-static with apt-get where they are missing; takes about three
# minutes and never more than ten. DNFW_PROGRAM names another dnfw to test than dist/cli/main.js.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo 'test/live/run.sh: needs root' >&2; exit 1; }
if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null || [ ! -x /bin/busybox ]; then
  apt-get install -y --no-install-recommends docker.io busybox-static
fi
[ -n "${DNFW_PROGRAM:-}" ] || npm run --silent build
exec timeout --kill-after=60 600 npx vitest run --root . --config test/live/vitest.config.ts "$@"
