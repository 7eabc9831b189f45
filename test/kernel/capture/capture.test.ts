// Captures of real kernels: the same host as when it is read live, for every command, and nothing is changed by it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, program, type Ran, root, rulesets, run } from '../../cli/dnfw.ts';

/** Runs these lines in a new network namespace; `dnfw` is the program. */
const onHost = (lines: string, folder: string = folderWith()): Ran =>
  run('unshare', ['-n', 'bash', '-c', `dnfw() { ${process.execPath} ${program} "$@"; }\nip link set lo up\n${lines}`], {
    folder,
    env: { DNFW_STATE_DIR: join(folder, 'lib'), DNFW_CONFIG_DIR: join(folder, 'etc'), DNFW_RUN_DIR: join(folder, 'run') },
  }); // prettier-ignore

const network = `ip link add br0 type bridge; ip address add 10.9.0.1/24 dev br0; ip -6 address add 2001:db8::1/64 dev br0 nodad
ip link set br0 up; ip route add 203.0.113.0/24 via 10.9.0.2; ip -6 route add 2001:db8:1::/64 via 2001:db8::2
`;
const both = `iptables-nft-restore <${join(rulesets, 'docker-20.10.24/node.iptables-save')}
iptables-legacy -A INPUT -p tcp --dport 22 -m comment --comment 'a "quoted" \\ word' -j ACCEPT
ip6tables-legacy -P FORWARD DROP
ip6tables-nft -t mangle -A PREROUTING -p tcp -j MARK --set-mark 7
nft add table inet own; nft add chain inet own in '{ type filter hook input priority 5; policy drop; }'
nft add rule inet own in tcp dport 8080 counter packets 12345678901234567890 bytes 5 accept
nft add table ip6 docker-bridges; nft add map inet own ports '{ type inet_service : verdict; }'
`;

/** A line for each question of the state that reading must leave alone. */
const state = `state() { nft -j list ruleset; cat /proc/net/ip_tables_names /proc/net/ip6_tables_names; cat /proc/modules 2>/dev/null; ls /sys/module; ip -j link; ip -j address; }
`;

