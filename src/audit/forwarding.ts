/** What Docker means to let through the forward hook, as questions about its rules. */
import type { Family } from '../netfilter/family.ts';
import { type Condition, is, isNamed, within } from '../packet/condition.ts';
import { ctStates, payload } from '../packet/field.ts';
import type { ProgramChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import { parseMasked } from '../netfilter/address.ts';
import type { Accept } from '../prove/lost.ts';
import type { AuditHost } from './host.ts';
import { ruleText } from '../nftables/describe.ts';
import type { Evidence } from './finding.ts';
import { evidenceAt, evidenceOf, type HostRule } from './host-rules.ts';

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

const nativeTable = 'docker-bridges';

/** Ports that are published, and ways out of bridges whose network is known. */
const purposeOf = ({ docker, rule: { action } }: HostRule): 'port' | 'out' | undefined => {
  if (!docker?.filled || action.kind !== 'verdict' || action.verdict !== 'ACCEPT') return undefined;
  const { bridge, host, port, peer, network } = docker.filled;
  if (docker.part === 'publish' && host !== undefined && port !== undefined && peer === undefined) return 'port';
  if (docker.part === 'ingress' && port !== undefined) return 'port';
  return docker.part === 'forward' && bridge !== undefined && network === undefined ? 'out' : undefined;
};

export interface DockerAccept extends Accept {
  readonly purpose: 'port' | 'out';
  /** The port, or the bridge, as findings name it. */
  readonly name: string;
  readonly evidence: (note: string) => Evidence;
}

const portName = ({ docker }: HostRule): string => {
  const { protocol, port, host } = docker?.filled ?? {};
  return `${port ?? ''}/${protocol ?? ''}${host === undefined ? '' : ` of ${host.replace(/\/\d+$/, '')}`}`;
};

const nativePort = /^ip6? daddr (\S+) (\w+) dport (\d+) counter accept/;

/** The same of the table of Docker's nftables backend, whose chains have the bridge in their names. */
const nativeAccepts = (host: AuditHost, family: Family, table: ProgramTable): readonly DockerAccept[] => {
  const listed = host.host.nft.tables.find((one) => one.name === nativeTable && one.family === family);
  return [...table.chains.values()].flatMap(({ name: chain, rules }) => {
    const [, way, bridge] = /^filter-forward-(in|out)__(.+)$/.exec(chain) ?? [];
    if (bridge === undefined) return [];
    return (listed?.chains.get(chain)?.rules ?? []).flatMap((one, index): readonly DockerAccept[] => {
      const rule = rules[index];
      const text = ruleText(one);
      const evidence = (note: string): Evidence => evidenceAt({ ...one.place, text }, note);
      const [, address, protocol, port] = way === 'in' ? (nativePort.exec(text) ?? []) : [];
      if (rule && port !== undefined)
        return [{ rule, evidence, purpose: 'port', name: `${port}/${protocol ?? ''} of ${address ?? ''}`, conditions: [newConnection] }]; // prettier-ignore
      if (!rule || way !== 'out' || !text.startsWith('counter accept')) return [];
      const leaving = { kind: 'not', of: isNamed('oifname', bridge) } as const;
      return [{ rule, evidence, purpose: 'out', name: bridge, conditions: [newConnection, leaving] }];
    });
  });
};

/** Docker's accepts in a table, with what a packet that they are made for looks like. */
export const dockerAccepts = (host: AuditHost, family: Family, table: ProgramTable): readonly DockerAccept[] => {
  if (table.runs === 'nft') return nativeAccepts(host, family, table);
  const networks = networksOf(host, family);
  return [...table.chains.values()].flatMap(({ rules }) =>
    rules.flatMap((rule): readonly DockerAccept[] => {
      const made = host.ruleOf(rule);
      const purpose = made && purposeOf(made);
      if (!made || !purpose) return [];
      const evidence = (note: string): Evidence => evidenceOf(made, note);
      if (purpose === 'port') return [{ rule, evidence, purpose, name: portName(made), conditions: [newConnection] }];
      const bridge = made.docker?.filled?.bridge ?? '';
      const network = networks.get(bridge);
      // Replies, and traffic between containers of one bridge, are not what leaves it.
      if (network === undefined || !/-i \S+ (?:! -o \S+ )?-j ACCEPT$/.test(made.text)) return [];
      const leaving = { kind: 'not', of: isNamed('oifname', bridge) } as const;
      return [
        {
          rule,
          evidence,
          purpose,
          name: bridge,
          conditions: [newConnection, leaving, ...fromNetwork(family, network)],
        },
      ];
    }),
  );
};

/** The tables that have Docker's forwarding: that of iptables, and that of the nftables backend. */
export const dockerTables = (host: AuditHost, family: Family): readonly ProgramTable[] =>
  host
    .program(family)
    .tables.filter(({ name, runs, label }) =>
      runs === 'nft' ? label === `${family} ${nativeTable}` : name === 'filter',
    );

export const baseOf = ({ chains }: ProgramTable, hook: string): ProgramChain | undefined =>
  [...chains.values()].find(({ base }) => base?.hook === hook);

export const isSameRule = (a: ProgramRule, b: { readonly file: string; readonly line: number }): boolean =>
  a.origin.file === b.file && a.origin.line === b.line;
