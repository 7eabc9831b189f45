// sync and watch against the real kernel: VNIs come and go in rules of both backends, both families and Docker's own
// nft table; the guard follows, and nothing else of it changes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pathsFrom } from '../../../src/guard/paths.ts';
import { watchUnitText } from '../../../src/guard/watch-unit.ts';
import { program } from '../../cli/dnfw.ts';
import { inNamespace } from '../namespace.ts';

const u32 = (vni: number): string => `-m u32 --u32 '0>>22&0x3C@12&0xFFFFFF00=${vni * 256}'`;
const bpf = (vni: number): string =>
  `-m bpf --bytecode '7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 ${vni},6 0 0 0,6 0 0 4294967295'`;
const dropRule = (match: string, port = 4789): string => `INPUT -m policy --dir in --pol none -p udp --dport ${port} ${match} -j DROP`; // prettier-ignore

const policy = `version: 1
mode: enforce
default: drop
allow:
  - { proto: tcp, ports: [22] }
`;

const prologue = (folder: string): string => `
export DNFW_CONFIG_DIR=${folder}/etc DNFW_STATE_DIR=${folder}/lib DNFW_RUN_DIR=${folder}/run
# No engine of this machine has a say.
export DOCKER_HOST=unix://${folder}/docker.sock
unset SSH_CONNECTION
mkdir -p "$DNFW_CONFIG_DIR" ${folder}/bin
cd ${folder}
cat >"$DNFW_CONFIG_DIR/policy.yaml" <<'YAML'
${policy}YAML
dnfw() { '${process.execPath}' '${program}' "$@"; }
ip link set lo up
chain() { nft list chain inet dnfw encrypted | grep -o '@th.*' | sed 's/ counter.*//'; }
rest() { nft list table inet dnfw | sed '/chain encrypted {/,/^\t}/d; s/packets [0-9]* bytes [0-9]*//'; }
`;

