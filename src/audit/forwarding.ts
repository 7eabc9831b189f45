/** What Docker means to let through the forward hook, as questions about its rules. */
import type { Family } from '../netfilter/family.ts';
import { type Condition, is, isNamed, within } from '../packet/condition.ts';
import { ctStates, payload } from '../packet/field.ts';
import type { ProgramChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import { parseMasked } from '../netfilter/address.ts';
import type { Accept } from '../prove/lost.ts';
import type { AuditHost } from './host.ts';
import type { HostRule } from './host-rules.ts';

/** A packet as it comes first from a container or to one. */
const newConnection = is({ kind: 'key', key: 'ct.state' }, ctStates.new);

/** Networks of bridges, by the masquerading of what leaves them. */
export const networksOf = (host: AuditHost, family: Family): ReadonlyMap<string, string> =>
  new Map(
    host.rules().flatMap(({ table, docker }): readonly (readonly [string, string])[] => {
      const { bridge, network } = docker?.filled ?? {};
      return table.family === family && docker?.part === 'masquerade' && bridge !== undefined && network !== undefined
        ? [[bridge, network]]
        : [];
    }),
  );

const fromNetwork = (family: Family, network: string): readonly Condition[] => {
  const range = parseMasked(network, family);
  if (!range) return [];
  const [offset, bits] = family === 'ip' ? [96, 32] : [64, 128];
  const last = range.address | (((1n << BigInt(bits)) - 1n) & ~range.mask);
  return [within(payload('nh', offset, bits), [{ low: range.address, high: last }])];
};

/** Ports that are published, and ways out of bridges whose network is known. */
const purposeOf = ({ docker, rule: { action } }: HostRule): 'port' | 'out' | undefined => {
  if (!docker?.filled || action.kind !== 'verdict' || action.verdict !== 'ACCEPT') return undefined;
  const { bridge, host, port, peer, network } = docker.filled;
  if (docker.part === 'publish' && host !== undefined && port !== undefined && peer === undefined) return 'port';
  if (docker.part === 'ingress' && port !== undefined) return 'port';
  return docker.part === 'forward' && bridge !== undefined && network === undefined ? 'out' : undefined;
};

export interface DockerAccept extends Accept {
  readonly made: HostRule;
  readonly purpose: 'port' | 'out';
}

/** Docker's accepts in a table, with what a packet that they are made for looks like. */
export const dockerAccepts = (host: AuditHost, family: Family, table: ProgramTable): readonly DockerAccept[] => {
  const networks = networksOf(host, family);
  return [...table.chains.values()].flatMap(({ rules }) =>
    rules.flatMap((rule): readonly DockerAccept[] => {
      const made = host.ruleOf(rule);
      const purpose = made && purposeOf(made);
      if (!made || !purpose) return [];
      if (purpose === 'port') return [{ rule, made, purpose, conditions: [newConnection] }];
      const bridge = made.docker?.filled?.bridge ?? '';
      const network = networks.get(bridge);
      // Replies, and traffic between containers of one bridge, are not what leaves it.
      if (network === undefined || !/-i \S+ (?:! -o \S+ )?-j ACCEPT$/.test(made.text)) return [];
      const leaving = { kind: 'not', of: isNamed('oifname', bridge) } as const;
      return [{ rule, made, purpose, conditions: [newConnection, leaving, ...fromNetwork(family, network)] }];
    }),
  );
};

/** The table of iptables that has Docker's forwarding. */
export const dockerTables = (host: AuditHost, family: Family): readonly ProgramTable[] =>
  host.program(family).tables.filter(({ name, runs }) => name === 'filter' && runs !== 'nft');

export const baseOf = ({ chains }: ProgramTable, hook: string): ProgramChain | undefined =>
  [...chains.values()].find(({ base }) => base?.hook === hook);

export const isSameRule = (a: ProgramRule, b: { readonly file: string; readonly line: number }): boolean =>
  a.origin.file === b.file && a.origin.line === b.line;
