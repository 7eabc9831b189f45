// What dnfw status says of a real kernel: the ladder of chains, drift, counters, figures for Prometheus.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../../cli/dnfw.ts';
import { inNamespace } from '../namespace.ts';

const policy = `version: 1
mode: enforce
default: drop
sets: { banned: external }
allow:
  - { proto: tcp, ports: [22], from: [10.0.0.0/8] }
trusted: [banned]
`;

const prologue = (folder: string): string => `
export DNFW_CONFIG_DIR=${folder}/etc DNFW_STATE_DIR=${folder}/lib DNFW_RUN_DIR=${folder}/run
unset SSH_CONNECTION
mkdir -p "$DNFW_CONFIG_DIR"
cat >"$DNFW_CONFIG_DIR/policy.yaml" <<'YAML'
${policy}YAML
dnfw() { '${process.execPath}' '${program}' "$@"; }
ip link set lo up
`;

/** Runs a script in a namespace of its own. */
const script = (text: string): { readonly out: string; readonly stderr: string } => {
  const folder = mkdtempSync(join(tmpdir(), 'dnfw-status-'));
  try {
    const [result] = inNamespace([{ command: ['bash', '-c', `${prologue(folder)}${text}`] }]);
    return { out: result?.stdout ?? '', stderr: result?.stderr ?? '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** The JSON objects that a script has printed. */
const objects = (out: string): readonly Record<string, unknown>[] =>
  out
    .split(/^(?=\{)/m)
    .filter((part) => part.startsWith('{'))
    .map((part) => JSON.parse(part.slice(0, part.lastIndexOf('}') + 1)) as Record<string, unknown>);

const install = 'dnfw install --no-confirm >/dev/null 2>&1 || exit 1\n';

describe('dnfw status', () => {
  it('names every input chain by priority with its owner, and ties', { timeout: 60_000 }, () => {
    const { out } = script(`${install}
nft add table inet f2b-table; nft add chain inet f2b-table f2b '{ type filter hook input priority -1; }'
nft add table inet firewalld; nft add chain inet firewalld filter_INPUT '{ type filter hook input priority 10; }'
nft add table ip own; nft add chain ip own in '{ type filter hook input priority -10; policy drop; }'
iptables-nft -A INPUT -p tcp --dport 80 -j ACCEPT
iptables-nft -N ufw-before-input; iptables-nft -A INPUT -j ufw-before-input
iptables-legacy -A INPUT -j ACCEPT
iptables-nft -I INPUT -m policy --dir in --pol none -p udp --dport 4789 -m bpf --bytecode '7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4097,6 0 0 0,6 0 0 4294967295' -j DROP
dnfw status --json`);
    const [status] = objects(out);
    const ladder = status?.['ladder'] as readonly Record<string, unknown>[];
    const rungs = ladder.map((rung) => `${String(rung['priority'])} ${String(rung['runs'])} ${String(rung['family'])} ${String(rung['table'])}: ${String(rung['owner'])}${rung['isTied'] === true ? ' tied' : ''}`); // prettier-ignore
    expect(rungs.toSorted()).toEqual(
      [
        '-10 nft inet dnfw: dnfw tied',
        '-10 nft ip own: unknown tied',
        '-1 nft inet f2b-table: fail2ban',
        '0 iptables-nft ip filter: Docker, operator, ufw tied',
        '0 iptables-legacy ip filter: operator tied',
        '10 nft inet firewalld: firewalld',
      ].toSorted(),
    );
    expect(ladder.map((rung) => rung['priority'])).toEqual([-10, -10, -1, 0, 0, 10]);
    expect(status?.['ahead']).toEqual([{ family: 'ip', table: 'own', chain: 'in', priority: -10 }]);
  });

  it('shows exactly what is not as it was installed, and nothing where all is', { timeout: 60_000 }, () => {
    const { out } = script(`${install}
nft add element inet dnfw banned4 '{ 192.0.2.7 }'
dnfw status --json
nft insert rule inet dnfw allow udp dport 53 accept
nft delete rule inet dnfw input handle $(nft -a list chain inet dnfw input | sed -n 's/.*jump trusted.* # handle //p')
dnfw status --json; echo "status $?"
dnfw install --no-confirm >/dev/null 2>&1; dnfw status >/dev/null; echo "healed $?"
nft list set inet dnfw banned4 | grep -c 192.0.2.7`);
    const [before, after] = objects(out);
    expect(before).toMatchObject({ sound: true, guard: 'loaded', drift: [], confirmed: true, mode: 'enforce' });
    expect(after?.['drift']).toEqual([
      { where: 'chain allow', added: [expect.stringContaining('udp dport 53')], removed: [] },
      { where: 'chain input', added: [], removed: [expect.stringContaining('jump trusted')] },
    ]);
    expect(out).toMatch(/status 13\n/);
    expect(out).toMatch(/healed 0\n1\n$/);
  });

  it.each([
    ['nft flush ruleset', 'absent'],
    ['nft delete table inet dnfw', 'absent'],
    ['nft flush chain inet dnfw generation', 'unnamed'],
    ['nft flush chain inet dnfw input', 'loaded'],
    // Nobody knows how it was installed.
    ['rm -r $DNFW_STATE_DIR/generations', 'loaded'],
    ["printf '{' >$DNFW_STATE_DIR/state.json; nft flush ruleset", 'absent'],
  ])('%s: 13', { timeout: 60_000 }, (damage, guard) => {
    const { out } = script(`${install}${damage}\ndnfw status --json; echo "status $?"`);
    expect(objects(out)[0]).toMatchObject({ sound: false, guard });
    expect(out).toMatch(/status 13\n$/);
  });

  it.each(['iptables-nft -I INPUT -j ACCEPT', 'iptables-legacy -I INPUT -j ACCEPT', 'iptables-nft -F', "printf '{' >$DNFW_STATE_DIR/state.json"])(
    '%s: the guard is as it was',
    { timeout: 60_000 },
    (command) => {
      const { out } = script(`${install}${command}\ndnfw status >/dev/null; echo "status $?"`);
      expect(out).toBe('status 0\n');
    },
  ); // prettier-ignore

  it('counts, and writes figures for Prometheus whole', { timeout: 60_000 }, () => {
    const { out } = script(`${install}
ping -c 2 -W 1 127.0.0.1 >/dev/null 2>&1
dnfw status --metrics $DNFW_RUN_DIR/dnfw.prom | grep -c 'input: loopback'
grep -v '^#' $DNFW_RUN_DIR/dnfw.prom | grep -c '^dnfw_[a-z_]*\\({.*}\\)\\? [0-9]*$'
grep -vc '^#' $DNFW_RUN_DIR/dnfw.prom
grep '^dnfw_guard_active' $DNFW_RUN_DIR/dnfw.prom
nft flush ruleset; dnfw status --metrics $DNFW_RUN_DIR/dnfw.prom >/dev/null; echo "status $?"
grep '^dnfw_guard_active' $DNFW_RUN_DIR/dnfw.prom; ls $DNFW_RUN_DIR | grep -c tmp`);
    const lines = out.trimEnd().split('\n');
    expect(lines[1]).toBe(lines[2]);
    expect(lines.slice(3)).toEqual(['dnfw_guard_active 1', 'status 13', 'dnfw_guard_active 0', '0']);
  });

  it('says that a guard waits for its confirmation', { timeout: 60_000 }, () => {
    const { out } = script('dnfw install --confirm-timeout 60s >/dev/null 2>&1; dnfw status --json; dnfw uninstall >/dev/null 2>&1'); // prettier-ignore
    const [status] = objects(out);
    expect(status).toMatchObject({ confirmed: false, pending: { previous: null } });
    const pending = status?.['pending'] as { readonly secondsLeft: number } | undefined;
    expect(pending?.secondsLeft).toBeGreaterThan(40);
  });

  it('says what is missing where the kernel may not be asked', { timeout: 60_000 }, () => {
    const { out } = script(`${install}
cd /
setpriv --reuid 65534 --regid 65534 --clear-groups '${process.execPath}' '${program}' status --json; echo "status $?"`); // prettier-ignore
    expect(objects(out)[0]).toMatchObject({ guard: 'unknown', why: expect.stringContaining('CAP_NET_ADMIN') });
    expect(out).toMatch(/status 1\n$/);
  });
});
