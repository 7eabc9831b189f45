/** Another base chain of the forward hook keeps out all that Docker lets through. */
import type { Family } from '../../netfilter/family.ts';
import type { ProgramTable } from '../../packet/program.ts';
import type { Killer, LostAccept } from '../../prove/lost.ts';
import type { FindingRule } from '../contract.ts';
import type { Evidence, Found } from '../finding.ts';
import { type DockerAccept, dockerAccepts, dockerTables } from '../forwarding.ts';
import { groupBy } from '../group.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt } from '../host-rules.ts';
import { chainEvidence, counted, familyWords, some } from '../places.ts';
import { shellPlace } from '../shell-words.ts';

const shown = 4;

const placeOf = ({ table, chain }: Killer): string =>
  `${table.label} ${chain.name}${table.runs === 'iptables-legacy' ? ' (iptables-legacy)' : ''}`;

const killerEvidence = (host: AuditHost, { table, chain, rule }: Killer): Evidence =>
  rule ? evidenceAt(rule.origin, 'keeps them out') : chainEvidence(host, table, chain, `${chain.name} has policy drop`);

interface Dead {
  readonly accept: DockerAccept;
  readonly lost: LostAccept;
}

const whatOf = (dead: readonly Dead[], family: Family): string => {
  const named = (purpose: DockerAccept['purpose']): readonly string[] =>
    dead.flatMap(({ accept }) => (accept.purpose === purpose ? [accept.name] : []));
  const [ports, bridges] = [named('port'), named('out')];
  const parts = [
    ...(ports.length === 0 ? [] : [`new connections to ${counted(ports.length, 'published port')} (${some(ports)})`]),
    ...(bridges.length === 0 ? [] : [`what containers on ${some(bridges)} send out`]),
  ];
  return `${familyWords[family]}: Docker accepts ${parts.join(' and ')}`;
};

const addCommand = ({ table, chain }: Killer): readonly string[] =>
  table.runs === 'nft'
    ? [
        `nft insert rule ${shellPlace(table.label, chain.name)} ct state established,related accept`,
        `nft insert rule ${shellPlace(table.label, chain.name)} iifname docker0 accept`,
        `nft insert rule ${shellPlace(table.label, chain.name)} oifname docker0 ct status dnat accept`,
      ]
    : [`${table.label.startsWith('ip6') ? 'ip6tables' : 'iptables'}-${table.runs === 'iptables-legacy' ? 'legacy' : 'nft'} -P ${chain.name} ACCEPT`]; // prettier-ignore

const found = (
  host: AuditHost,
  family: Family,
  [place, dead]: readonly [string, readonly Dead[]],
): readonly Found[] => {
  for (const { lost, accept } of dead) {
    const [killer] = lost.by;
    if (!lost.example || !killer) continue;
    const { witness, verdict } = host.sendDecoded(lost.example, 'forward');
    if (!/^(?:drop|reject)/.test(verdict)) continue;
    const killers = [...new Map(dead.flatMap(({ lost: { by } }) => by.map((one) => [one.rule ?? one.chain, one] as const))).values()]; // prettier-ignore
    const first = [accept, ...dead.map((one) => one.accept).filter((one) => one !== accept)];
    return [
      {
        subject: `${place}, ${familyWords[family]}`,
        what: `${whatOf(dead, family)}, and ${place} keeps all of them out.`,
        means:
          'An accept of one base chain is not final: the others of the hook are asked, too, and a drop in any of them is. Containers are cut off here, whatever Docker does.',
        evidence: [
          ...first.slice(0, shown).map(({ evidence }) => evidence('accepts them, to no effect')),
          ...killers.slice(0, shown).map((one) => killerEvidence(host, one)),
        ],
        witness,
        fix: [{ what: 'let through in that chain what Docker is to decide (and each of its bridges)', commands: addCommand(killer) }], // prettier-ignore
      },
    ];
  }
  return [];
};

const inTable = (host: AuditHost, family: Family, table: ProgramTable): readonly Found[] => {
  const accepts = dockerAccepts(host, family, table);
  // Only another base chain of the hook can keep out what this table lets through.
  const others = host.program(family).tables.filter((one) => one !== table && [...one.chains.values()].some(({ base, rules }) => base?.hook === 'forward' && (base.policy === 'drop' || rules.length > 0))); // prettier-ignore
  if (accepts.length === 0 || others.length === 0) return [];
  const byRule = new Map(accepts.map((accept) => [accept.rule, accept]));
  const dead = (host.proof(family).lostAccepts(table, accepts, 'forward') ?? []).flatMap((lost): readonly Dead[] => {
    const accept = byRule.get(lost.rule);
    return accept ? [{ accept, lost }] : [];
  });
  const groups = groupBy(dead, ({ lost: { by } }) => (by[0] ? placeOf(by[0]) : ''));
  return [...groups].flatMap((group) => found(host, family, group));
};

const find = (host: AuditHost): readonly Found[] =>
  host.families().flatMap((family) => dockerTables(host, family).flatMap((table) => inTable(host, family, table)));

export const nativeForwardDrop: FindingRule = {
  code: 'native-forward-drop',
  severity: 'high',
  job: 'ordering',
  title: 'Another chain of the forward hook keeps out what Docker lets through',
  about:
    "A native table with a forward chain of policy drop, or a chain of the other iptables backend, sees every packet that Docker's FORWARD accepts, and its drop is final. Then published ports are dead and containers reach nothing, although Docker's rules are as they should be. Looked at is each rule of Docker for a published port and for what leaves a bridge: it is reported when no new connection at all comes through.",
  silent:
    'A part of the connections comes through: then the other chain is selective, as its owner wants it. What other rules of the same table drop is not meant here.',
  references: ['moby#49643', 'moby#50566'],
  needs: [],
  find,
};
