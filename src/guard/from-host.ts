/** A first policy from what is there: the operator's own rules, what listens, and the peers of the Swarm. Pure. */
import type { Assumption } from '../packet/assumption.ts';
import { assumptions } from '../packet/assumption.ts';
import { registry } from '../extensions/registry.ts';
import type { Rule, Ruleset, Table } from '../iptables/types.ts';
import { printAddress } from '../netfilter/address.ts';
import { families, type Family } from '../netfilter/family.ts';
import { printDocument } from '../nftables/print.ts';
import { readNftables } from '../nftables/read.ts';
import { check } from '../prove/check.ts';
import { iptablesProgram } from '../simulate/iptables-program.ts';
import { nftProgram } from '../simulate/nft-program.ts';
import { translate } from '../translate/translate.ts';
import { factsOf } from './encrypted.ts';
import type { Host } from './host.ts';
import { endOf, isPlain, type LeftOver, operatorRules, type OperatorRules, type TakenOver } from './operator-rules.ts';
import { swarmPeers } from './probes.ts';
import { publishedPorts } from './published.ts';
import { isLocalOnly } from './sockets.ts';

/** Whether the rules that were taken do what they did: proven for every packet, or why not. */
export interface TakenProof {
  readonly family: Family;
  readonly verdict: 'proven' | 'refuted' | 'unknown';
  readonly assumed: readonly Assumption[];
  readonly reasons: readonly string[];
}

export interface FromHost {
  /** The text of policy.yaml. */
  readonly yaml: string;
  readonly taken: readonly (TakenOver & { readonly family: Family })[];
  readonly docker: readonly LeftOver[];
  readonly left: readonly LeftOver[];
  readonly proofs: readonly TakenProof[];
}

/** What one family's rules come to. */
interface OwnRules {
  readonly family: Family;
  readonly table: Table | undefined;
  readonly rules: OperatorRules;
  /** Nothing gets in that no rule accepts. */
  readonly isClosed: boolean;
}

const none: OperatorRules = { taken: [], docker: [], left: [], standIns: new Map() };

const policyOf = (table: Table): 'ACCEPT' | 'DROP' =>
  table.chains.find(({ name }) => name === 'INPUT')?.policy ?? 'ACCEPT';

const closes = (table: Table, { taken }: OperatorRules): boolean => {
  const last = taken.at(-1)?.rule;
  return policyOf(table) === 'DROP' || (last !== undefined && isPlain(last) && endOf(table, last) === 'refuse');
};

const otherBackend = (table: Table): string =>
  `iptables-${table.backend} has rules beside the other backend: a packet has to pass both, and one list cannot say that`;

const ownRules = ({ tables }: Ruleset, family: Family): OwnRules => {
  const all = tables
    .filter((table) => table.family === family && table.name === 'filter')
    .map((table) => ({ table, rules: operatorRules(table) }))
    .toSorted((a, b) => b.rules.taken.length - a.rules.taken.length);
  const [first, ...others] = all;
  if (!first) return { family, table: undefined, rules: none, isClosed: false };
  const left = others.flatMap(({ table, rules }) => [
    ...rules.taken.map(({ origin, rule }): LeftOver => ({ origin, why: otherBackend(table), mayAccept: endOf(table, rule) === 'accept' })), // prettier-ignore
    ...rules.left,
  ]);
  const rules: OperatorRules = {
    ...first.rules,
    docker: all.flatMap(({ rules: { docker } }) => docker),
    left: [...first.rules.left, ...left],
  };
  return { family, table: first.table, rules, isClosed: closes(first.table, first.rules) };
};

const assume: ReadonlySet<Assumption> = new Set(
  Object.keys(assumptions).filter((name): name is Assumption => Object.hasOwn(assumptions, name)),
);

/** The table as it would be without Docker's rules and those that were left. */
const reduced = (table: Table, standIns: ReadonlyMap<Rule, Rule | undefined>): Table => ({
  ...table,
  chains: table.chains.map((chain) => ({
    ...chain,
    rules: chain.rules.flatMap((rule) => (standIns.has(rule) ? (standIns.get(rule) ?? []) : [rule])),
  })),
});

