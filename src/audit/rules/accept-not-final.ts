/** An accept that opens nothing, because a later base chain keeps all of it out. */
import type { Family } from '../../netfilter/family.ts';
import { is } from '../../packet/condition.ts';
import { ctStates } from '../../packet/field.ts';
import type { ProgramRule, ProgramTable, Step } from '../../packet/program.ts';
import type { Killer, LostAccept } from '../../prove/lost.ts';
import type { FindingRule } from '../contract.ts';
import { placeWords, whose } from '../dead.ts';
import type { Evidence, Found } from '../finding.ts';
import { groupBy } from '../group.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt } from '../host-rules.ts';
import { chainEvidence, familyWords, some } from '../places.ts';
import { shellPlace } from '../shell-words.ts';

const shown = 4;
const newConnection = is({ kind: 'key', key: 'ct.state' }, ctStates.new);

const wheres = ['input', 'forward'] as const;

/** Tables that are there for something else accept packets only to be done with them. */
const isForFiltering = ({ name, runs }: ProgramTable): boolean => runs === 'nft' || name === 'filter';

const accepts = ({ steps }: ProgramRule): boolean => {
  const last: Step | undefined = steps.at(-1);
  return last?.kind === 'verdict' && last.verdict.kind === 'accept' && steps.some(({ kind }) => kind === 'test');
};

/** What somebody wrote to open something: not Docker, whose accepts are looked at by themselves, and not a program. */
const relied = (host: AuditHost, table: ProgramTable): readonly ProgramRule[] =>
  [...table.chains.values()].flatMap(({ rules }) =>
    rules.filter((rule) => accepts(rule) && ['operator', 'ufw'].includes(whose(host, rule, table))),
  );

const killerEvidence = (host: AuditHost, { table, chain, rule }: Killer): Evidence =>
  rule
    ? evidenceAt(rule.origin, 'keeps them out later')
    : chainEvidence(host, table, chain, `${chain.name} has policy drop`);

const killerPlace = ({ table, chain, rule }: Killer): string =>
  `${placeWords(table, chain)}${rule ? '' : ' (policy drop)'}`;

interface Lost extends LostAccept {
  readonly table: ProgramTable;
}

const found = (
  host: AuditHost,
  family: Family,
  where: (typeof wheres)[number],
  place: string,
  all: readonly Lost[],
): readonly Found[] => {
  const [lost] = all;
  const [killer] = lost?.by ?? [];
  if (!lost?.example || !killer) return [];
  const { witness, verdict, deciders } = host.sendDecoded(lost.example, where);
  const isAccepted = deciders.some(({ file, line, verdict: end }) => end === 'accept' && file === lost.rule.origin.file && line === lost.rule.origin.line); // prettier-ignore
  if (!/^(?:drop|reject)/.test(verdict) || !isAccepted) return [];
  const texts = all.map(({ rule }) => rule.origin.text.trim().replace(/^\[\d+:\d+\]\s*/, ''));
  return [
    {
      subject: `${lost.table.label} and ${place}, ${where}, ${familyWords[family]}`,
      what: `${all.length === 1 ? 'One accept' : `${all.length} accepts`} of ${lost.table.label} (${some(texts, 2)}) ${all.length === 1 ? 'opens' : 'open'} nothing: ${killerPlace(killer)} keeps all of these packets out afterwards.`,
      means:
        'An accept ends the way through one base chain only. The next base chain of the hook sees the packet, and a drop there is final.',
      evidence: [
        ...all.slice(0, shown).map(({ rule }) => evidenceAt(rule.origin, 'accepts them, to no effect')),
        ...lost.by.slice(0, shown).map((one) => killerEvidence(host, one)),
      ],
      witness,
      fix: [
        {
          what: 'accept them in the later chain as well, or keep the rules of the host in one place',
          commands: [`nft list chains`, killer.table.runs === 'nft' ? `nft -a list chain ${shellPlace(placeWords(killer.table, killer.chain))}` : `iptables-save -t ${killer.table.name}`], // prettier-ignore
        },
      ],
    },
  ];
};

const at = (host: AuditHost, family: Family, where: (typeof wheres)[number]): readonly Found[] => {
  const tables = host.program(family).tables.filter((table) => [...table.chains.values()].some(({ base }) => base?.hook === where && base.type !== 'nat')); // prettier-ignore
  if (tables.length < 2) return [];
  const lost = tables.filter(isForFiltering).flatMap((table): readonly Lost[] => {
    const rules = relied(host, table);
    if (rules.length === 0) return [];
    const wanted = rules.map((rule) => ({ rule, conditions: [newConnection] }));
    return (host.proof(family).lostAccepts(table, wanted, where) ?? []).map((one) => ({ ...one, table }));
  });
  const groups = groupBy(lost, ({ table, by }) => `${table.label}|${by[0] ? killerPlace(by[0]) : ''}`);
  return [...groups.values()].flatMap((all) => found(host, family, where, all[0]?.by[0] ? killerPlace(all[0].by[0]) : '', all)); // prettier-ignore
};

const find = (host: AuditHost): readonly Found[] =>
  host.families().flatMap((family) => wheres.flatMap((where) => at(host, family, where)));

export const acceptNotFinal: FindingRule = {
  code: 'accept-not-final',
  severity: 'medium',
  job: 'ordering',
  title: 'An accept opens nothing: a later base chain drops what it lets in',
  about:
    "Whoever opens a port in one table expects it to be open. All base chains of a hook are asked in the order of their priorities, whichever program made them, and each can drop. Reported are accepts of the operator, or of ufw, of which no new connection at all comes through, because another table's base chain keeps all of them out afterwards: iptables' policy DROP behind a native accept, firewalld's reject behind an accept of iptables.",
  silent:
    'Anything of what the rule accepts comes through: then the later chain is selective, as blocklists are. Where the earlier chain drops, the later accept never matches, which is rule-shadowed.',
  needs: [],
  find,
};
