// Policies to make guards of, and what their guards mean.
import { parseMasked } from '../../src/netfilter/address.ts';
import type { Family } from '../../src/netfilter/family.ts';
import { elementOf } from '../../src/nftables/build.ts';
import { printJson } from '../../src/nftables/print.ts';
import { readNftables } from '../../src/nftables/read.ts';
import type { Command } from '../../src/nftables/types.ts';
import type { Program } from '../../src/packet/program.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { type HostFacts, noFacts } from '../../src/guard/facts.ts';
import type { Allow, Network, Policy, PolicyPlace, Source } from '../../src/guard/policy.ts';
import { type GuardCommands, guardCommands, type GuardOptions, usualPriority } from '../../src/guard/ruleset.ts';

export const at = (line: number): PolicyPlace => ({ file: '/etc/dnfw/policy.yaml', line });

export const network = (text: string): Network => {
  const family: Family = text.includes(':') ? 'ip6' : 'ip';
  const masked = parseMasked(text, family);
  if (!masked) throw new Error(`${text} is no network`);
  return { ...masked, family };
};

/** `@NAME` for a set. */
export const sources = (...texts: readonly string[]): readonly Source[] =>
  texts.map((text) =>
    text.startsWith(elementOf('')) ? { kind: 'set', name: text.slice(1) } : { kind: 'network', network: network(text) },
  );

export const allow = (parts: Partial<Allow>): Allow => ({
  place: at(4),
  proto: 'tcp',
  ports: [],
  from: [],
  interfaces: [],
  ...parts,
});

export const port = (low: number, high: number = low): { readonly low: number; readonly high: number } => ({
  low,
  high,
});

export const policy = (parts: Partial<Policy>): Policy => ({
  version: 1,
  mode: 'enforce',
  default: 'drop',
  sets: [],
  trusted: [],
  allow: [],
  rules: [],
  icmp: 'essential',
  log: { drops: true, rate: 10, per: 'minute', burst: 5, prefix: 'dnfw drop: ' },
  swarm: undefined,
  dockerAccepts: 'keep',
  ...parts,
});

export const smallest: Policy = policy({
  allow: [allow({ ports: [port(22)] })],
  swarm: { place: at(5), peers: sources('10.77.0.2'), dataPathPort: 4789, encrypted: 'required' },
});

export const guard = (
  parts: Partial<Policy>,
  facts: HostFacts = noFacts,
  options: Partial<GuardOptions> = {},
): GuardCommands =>
  guardCommands(policy(parts), facts, { generation: 1, tag: '0123456789ab', priority: usualPriority, ...options });

export const programOf = (text: string, family: Family): Program => {
  const { value, diagnostics } = readNftables('guard.json', text);
  const [first] = diagnostics;
  if (first) throw new Error(first.what);
  return nftProgram(value, family);
};

export const guardProgram = (commands: readonly Command[], family: Family): Program =>
  programOf(printJson(commands).join(''), family);