/** The taken rules as the guard will have them: one list, in nft. */
const proofOf = ({ family, table, rules }: OwnRules): readonly TakenProof[] => {
  if (!table || rules.taken.length === 0) return [];
  const list: Table = {
    ...table,
    backend: 'nft',
    chains: [{ name: 'INPUT', policy: policyOf(table), rules: rules.taken.map(({ rule }) => rule) }],
  };
  const { commands } = translate({ tables: [list] }, registry);
  const nft = readNftables('taken', printDocument({ nftables: commands })).value;
  const before = iptablesProgram({ tables: [reduced(table, rules.standIns)] }, registry, family);
  const { verdict, hooks, assumed } = check([[before, nftProgram(nft, family)]], {
    assume,
    hooks: new Set(['input']),
    witnesses: 1,
    budget: 3_000_000,
  });
  return [{ family, verdict, assumed, reasons: [...new Set(hooks.flatMap(({ reasons }) => reasons))] }];
};

const notProven = 'dnfw could not prove that the list of all rules that could be taken decides as INPUT does';

/** Rules without a proof are not taken. */
const proven = (own: OwnRules): { readonly own: OwnRules; readonly proofs: readonly TakenProof[] } => {
  const proofs = proofOf(own);
  const { table, rules } = own;
  if (!table || proofs.every(({ verdict }) => verdict === 'proven')) return { own, proofs };
  const left = rules.taken.map(({ origin, rule }): LeftOver => ({ origin, why: notProven, mayAccept: endOf(table, rule) === 'accept' })); // prettier-ignore
  return { own: { ...own, rules: { ...rules, taken: [], left: [...left, ...rules.left] } }, proofs };
};

/** YAML takes JSON's strings as they are. */
const quoted = (text: string): string => JSON.stringify(text);

/** What goes behind # must not end its line. */
const remark = (text: string): string => text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');

const place = ({ file, line }: { readonly file: string; readonly line: number }): string => `${file}:${line}`;

const ruleLines = (all: readonly OwnRules[], dropped: ReadonlySet<TakenOver>): readonly string[] => {
  const lines = all.flatMap(({ family, rules }) =>
    rules.taken
      .filter((one) => !dropped.has(one))
      .flatMap(({ text, origin, wider }) => [
        `  # ${remark(place(origin))}${wider === undefined ? '' : `, taken without ${remark(wider)}: the rule itself still decides`}`,
        `  - { family: ${family}, rule: ${quoted(text)} }`,
      ]),
  );
  return lines.length === 0
    ? []
    : ['', '# Your own rules of INPUT, in their order. What they let in still has to pass INPUT itself.', 'rules:', ...lines]; // prettier-ignore
};

const everywhere: Readonly<Record<Family, string>> = { ip: '0.0.0.0/0', ip6: '::/0' };

/** Services that others reach, of families that no rule of the operator closes. */
const allowLines = (host: Host, all: readonly OwnRules[]): readonly string[] => {
  const open = all.filter(({ isClosed }) => !isClosed).map(({ family }) => family);
  if (open.length === 0) return [];
  // With the peers known, the ports of the Swarm are theirs alone.
  const isSwarm = isInSwarm(host) && swarmPeers(host).length > 0;
  const ofSwarm = new Set(isSwarm ? ['tcp 2377', 'tcp 7946', 'udp 7946', `udp ${dataPathPort(host)}`] : []);
  const published = new Set(publishedPorts(host).map(({ protocol, port }) => `${protocol} ${port}`));
  const found = new Map<
    string,
    { readonly port: number; readonly families: Set<Family>; readonly names: Set<string> }
  >();
  for (const socket of host.sockets) {
    const { protocol, state, local, programs } = socket;
    const { port } = local;
    if (state !== 'listening' || port === undefined || protocol === 'raw' || isLocalOnly(socket)) continue;
    if (programs.includes('docker-proxy') || published.has(`${protocol} ${port}`)) continue;
    const key = `${protocol} ${port}`;
    if (ofSwarm.has(key)) continue;
    const entry = found.get(key) ?? { port, families: new Set(), names: new Set() };
    for (const family of local.family === undefined ? families : [local.family])
      if (open.includes(family)) entry.families.add(family);
    for (const name of programs) entry.names.add(name);
    found.set(key, entry);
  }
  // ESP and VXLAN of nodes that nobody could name.
  const unnamed =
    isInSwarm(host) && !isSwarm
      ? [
          '  # The other nodes of the Swarm are not known: with swarm below, these two can go.',
          '  - { proto: esp }',
          `  - { proto: udp, ports: [${dataPathPort(host)}] }`,
        ]
      : [];
  const lines = [...found]
    .filter(([, entry]) => entry.families.size > 0)
    .toSorted(([, a], [, b]) => a.port - b.port)
    .map(([key, entry]) => {
      const [protocol] = key.split(' ');
      const from = entry.families.size === families.length ? '' : `, from: [${[...entry.families].map((one) => quoted(everywhere[one])).join(', ')}]`; // prettier-ignore
      const names = entry.names.size === 0 ? '' : ` # ${remark([...entry.names].join(', '))}`;
      return `  - { proto: ${protocol}, ports: [${entry.port}]${from} }${names}`;
    });
  return lines.length + unnamed.length === 0
    ? []
    : ['', '# What listens. Nothing else gets in.', 'allow:', ...lines, ...unnamed];
};

