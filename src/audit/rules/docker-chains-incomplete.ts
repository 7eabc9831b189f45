/** Parts of Docker's rules are gone after a flush or a reload: chains without their jumps, or one half of them. */
import { isDockerChain } from '../../docker/recognise.ts';
import type { Chain, Table } from '../../iptables/types.ts';
import { builtInChains, type TableName } from '../../netfilter/hooks.ts';
import { calleeOf, callsIn } from '../calls.ts';
import type { FindingRule } from '../contract.ts';
import type { Evidence, Fix, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt, programFor } from '../host-rules.ts';
import { counted, some, tableEvidence } from '../places.ts';

const shown = 5;

/** A RETURN alone does nothing. */
const holds = ({ rules }: Chain): boolean =>
  rules.some(({ action }) => !(action.kind === 'verdict' && action.verdict === 'RETURN'));

/** The rules that lead to Docker's chains, as Docker writes them. Those of bridges are many, and only Docker knows them. */
const jumps: readonly (readonly [table: TableName, chain: string, rule: string])[] = [
  ['nat', 'DOCKER', '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER'],
  ['nat', 'DOCKER', '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER'],
  ['nat', 'DOCKER-INGRESS', '-I PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS'],
  ['nat', 'DOCKER-INGRESS', '-I OUTPUT -m addrtype --dst-type LOCAL -j DOCKER-INGRESS'],
  ['filter', 'DOCKER-FORWARD', '-I FORWARD -j DOCKER-FORWARD'],
];

const restart: Fix = {
  what: 'let Docker make its rules again (containers stop for a moment unless live-restore is on)',
  commands: ['systemctl restart docker'],
};

const fixes = (table: Table, names: ReadonlySet<string>): readonly Fix[] => {
  const program = `${programFor(table)} -t ${table.name}`;
  const local = table.family === 'ip' ? '127.0.0.0/8' : '::1/128';
  const commands = jumps
    .filter(([name, chain]) => name === table.name && names.has(chain))
    .map(([, , rule]) => `${program} ${rule.replace('127.0.0.0/8', local)}`);
  return [...(commands.length === 0 ? [] : [{ what: 'put the jumps back', commands }]), restart];
};

const isDockerTable = (host: AuditHost, table: Table): boolean =>
  builtInChains[table.name].every((chain) => host.knows(table.family, table.name, chain));

/** Docker's native backend leaves a few chains of the other one behind. */
const isNative = ({ host }: AuditHost): boolean => host.nft.tables.some(({ name }) => name === 'docker-bridges');

const consequence = (table: Table): string =>
  table.name === 'nat'
    ? "Published ports are not mapped to their containers: at best Docker's userland proxy answers on them, with its own address as the source."
    : table.chains.some(({ name, policy }) => name === 'FORWARD' && policy === 'DROP')
      ? 'FORWARD drops what Docker let through: published ports are dead, and containers reach nothing.'
      : 'FORWARD lets everything through: networks are not kept apart from each other, and every port of every container is open to whoever can route packets here.';

const evidenceOf = (table: Table, chains: readonly Chain[]): readonly Evidence[] =>
  chains
    .flatMap(({ rules }) => rules)
    .slice(0, shown)
    .map(({ origin }) => evidenceAt(origin, `never asked (${table.name})`));

const labelOf = ({ family, name, backend }: Table): string => `${family} ${name}${backend === 'legacy' ? ' (legacy)' : ''}`; // prettier-ignore

const isIsolation = (name: string): boolean => name.startsWith('DOCKER-ISOLATION');

/** Docker fills the isolation for IPv6, and jumps to it with the first network that has IPv6. */
const hasBridges = (host: AuditHost, { family, backend }: Table): boolean =>
  host.rules().some(({ table, chain, docker }) => table.family === family && table.backend === backend && docker !== undefined && (chain.name === 'FORWARD' || table.name === 'nat')); // prettier-ignore

/** Chains that hold rules and that nothing leads to. */
const cutOff = (host: AuditHost, table: Table): readonly Found[] => {
  const { reached } = callsIn(table);
  const lost = table.chains.filter((chain) => isDockerChain(chain.name) && chain.name !== 'DOCKER-USER' && !reached.has(chain.name) && holds(chain)); // prettier-ignore
  if (lost.length === 0) return [];
  // Isolation of a host with one bridge is called by nobody who is reached, but from Docker's own chains.
  const calledByDocker = new Set(table.chains.filter(({ name }) => reached.has(name) && isDockerChain(name)).flatMap(({ rules }) => rules.flatMap((rule) => calleeOf(rule) ?? []))); // prettier-ignore
  const names = lost.map(({ name }) => name).filter((name) => !calledByDocker.has(name));
  if (names.length === 0 || (names.every(isIsolation) && !hasBridges(host, table))) return [];
  const count = lost.reduce((sum, { rules }) => sum + rules.length, 0);
  return [
    {
      subject: labelOf(table),
      what: `${labelOf(table)}: nothing leads to ${some(names)}, so that ${counted(count, 'rule')} of Docker ${count === 1 ? 'is' : 'are'} never asked.`,
      means: consequence(table),
      evidence: evidenceOf(table, lost),
      fix: fixes(table, new Set(names)),
    },
  ];
};

