// Rulesets and packets in words, for the tests of the simulator.
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import type { Backend, Family } from '../../src/netfilter/family.ts';
import { readNftables } from '../../src/nftables/read.ts';
import type { Program } from '../../src/packet/program.ts';
import { readPacket } from '../../src/packet/words.ts';
import { type Facts, noFacts } from '../../src/simulate/facts.ts';
import { type Host, hostOf } from '../../src/simulate/host.ts';
import { iptablesProgram } from '../../src/simulate/iptables-program.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { type Simulation, simulate } from '../../src/simulate/simulate.ts';

/** Lines of iptables-save without the frame: `-A INPUT …` in `filter`, chains as `:NAME - [0:0]`. */
export const saved = (tables: Readonly<Record<string, readonly string[]>>): string =>
  Object.entries(tables)
    .map(([table, lines]) => `*${table}\n${lines.join('\n')}\nCOMMIT\n`)
    .join('');

export const iptables = (text: string, backend: Backend = 'legacy', family: Family = 'ip'): Program => {
  const { value, diagnostics } = parse([{ name: 'rules', text }], registry, { backend, family, format: 'save' });
  const wrong = diagnostics.filter(({ severity }) => severity === 'error');
  if (wrong.length > 0) throw new Error(JSON.stringify(wrong));
  return iptablesProgram(value, registry, family);
};

type Json = Readonly<Record<string, unknown>>;

export const nft = (commands: readonly Json[], family: Family = 'ip'): Program => {
  const { value, diagnostics } = readNftables('rules.json', JSON.stringify({ nftables: commands }));
  const wrong = diagnostics.filter(({ severity }) => severity === 'error');
  if (wrong.length > 0) throw new Error(JSON.stringify(wrong));
  return nftProgram(value, family);
};

interface Chain {
  readonly base?: readonly [type: string, hook: string, priority: number, policy?: string];
  readonly rules: readonly (readonly unknown[])[];
}

/** A table of nft with these chains; a rule is the list of its statements. */
export const nftTable = (chains: Readonly<Record<string, Chain>>, name = 't', family = 'ip'): readonly Json[] => [
  { add: { table: { family, name } } },
  ...Object.entries(chains).map(([chain, { base }]) => ({
    add: {
      chain: {
        family,
        table: name,
        name: chain,
        ...(base ? { type: base[0], hook: base[1], prio: base[2], policy: base[3] ?? 'accept' } : {}),
      },
    },
  })),
  ...Object.entries(chains).flatMap(([chain, { rules }]) =>
    rules.map((expr) => ({ add: { rule: { family, table: name, chain, expr } } })),
  ),
];

export const packet = (words: string): NonNullable<ReturnType<typeof readPacket>['value']> => {
  const { value, diagnostics } = readPacket(words);
  if (!value) throw new Error(JSON.stringify(diagnostics));
  return value;
};

export const host = (programs: readonly Program[], facts: Facts = noFacts): Host =>
  hostOf(programs, programs[0]?.family ?? 'ip', facts);

/** What becomes of a packet in words. */
export const send = (to: Host | readonly Program[], words: string): Simulation => {
  const said = packet(words);
  const there = 'groups' in to ? to : host(to);
  return simulate(there, said.packet, said.hook ? { start: said.hook } : {});
};

/** `RULE: result verdict` for each rule that was asked on the first way, with what the kernel did between chains. */
export const told = ({ ways: [way] }: Simulation): readonly string[] =>
  (way?.events ?? []).flatMap((event) => {
    if (event.kind === 'rule')
      return [`${event.text.replace(/^-A /, '')}: ${event.verdict === undefined ? event.result : event.verdict}`];
    if (event.kind === 'policy') return [`${event.chain} policy ${event.verdict}`];
    return event.kind === 'kernel' ? [event.text] : [];
  });