const dataPathPort = (host: Host): number => host.docker?.dataPathPort ?? factsOf(host).encrypted[0]?.port ?? 4789;
const isInSwarm = (host: Host): boolean => host.docker?.swarm === 'active' || factsOf(host).encrypted.length > 0;

const swarmLines = (host: Host): readonly string[] => {
  const isSwarm = isInSwarm(host);
  const peers = isSwarm ? swarmPeers(host) : [];
  if (peers.length === 0)
    return isSwarm ? ['', '# This host is in a Swarm whose other nodes are not known: name them here.', '# swarm: { peers: [] }'] : []; // prettier-ignore
  return [
    '',
    '# A node that joins later has to be named here.',
    '# "docker": VXLAN is dropped in the clear for those networks that Docker encrypts; "required": for all.',
    'swarm:',
    `  peers: [${peers.map(({ family, address }) => quoted(printAddress(address, family))).join(', ')}]`,
    `  dataPathPort: ${dataPathPort(host)}`,
    '  encrypted: docker',
  ];
};

const listed = (head: string, list: readonly LeftOver[]): readonly string[] =>
  list.length === 0
    ? []
    : ['', `# ${head}`, ...list.flatMap(({ origin, why }) => [`#   ${remark(place(origin))}  ${remark(origin.text)}`, `#     ${remark(why)}`])]; // prettier-ignore

const proofLines = (proofs: readonly TakenProof[]): readonly string[] =>
  proofs.flatMap(({ family, verdict, assumed, reasons }) => {
    const name = family === 'ip' ? 'IPv4' : 'IPv6';
    const resting = assumed.length === 0 ? '' : `, taking for granted: ${assumed.join(', ')}`;
    return verdict === 'proven'
      ? [`# ${name}: proven to decide as INPUT does without Docker's rules and without those that were left${resting}.`]
      : [`# ${name}: NOT PROVEN to decide as INPUT does: ${verdict === 'refuted' ? 'a packet tells them apart' : remark(reasons.join('; '))}.`]; // prettier-ignore
  });

/** A refusal of everything at the end is the policy's default: behind it Docker's accepts would never be asked. */
const lastRefusals = (all: readonly OwnRules[]): ReadonlySet<TakenOver> =>
  new Set(
    all.flatMap(({ table, rules: { taken, docker } }) => {
      const last = taken.at(-1);
      if (!table || !last || !isPlain(last.rule) || endOf(table, last.rule) !== 'refuse') return [];
      const isDrop = last.rule.action.kind === 'verdict';
      return isDrop || docker.some(({ origin }) => origin.text.endsWith('-j ACCEPT')) ? [last] : [];
    }),
  );

export const policyFromHost = (host: Host): FromHost => {
  const each = families.map((family) => proven(ownRules(host.iptables, family)));
  const all = each.map(({ own }) => own);
  const proofs = each.flatMap((one) => one.proofs);
  const left = all.flatMap(({ rules }) => rules.left);
  const docker = all.flatMap(({ rules }) => rules.docker);
  const opens = left.filter(({ mayAccept }) => mayAccept === true);
  const lines = [
    '# Made by dnfw install --from-host from what was there; dnfw-policy(5). Read it, then change it as you like.',
    'version: 1',
    'mode: enforce',
    ...(opens.length === 0
      ? ['default: drop']
      : [
          '# Rules that let packets in could not be taken (below): what they let in would be dropped by "drop".',
          'default: accept',
        ]),
    ...proofLines(proofs),
    ...ruleLines(all, lastRefusals(all)),
    ...allowLines(host, all),
    ...swarmLines(host),
    ...listed("Docker's own, not taken: the guard keeps what they accept and what they keep encrypted.", docker),
    ...listed('Left where they are:', left),
  ];
  return {
    yaml: `${lines.join('\n')}\n`,
    taken: all.flatMap(({ family, rules }) => rules.taken.map((one) => ({ ...one, family }))),
    docker,
    left,
    proofs,
  };
};
