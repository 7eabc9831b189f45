#!/usr/bin/env bash
# All set-up and all checks: installs what is missing, then types, lint, format, manuals, tests (with the kernel's), and
# the guard among real Docker Engines (test/live).
# Needs root on a Debian-like machine with Node 20 or later. Closes with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log" "$log.json"' EXIT

die() {
  cat "$log"
  echo "set-up failed: $*" >&2
  exit 1
}

# One check: counts as one, shows its output only when it fails.
check() {
  local name=$1
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    echo "ok    $name"
  else
    failed=$((failed + 1))
    echo "FAIL  $name"
    cat "$log"
  fi
}

[ "$(id -u)" = 0 ] || die "the kernel tests need root"
missing=()
for pair in nft:nftables iptables-nft-restore:iptables iptables-legacy-restore:iptables ip:iproute2 unshare:util-linux mandoc:mandoc strace:strace python3:python3 zsh:zsh fish:fish chromium:chromium; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if ((${#missing[@]})); then
  echo "installing ${missing[*]}"
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 || die "apt-get install ${missing[*]}"
fi
npm ci >"$log" 2>&1 || die "npm ci"

bin=node_modules/.bin
check 'build' npm run build
check 'types of the tests' $bin/tsc -p test
check 'lint' $bin/oxlint -c test/oxlint.json --type-aware --deny-warnings src test
check 'format' $bin/prettier --check --log-level warn src test man translations package.json tsconfig.json '*.md'
check 'manuals' mandoc -Tlint -Wwarning man/*.[1-9]
check 'generated manuals are current' node man/generate.mjs --check

# Tests: what they say goes to the terminal; the figures are read from the JSON report. Skipped ones count as failed.
tests() {
  local status figures ok bad skipped
  rm -f "$log.json"
  "$@" --reporter=default --reporter=json --outputFile.json="$log.json"
  status=$?
  figures=$(node -e '
    const r = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    const broken = r.testResults.filter((f) => f.status !== "passed" && f.assertionResults.every((a) => a.status === "passed")).length;
    console.log(r.numPassedTests, r.numFailedTests + broken, r.numPendingTests + r.numTodoTests);
  ' "$log.json") || figures="0 1 0"
  read -r ok bad skipped <<<"$figures"
  passed=$((passed + ok))
  failed=$((failed + bad + skipped))
  ((skipped == 0)) || echo "FAIL  $skipped tests were skipped: every test has to run"
  ((status == 0 || bad + skipped > 0)) || failed=$((failed + 1))
}

tests $bin/vitest run --root . --config test/vitest.config.ts
DNFW_PROGRAM=$PWD/dist/cli/main.js tests test/live/run.sh

echo "$passed passed, $failed failed"
((failed == 0))