const published = (host: AuditHost, table: Table): boolean =>
  host.rules().some((rule) => rule.table === table && rule.docker?.part === 'publish' && rule.docker.filled?.port !== undefined); // prettier-ignore

const partner = (host: AuditHost, { family, backend }: Table, name: TableName): Table | undefined =>
  host.host.iptables.tables.find((one) => one.family === family && one.backend === backend && one.name === name);

/** Ports are mapped in nat, and let through in filter: one without the other does nothing, or too much. */
const oneHalf = (host: AuditHost, nat: Table): readonly Found[] => {
  const filter = partner(host, nat, 'filter');
  if (nat.name !== 'nat' || !filter || !isDockerTable(host, filter) || !published(host, nat)) return [];
  const { reached } = callsIn(filter);
  const isAny = filter.chains.some((chain) => isDockerChain(chain.name) && reached.has(chain.name));
  const isHeld = filter.chains.some((chain) => isDockerChain(chain.name) && chain.name !== 'DOCKER-USER' && holds(chain));
  if (isAny || isHeld) return [];
  const rules = host.rules().filter((rule) => rule.table === nat && rule.docker?.part === 'publish' && rule.docker.filled?.port !== undefined); // prettier-ignore
  return [
    {
      subject: labelOf(filter),
      what: `${labelOf(filter)} has no rules of Docker that are asked, and ${labelOf(nat)} maps ${counted(rules.length, 'published port')} to containers.`,
      means: consequence(filter),
      evidence: [
        ...rules.slice(0, shown).map(({ rule }) => evidenceAt(rule.origin, 'maps a published port')),
        tableEvidence(filter, "lacks Docker's rules"),
      ],
      fix: [restart],
    },
  ];
}; // prettier-ignore

/** Docker lets ports through in filter, and the table that maps them is empty. */
const otherHalf = (host: AuditHost, filter: Table): readonly Found[] => {
  if (filter.name !== 'filter' || !published(host, filter)) return [];
  const nat = partner(host, filter, 'nat');
  const isKnown = builtInChains.nat.every((chain) => host.knows(filter.family, 'nat', chain));
  const isThere = host.rules().some(({ table, docker }) => table.family === filter.family && table.name === 'nat' && docker !== undefined); // prettier-ignore
  const hasChain = nat?.chains.some(({ name }) => name === 'DOCKER') === true && callsIn(nat).reached.has('DOCKER');
  if (!isKnown || isThere || hasChain) return [];
  const rules = host.rules().filter(({ table, docker }) => table === filter && docker?.part === 'publish' && docker.filled?.port !== undefined); // prettier-ignore
  return [
    {
      subject: `${filter.family} nat${filter.backend === 'legacy' ? ' (legacy)' : ''}`,
      what: `${labelOf(filter)} lets ${counted(rules.length, 'published port')} through, and there is no rule of Docker in nat.`,
      means: consequence(nat ?? { ...filter, name: 'nat' }),
      evidence: rules.slice(0, shown).map(({ rule }) => evidenceAt(rule.origin, 'lets a published port through')),
      fix: [restart],
    },
  ];
};

const find = (host: AuditHost): readonly Found[] =>
  isNative(host)
    ? []
    : host.host.iptables.tables.flatMap((table) =>
        isDockerTable(host, table) ? [...cutOff(host, table), ...oneHalf(host, table), ...otherHalf(host, table)] : [],
      );

export const dockerChainsIncomplete: FindingRule = {
  code: 'docker-chains-incomplete',
  severity: 'high',
  job: 'ordering',
  title: "Docker's rules are there in part only",
  about:
    "Another firewall that flushes a chain or a table takes Docker's rules with it, and Docker does not notice before its next start: it writes rules when containers and networks come and go. Then chains hold rules that nothing leads to, ports are mapped that nothing lets through, or networks are no longer kept apart.",
  silent:
    'The chains are empty; or only a part of the tables is known. Rules inside of chains that are reached are not counted: which containers there are, the rules alone do not tell.',
  references: ['moby#12294', 'moby#43585'],
  needs: [],
  find,
};