describe('a capture of a real host', () => {
  const scenarios = readdirSync(rulesets).filter((name) => name.startsWith('docker-'));

  it('has rules of both backends and families, addresses and routes as they are read live', () => {
    const { stdout, stderr } = onHost(`${network}${both}${process.execPath} ${root}/test/kernel/capture/same-host.mjs ${root} host.json`); // prettier-ignore
    expect(stderr).toBe('');
    const found = JSON.parse(stdout) as Record<string, number>;
    expect(found['rules']).toBeGreaterThan(50);
    expect(found).toMatchObject({ nft: 2, gaps: 0 });
    expect(found['addresses']).toBeGreaterThan(3);
  }, 60_000);

  it('has the rules of every scenario as they are read live', () => {
    const lines = scenarios.flatMap((name) =>
      readdirSync(join(rulesets, name))
        .filter((file) => /\.ip6?tables-save$/.test(file))
        .flatMap((file) => {
          const backend = /legacy/.test(name) ? 'legacy' : 'nft';
          const tool = file.includes('ip6tables') ? 'ip6tables' : 'iptables';
          return [`unshare -n bash -c '${tool}-${backend}-restore <${join(rulesets, name, file)} 2>/dev/null; ${process.execPath} ${root}/test/kernel/capture/same-host.mjs ${root} x'`]; // prettier-ignore
        }),
    );
    const { stdout, stderr } = onHost(lines.slice(0, 8).join('\n'));
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toHaveLength(8);
  }, 100_000);

  it('leaves the host as it was: no table, no module, no device', () => {
    const { stdout } = onHost(`${state}before=$(state); dnfw capture -o host.json 2>/dev/null; [ "$before" = "$(state)" ] && echo same
iptables-legacy -A INPUT -j ACCEPT; before=$(state); dnfw capture -o host.json 2>/dev/null; [ "$before" = "$(state)" ] && echo same`); // prettier-ignore
    expect(stdout).toBe('same\nsame\n');
  }, 60_000);

  it('is translated, checked, simulated, explained and audited as the host is', () => {
    const folder = folderWith();
    const { stdout, stderr } = onHost(
      `${network}${both}dnfw capture -o host.json 2>/dev/null
dnfw translate >live 2>live.err; dnfw translate host.json >captured 2>captured.err; cmp live captured && cmp live.err captured.err && echo translated
dnfw audit --json >live.json; dnfw audit --json host.json >captured.json
dnfw status --json >live; echo $?; dnfw status --capture host.json --json >captured; echo $?; cmp live captured && echo told
unshare -n setpriv --reuid 65534 --regid 65534 --clear-groups true
dnfw check host.json host.json | head -1
dnfw simulate host.json --packet 'in=br0 ip saddr=10.9.0.7 daddr=10.9.0.1 tcp dport=8080' | grep -c 'inet own in'
dnfw simulate host.json --packet 'in=br0 ip saddr=10.9.0.7 daddr=10.9.0.1 tcp dport=7777' --json | grep -m1 verdict
dnfw explain --file host.json | grep -c 'chain INPUT'`,
      folder,
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n').map((line) => line.trim())).toEqual([
      'translated',
      '13',
      '13',
      'told',
      'PROVEN: host.json and host.json do the same with every packet',
      '1',
      '"verdict": "drop",',
      expect.stringMatching(/^\d+$/),
      '',
    ]);
    const read = (name: string): Record<string, unknown> => {
      const report = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { hosts: Record<string, unknown>[] };
      return report.hosts[0] ?? {};
    };
    const [live, captured] = [read('live.json'), read('captured.json')];
    const lines = readFileSync(join(folder, 'host.json'), 'utf8').split('\n');
    const evidence = (host: Record<string, unknown>): { file: string; line: number; text: string }[] =>
      (host['findings'] as { evidence: { file: string; line: number; text: string }[] }[]).flatMap((one) => one.evidence);
    expect(evidence(captured).length).toBeGreaterThan(0);
    for (const { file, line, text } of evidence(captured).filter((one) => one.line > 0)) {
      expect(file).toBe('host.json');
      // A native chain is told in nft's words, and stands there as JSON.
      const [, chain] = /^chain \S+ \S+ (\S+)/.exec(text) ?? [];
      if (chain !== undefined) expect(lines[line - 1]).toMatch(new RegExp(`^ *\\{"chain":.*"name":"${chain}"`));
      else expect(JSON.stringify(lines[line - 1])).toContain(JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1));
    }
    const plain = (host: Record<string, unknown>): unknown =>
      JSON.parse(JSON.stringify(host, (key, value: unknown) => (['file', 'files', 'line', 'kind', 'taken', 'trace', 'commands'].includes(key) ? undefined : value))); // prettier-ignore
    expect(plain(captured)).toEqual(plain(live));
  }, 100_000); // prettier-ignore

  it('has what is inside of the namespaces of containers', () => {
    const folder = folderWith();
    const { stdout, stderr } = onHost(
      `mkdir netns; export DNFW_NETNS_DIR=$PWD/netns; touch netns/lb netns/default netns/stale
mount --make-rprivate / 2>/dev/null
unshare -n bash -c 'iptables-nft -t nat -A OUTPUT -d 127.0.0.11 -j RETURN; iptables-legacy -A INPUT -j DROP; nft add table ip inner; mount --bind /proc/$$/ns/net netns/lb'
mount --bind /proc/$$/ns/net netns/default
dnfw capture -o host.json; umount netns/lb netns/default
grep -c '"name": "lb"' host.json; grep -c '"name": "default"' host.json; grep -c -- '-A OUTPUT -d 127.0.0.11/32 -j RETURN' host.json; grep -c '"name":"inner"' host.json`,
      folder,
    );
    expect(stdout).toBe('1\n0\n1\n1\n');
    expect(stderr).toContain('1 network namespace of containers');
    expect(stderr).toContain('not read: namespace stale');
  }, 60_000);

  it('without a right is written nevertheless, and says what is missing', () => {
    const { status, stdout, stderr } = onHost(
      `iptables-nft -A INPUT -j DROP
cd /; setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all ${process.execPath} ${program} capture`,
    );
    expect(status).toBe(0);
    expect(stderr).toMatch(/not read: .*iptables-nft-save -c/);
    expect(stderr).toContain('run as root');
    const capture = JSON.parse(stdout) as { answers: Record<string, unknown>; notRead: { what: string }[] };
    expect(capture.answers['iptables-nft-save -c']).toMatchObject({ failed: expect.any(String) });
    expect(capture.answers['ip -j address']).toBeInstanceOf(Array);
    const folder = folderWith({ 'host.json': stdout });
    const translated = run(process.execPath, [program, 'translate', 'host.json'], { folder });
    expect({ status: translated.status, stdout: translated.stdout }).toEqual({ status: 2, stdout: '' });
    expect(translated.stderr).toContain('error[capture-lacks]');
  }, 60_000);
});
