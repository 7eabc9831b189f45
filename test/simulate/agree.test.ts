// The two simulators on a ruleset and its translation: written apart from each other, they have to agree on every packet.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import type { Backend, Family } from '../../src/netfilter/family.ts';
import { readNftables } from '../../src/nftables/read.ts';
import { slotOf, valueAt } from '../../src/packet/view.ts';
import { type Host, hostOf } from '../../src/simulate/host.ts';
import { iptablesProgram } from '../../src/simulate/iptables-program.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { passHost } from '../../src/simulate/simulate.ts';
import { translate } from '../../src/translate/translate.ts';
import { packet } from './scenario.ts';

const folder = 'translations/rulesets';
const files = readdirSync(folder).flatMap((name) =>
  readdirSync(join(folder, name))
    .filter((file) => /\.ip6?tables-save$/.test(file))
    .map((file) => join(folder, name, file)),
);

/** Numbers from 0 to below 2^32, the same for the same seed (xorshift32). */
const randomFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};

const unique = (text: string, pattern: RegExp): readonly string[] => [
  ...new Set([...text.matchAll(pattern)].map(([, value]) => value ?? '')),
];

/** Packets of what the rules themselves name, and of what they do not. */
const packetsNear = (text: string, family: Family, count: number): readonly string[] => {
  const random = randomFrom(20_261_123);
  const pick = (from: readonly string[]): string => from[random() % from.length] ?? '';
  const six = family === 'ip6';
  const addresses = [
    ...unique(text, /-[sd] ([0-9a-f.:]+)/g),
    ...(six ? ['2001:db8::7', 'fe80::1'] : ['198.51.100.7', '192.0.2.1']),
  ];
  const devices = [...unique(text, /-[io] ([\w.-]+)(?=\s)/g), 'eth0'];
  const ports = [...unique(text, /ports? (\d+)/g), '22', '53', '50000', '9000'];
  const vnis = [...unique(text, /=(0x[0-9a-f]+)"/g).map((hex) => String(Number(hex) >>> 8)), '7'];
  const transports = ['tcp', 'udp', six ? 'icmpv6' : 'icmp', 'vxlan', 'sctp'];
  const states = ['new', 'established ct status=0', 'related ct status=0', 'invalid', 'untracked'];
  const transportWords = (): string => {
    const name = pick(transports);
    if (name === 'vxlan') return `udp sport=${pick(ports)} vxlan vni=${pick(vnis)}`;
    if (name === 'icmp' || name === 'icmpv6') return `${name} type=${random() % 20}`;
    const flags = name === 'tcp' ? ` flags=${pick(['syn', 'ack', 'syn,ack', 'rst', 'fin,ack'])}` : '';
    return `${name} sport=${pick(ports)} dport=${pick(ports)}${flags}`;
  };
  const length = (): string => (random() % 6 === 0 ? ` truncate=${(six ? 40 : 20) + (random() % 24)}` : '');
  // Those of IPv4 never reach input (ip_local_deliver), and the translation counts on it.
  const fragment = (hook: string): string =>
    six || hook === 'input' || random() % 12 !== 0 ? '' : ` frag-off=${random() % 3} more-fragments=${random() % 2}`;
  return Array.from({ length: count }, () => {
    const hook = pick(['prerouting', 'input', 'forward', 'output', 'postrouting']);
    const into = hook === 'output' ? '' : `in=${pick(devices)} `;
    const out = hook === 'input' ? '' : `out=${pick(devices)} `;
    const facts = `fib daddr type=${pick(['local', 'unicast', 'broadcast'])} fib saddr type=unicast`;
    const rest = `secpath=${pick(['0', '1'])} rt ipsec=${pick(['0', '1'])} pkttype=host mark=${pick(['0', '0xd0c4e3'])} skuid=0`;
    return `hook=${hook} ${into}${out}ct state=${pick(states)} ${facts} meta ${rest} ${family} saddr=${pick(addresses)} daddr=${pick(addresses)}${fragment(hook)} ${transportWords()}${length()}`;
  });
};

interface Outcome {
  readonly ending: string;
  readonly mark: unknown;
  readonly bytes: string;
}

const outcomeOf = (host: Host, words: string): Outcome => {
  const said = packet(words);
  const { ending, view } = passHost(host, said.packet, said.hook ? { start: said.hook } : {});
  return {
    ending: ending.kind === 'unknown' ? 'unknown' : JSON.stringify(ending),
    mark: valueAt(view, slotOf('mark')),
    bytes: view.bytes.toString(),
  };
};

describe.each(files)('%s', (file) => {
  const text = readFileSync(file, 'utf8');
  const family: Family = file.endsWith('.ip6tables-save') ? 'ip6' : 'ip';

  it.each<Backend>(['nft', 'legacy'])('means the same as its translation with backend %s', (backend) => {
    const ruleset = parse([{ name: file, text }], registry, { backend, family }).value;
    const { commands, tally } = translate(ruleset, registry, { tablePrefix: 'dnfw-', exactLegacy: backend === 'legacy', counters: false }); // prettier-ignore
    // What was refused is not in the translation.
    if (tally.refused > 0) return;
    const nft = readNftables('translation', JSON.stringify({ nftables: commands }));
    expect(nft.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    const before = hostOf([iptablesProgram(ruleset, registry, family)], family);
    const after = hostOf([nftProgram(nft.value, family)], family);
    let known = 0;
    const packets = packetsNear(text, family, 250);
    for (const words of packets) {
      const [left, right] = [outcomeOf(before, words), outcomeOf(after, words)];
      if (left.ending === 'unknown' || right.ending === 'unknown') continue;
      known++;
      expect({ words, ...right }).toEqual({ words, ...left });
    }
    expect(known).toBeGreaterThan(packets.length / 10);
  });
});