/** Runs a script in a namespace of its own; what it prints, line by line. */
const script = (text: string): { readonly lines: readonly string[]; readonly stderr: string } => {
  const folder = mkdtempSync(join(tmpdir(), 'dnfw-sync-'));
  try {
    const [result] = inNamespace([{ command: ['bash', '-c', `${prologue(folder)}${text}`] }]);
    return { lines: (result?.stdout ?? '').trimEnd().split('\n'), stderr: result?.stderr ?? '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

describe('dnfw sync', () => {
  it('follows the rules of both backends, both families and the table of Docker', { timeout: 100_000 }, () => {
    const { lines } = script(`
dnfw install --no-confirm >/dev/null 2>&1 || exit 1
before=$(rest)
iptables-nft -I ${dropRule(u32(4097))}
iptables-legacy -I ${dropRule(bpf(4098))}
ip6tables-nft -I ${dropRule(bpf(4099), 4790)}
nft -f - <<'N'
table ip docker-overlay {
  set encrypted-vnis { typeof @th,96,24
    elements = { 0x001010 } }
  chain enc-in { type filter hook input priority raw; policy accept;
    meta secpath missing udp dport 4789 @th,96,24 @encrypted-vnis counter drop
  }
}
N
dnfw status --json | tr -d ' \\n' | grep -o '"missing":\\[[^]]*\\]' | grep -o '"vni":[0-9]*'; echo status $?
dnfw sync; echo sync $?
dnfw sync; echo again $?
[ "$before" = "$(rest)" ] && echo rest unchanged
dnfw status >/dev/null; echo status $?
nft delete element ip docker-overlay encrypted-vnis '{ 0x001010 }'
iptables-legacy -F
dnfw sync; echo sync $?
chain
`);
    expect(lines).toEqual([
      '"vni":4097',
      '"vni":4098',
      '"vni":4112',
      '"vni":4099',
      'status 0',
      'enforced from now on: VNI 4097 (0x1001), port 4789',
      'enforced from now on: VNI 4098 (0x1002), port 4789',
      'enforced from now on: VNI 4112 (0x1010), port 4789',
      'enforced from now on: VNI 4099 (0x1003), port 4790, IPv6',
      'sync 0',
      'nothing to do: 4 encrypted networks are enforced',
      'again 0',
      'rest unchanged',
      'status 0',
      'not enforced any more: VNI 4098 (0x1002), port 4789',
      'not enforced any more: VNI 4112 (0x1010), port 4789',
      'sync 0',
      '@th,96,32 & 0xffffff00 == 0x100100',
      '@th,96,32 & 0xffffff00 == 0x100300',
    ]);
  });

  it('takes nothing for gone that it could not read', { timeout: 60_000 }, () => {
    const { lines, stderr } = script(`
iptables-nft -I ${dropRule(u32(4097))}
dnfw install --no-confirm >/dev/null 2>&1 || exit 1
mkdir $DNFW_RUN_DIR/bin
printf '#!/bin/sh\\necho broken >&2; exit 1\\n' >$DNFW_RUN_DIR/bin/iptables-nft-save
chmod +x $DNFW_RUN_DIR/bin/iptables-nft-save
PATH=$DNFW_RUN_DIR/bin:$PATH dnfw sync; echo sync $?
chain
`);
    expect(lines).toEqual(['nothing to do: 1 encrypted network is enforced', 'sync 0', '@th,96,32 & 0xffffff00 == 0x100100']); // prettier-ignore
    expect(stderr).toContain('nothing is taken for gone: iptables-nft-save: broken');
  });

  it('has nothing to do where there is no guard, and says so', { timeout: 60_000 }, () => {
    const { lines, stderr } = script('dnfw sync; echo sync $?; nft list tables');
    expect(lines).toEqual(['sync 13']);
    expect(stderr).toContain('guard-drifted');
  });

  it('brings a record that is behind in line, and loads nothing for it', { timeout: 60_000 }, () => {
    const { lines } = script(`
dnfw install --no-confirm >/dev/null 2>&1 || exit 1
cp "$DNFW_STATE_DIR/generations/1/listing.json" before.json
for i in 4097 4098; do iptables-nft -I INPUT -p udp --dport 4789 -m policy --dir in --pol none -m u32 --u32 "0>>22&0x3C@12&0xFFFFFF00=$((i * 256))" -j DROP; done
dnfw sync >/dev/null
# As if it had been killed, or the disk had been read-only, between the kernel and the record.
cp before.json "$DNFW_STATE_DIR/generations/1/listing.json"
dnfw status >/dev/null; echo status $?
handle() { nft -a list chain inet dnfw encrypted | grep -o 'handle [0-9]*$'; }
loaded=$(handle)
dnfw sync; echo sync $?
[ "$(handle)" = "$loaded" ] && echo nothing was loaded
dnfw status >/dev/null; echo status $?
dnfw sync
# What somebody else puts into the chain goes.
nft insert rule inet dnfw encrypted accept
dnfw sync; chain
dnfw status >/dev/null; echo status $?
`);
    expect(lines).toEqual([
      'status 13',
      'the chain of encrypted networks and its record are in line again',
      'sync 0',
      'nothing was loaded',
      'status 0',
      'nothing to do: 2 encrypted networks are enforced',
      'the chain of encrypted networks and its record are in line again',
      '@th,96,32 & 0xffffff00 == { 1048832, 1049088 }',
      'status 0',
    ]);
  });

  it('only counts in observe mode', { timeout: 60_000 }, () => {
    const { lines } = script(`
dnfw install --observe --no-confirm >/dev/null 2>&1 || exit 1
iptables-nft -I ${dropRule(u32(4097))}
dnfw sync >/dev/null; echo sync $?
nft list chain inet dnfw encrypted | grep -c drop`);
    expect(lines).toEqual(['sync 0', '0']);
  });
});

/** A program in the place of docker, for a Swarm with one network of number 4097. `answers` are its options. */
const engine = (options: string): string => `
cat >bin/docker <<'SH'
#!/bin/sh
case "$1 $2" in
  'network ls') echo abc ;;
  'network inspect') echo '[{"Name":"secret","Driver":"overlay","Containers":{"x":{}},"Options":{"com.docker.network.driver.overlay.vxlanid_list":"4097"${options}}}]' ;;
  info*) echo '{"ServerVersion":"28.5.2","Swarm":{"NodeAddr":"10.0.0.1","LocalNodeState":"active"}}' ;;
  *) exit 1 ;;
esac
SH
chmod +x bin/docker
export PATH=$PWD/bin:$PATH
`;
const encryptedEngine = engine(',"encrypted":""');
const plainEngine = engine('');
/** Its helper outlives it when it is killed. */
const hungEngine = `printf '#!/bin/sh\\nsleep 20\\nexit\\n' >bin/docker; chmod +x bin/docker; export PATH=$PWD/bin:$PATH\n`;
/** Only the programs that dnfw needs are there, and docker is none of them. */
const noEngine = `
for name in nft ip ss sh sleep sed grep iptables-nft iptables-nft-save ip6tables-nft-save iptables-legacy-save ip6tables-legacy-save; do ln -s "$(command -v $name)" bin/$name; done
export PATH=$PWD/bin
`;
const rulesOf = (vni: number): string => `
iptables-nft -I ${dropRule(u32(vni))}
iptables-nft -t mangle -A OUTPUT -p udp --dport 4789 ${u32(vni)} -j MARK --set-mark 13681891
`;
const installed = 'dnfw install --no-confirm >/dev/null 2>&1 || exit 1\n';
const flush = 'iptables-nft -F INPUT; iptables-nft -t mangle -F OUTPUT\n';
const enforced4097 = '@th,96,32 & 0xffffff00 == 0x100100';

describe("Docker's rules are flushed", () => {
  it.each([
    ['iptables -F', flush],
    ['nft flush of both tables', 'nft flush table ip filter; nft flush table ip mangle\n'],
  ])('%s: the engine tells what is encrypted, and status what is gone', { timeout: 120_000 }, (_, flushed) => {
    const { lines, stderr } = script(`${encryptedEngine}${rulesOf(4097)}${installed}${flushed}
dnfw sync; echo sync $?; chain
dnfw status | grep -c 'the guard is alone in its place: VNI 4097'
dnfw status | grep -c 'may be clear: VNI 4097'
dnfw status --json | tr -d ' \\n' | grep -o '"unruled":.*]}],\\|"sound":true'
dnfw status --metrics prom >/dev/null; grep '^dnfw_vni_unruled' prom`);
    expect(lines).toEqual([
      'nothing to do: 1 encrypted network is enforced',
      'sync 0',
      enforced4097,
      '1',
      '1',
      '"sound":true',
      '"unruled":[{"family":"ip","port":4789,"vni":4097,"lacks":["drop","mark"]}],',
      'dnfw_vni_unruled 1',
    ]);
    expect(stderr).toMatch(/VNI 4097.*restart the engine/);
  });

  it('a network that the engine calls plain goes', { timeout: 120_000 }, () => {
    const { lines } = script(`${encryptedEngine}${rulesOf(4097)}${installed}${plainEngine}
dnfw sync; ${flush}dnfw status >/dev/null; echo status $?
dnfw sync; dnfw status >/dev/null; echo status $?`);
    expect(lines).toEqual(['nothing to do: 1 encrypted network is enforced', 'status 13', 'not enforced any more: VNI 4097 (0x1001), port 4789', 'status 0']); // prettier-ignore
  });

  it.each([
    ['hangs', hungEngine],
    ['is missing', noEngine],
  ])(
    'an engine that %s holds nobody up: a sync that is asked for follows the rules, and says so',
    { timeout: 120_000 },
    (_, silent) => {
      const { lines, stderr } = script(`${rulesOf(4097)}${rulesOf(4098)}${installed}${silent}
iptables-nft -F INPUT; began=$SECONDS; dnfw sync; echo "sync $?"
[ $((SECONDS - began)) -le 10 ] && echo soon
iptables-nft -t mangle -F OUTPUT
dnfw status >/dev/null; echo status $?
dnfw sync; echo sync $?`);
      expect(lines).toEqual([
        'nothing to do: 2 encrypted networks are enforced',
        'sync 0',
        'soon',
        // Nobody knows that they are gone.
        'status 0',
        'not enforced any more: VNI 4097 (0x1001), port 4789',
        'not enforced any more: VNI 4098 (0x1002), port 4789',
        'sync 0',
      ]);
      expect(stderr.match(/the engine of Docker does not answer/g)).toHaveLength(2);
    },
  );

  it.each([
    ['and the engine answers', encryptedEngine, ''],
    ['and no engine answers: what was enforced last stays', '', 'although no rule'],
  ])('with the whole ruleset %s: an install heals', { timeout: 120_000 }, (_, answers, why) => {
    const { lines, stderr } = script(`${rulesOf(4097)}${installed}${answers}nft flush ruleset
dnfw status >/dev/null 2>&1; dnfw install --no-confirm >/dev/null; echo install $?; chain
dnfw install --no-confirm 2>/dev/null; dnfw status >/dev/null; echo status $?`);
    expect(lines).toEqual(['install 0', enforced4097, 'nothing to do: generation 2 is loaded and is what the policy asks for', 'status 0']); // prettier-ignore
    expect(stderr).toContain(why);
  });
});

/** With the rights of its unit alone. */
const caps = /^CapabilityBoundingSet=(.*)$/m.exec(watchUnitText(pathsFrom({}), []))?.[1] ?? '';
const unitRights = `setpriv --no-new-privs --bounding-set -all,${caps.toLowerCase().replaceAll('cap_', '+').replaceAll(' ', ',')}`;

describe('dnfw watch', () => {
  it('is right within two seconds, whatever changes, and ends when it is told to', { timeout: 100_000 }, () => {
    const { lines } = script(`
dnfw install --no-confirm >/dev/null 2>&1 || exit 1
iptables-legacy -L -n >/dev/null
${unitRights} '${process.execPath}' '${program}' watch 2>$DNFW_RUN_DIR/said & watch=$!
sleep 2.5
iptables-nft -I ${dropRule(u32(4097))}; sleep 2; chain
iptables-legacy -I ${dropRule(u32(4098))}; sleep 2; chain
iptables-nft -D ${dropRule(u32(4097))}; sleep 2; chain
nft delete table inet dnfw
iptables-nft -I ${dropRule(u32(4099))}; sleep 2
dnfw install --no-confirm >/dev/null 2>&1; iptables-nft -F; sleep 2; chain
kill $watch; wait $watch; echo ended $?
grep -c 'there is no guard' $DNFW_RUN_DIR/said
`);
    expect(lines).toEqual([
      '@th,96,32 & 0xffffff00 == 0x100100',
      '@th,96,32 & 0xffffff00 == { 1048832, 1049088 }',
      '@th,96,32 & 0xffffff00 == 0x100200',
      '@th,96,32 & 0xffffff00 == 0x100200',
      'ended 0',
      '1',
    ]);
  });

  it.each([
    ['answers', encryptedEngine, 'restart the engine'],
    ['hangs', hungEngine, 'the engine does not answer'],
    ['is missing', '', 'the engine does not answer'],
  ])(
    'forgets nothing that was flushed while an engine %s, and says so once',
    { timeout: 120_000 },
    (_, answers, words) => {
      const { lines } = script(`${answers}${rulesOf(4097)}${installed}
'${process.execPath}' '${program}' watch 2>said & watch=$!
until_it() { for i in $(seq 80); do "$@" && break; sleep 0.25; done; }
until_it pgrep -P $watch nft >/dev/null
${flush}for i in 1 2 3 4 5 6 7 8 9 10; do chain; sleep 0.5; done | sort -u
until_it grep -q '${words}' said
nft add table ip other; nft delete table ip other; sleep 2; chain
count=$(grep -c '${words}' said); echo "said $count"
${plainEngine}
${rulesOf(4098)}
is() { [ "$(chain)" = '@th,96,32 & 0xffffff00 == 0x100200' ]; }
until_it is; chain
kill $watch; wait $watch; echo ended $?`);
      expect(lines).toEqual([enforced4097, enforced4097, 'said 1', '@th,96,32 & 0xffffff00 == 0x100200', 'ended 0']);
    },
  );

  it('ends when it is told to while it looks', { timeout: 120_000 }, () => {
    const { lines } =
      script(`printf '#!/bin/sh\\ntouch asked\\nsleep 2\\n' >bin/iptables-nft-save; chmod +x bin/*; export PATH=$PWD/bin:$PATH
'${process.execPath}' '${program}' watch 2>said & watch=$!
for i in $(seq 200); do [ -e asked ] && break; sleep 0.1; done
kill $watch; wait $watch; echo ended $?`);
    expect(lines).toEqual(['ended 0']);
  });

  it('is set up by --persist, and status points to that where networks are enforced', { timeout: 120_000 }, () => {
    const { lines } = script(`export DNFW_UNIT_DIR=$PWD/units
${installed}dnfw status | grep -c 'watch --persist'
${rulesOf(4097)}dnfw sync >/dev/null 2>&1; dnfw status | grep -c 'watch --persist'
dnfw watch --persist; dnfw watch --persist; dnfw status | grep -c 'watch --persist'
stat -c '%a %N' units/*.service units/*.wants units/*.wants/*
dnfw uninstall >/dev/null 2>&1; ls units`);
    expect(lines).toEqual([
      '0',
      '1',
      'dnfw-watch.service is set up, and starts with the next boot: no systemd runs it now',
      'dnfw-watch.service is set up already, and starts with the next boot: no systemd runs it now',
      '0',
      expect.stringMatching(/^644 .*dnfw-watch\.service'$/),
      expect.stringMatching(/^755 .*multi-user\.target\.wants'$/),
      expect.stringMatching(/ -> '\.\.\/dnfw-watch\.service'$/),
    ]);
  });
});
