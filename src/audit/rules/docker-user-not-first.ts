/** DOCKER-USER is not asked, or not before what accepts packets. */
import type { Chain, Table } from '../../iptables/types.ts';
import { builtInChains } from '../../netfilter/hooks.ts';
import type { ProgramRule } from '../../packet/program.ts';
import type { Overridden } from '../../prove/questions.ts';
import { calleeOf, callsIn } from '../calls.ts';
import type { FindingRule } from '../contract.ts';
import type { Fix, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt, evidenceOf, type HostRule, programFor } from '../host-rules.ts';
import { counted, isDockers, tableEvidence } from '../places.ts';

const user = 'DOCKER-USER';
const shown = 4;

const labelOf = ({ family, name, backend }: Table): string => `${family} ${name}${backend === 'legacy' ? ' (legacy)' : ''}`; // prettier-ignore

const putFirst = (table: Table): Fix => {
  const program = programFor(table);
  return {
    what: 'put the jump first',
    commands: [`${program} -D FORWARD -j ${user}`, `${program} -I FORWARD 1 -j ${user}`],
  };
};

/** Chains that DOCKER-USER leads to, with itself. */
const below = (table: Table): ReadonlySet<string> => {
  const chains = table.chains.map(({ name, rules }) => ({ name, rules, ...(name === user ? { policy: 'ACCEPT' as const } : {}) })); // prettier-ignore
  return callsIn({ chains }).reached;
};

/** More than the RETURN that Docker puts there. */
const isOwn = ({ docker }: HostRule): boolean => docker?.part === 'operator';

const notAsked = (table: Table, rules: readonly HostRule[]): readonly Found[] => {
  const own = rules.filter(isOwn);
  return [
    {
      subject: labelOf(table),
      severity: own.length > 0 ? 'high' : 'low',
      what: `Nothing in FORWARD of ${labelOf(table)} leads to ${user}${own.length > 0 ? `, which holds ${counted(own.length, 'rule')} of the operator` : ''}.`,
      means:
        own.length > 0
          ? 'Rules that the operator made for containers are in place and not in force.'
          : 'Rules that an operator puts there, as the manual says, would not be in force.',
      evidence: own.length > 0 ? own.slice(0, shown).map((rule) => evidenceOf(rule, 'never asked')) : [tableEvidence(table, `has chain ${user}`)], // prettier-ignore
      fix: [{ what: 'put the jump back', commands: [`${programFor(table)} -I FORWARD 1 -j ${user}`] }],
    },
  ];
};

const isRule = (ours: Overridden['ours']): ours is ProgramRule => 'origin' in ours;

const bypassed = (host: AuditHost, table: Table, forward: Chain, at: number): readonly Found[] => {
  const chains = below(table);
  const before = new Set(forward.rules.slice(0, at).map(({ origin }) => origin));
  const inFront = ({ origin }: ProgramRule): boolean => before.has(origin);
  const proof = host.proof(table.family);
  const lost = (proof.overridden(inFront, 'forward') ?? []).filter(({ ours }) => {
    const rule = isRule(ours) ? host.ruleOf(ours) : undefined;
    return rule !== undefined && rule.table === table && chains.has(rule.chain.name);
  });
  const [first] = lost;
  if (!first?.example) return [];
  const { witness, verdict } = host.sendDecoded(first.example, 'forward');
  if (verdict !== 'accept') return [];
  const theirs = [...new Set(lost.flatMap((one) => one.theirs))].flatMap((rule) => host.ruleOf(rule) ?? []);
  const ours = lost.flatMap((one) => (isRule(one.ours) ? [one.ours] : []));
  const isDocker = theirs.some(isDockers);
  return [
    {
      subject: labelOf(table),
      severity: isDocker ? 'high' : 'medium',
      what: `${counted(theirs.length, 'rule')} of ${isDocker ? 'Docker' : 'the operator'} in front of the jump to ${user} ${theirs.length === 1 ? 'accepts' : 'accept'} packets that ${counted(ours.length, 'rule')} in ${user} would drop.`,
      means: `${user} is the place for rules that come before Docker's, and here they do not.`,
      evidence: [
        ...theirs.slice(0, shown).map((rule) => evidenceOf(rule, 'lets them in first')),
        ...ours.slice(0, shown).map((rule) => evidenceAt(rule.origin, 'never sees them')),
      ],
      witness,
      fix: [putFirst(table)],
    },
  ];
};

/** Nothing is bypassed, and the next rule that somebody adds will be. */
const merelyLate = (host: AuditHost, table: Table, forward: Chain, at: number): readonly Found[] => {
  const front = host.rules().filter((rule) => rule.table === table && rule.chain === forward && rule.position <= at && isDockers(rule)); // prettier-ignore
  const jump = forward.rules[at];
  if (front.length === 0 || !jump) return [];
  return [
    {
      subject: labelOf(table),
      severity: 'low',
      what: `${counted(front.length, 'rule')} of Docker in FORWARD of ${labelOf(table)} ${front.length === 1 ? 'stands' : 'stand'} in front of the jump to ${user}.`,
      means: `What these rules accept or drop, no rule in ${user} sees.`,
      evidence: [...front.slice(0, shown).map((rule) => evidenceOf(rule, 'stands in front')), evidenceAt(jump.origin, `asks ${user}`)], // prettier-ignore
      fix: [putFirst(table)],
    },
  ];
};

const inTable = (host: AuditHost, table: Table): readonly Found[] => {
  const forward = table.chains.find(({ name }) => name === 'FORWARD');
  const chain = table.chains.find(({ name }) => name === user);
  if (!forward || !chain) return [];
  const rules = host.rules().filter((rule) => rule.table === table && rule.chain === chain);
  if (!callsIn(table).reached.has(user)) return notAsked(table, rules);
  const at = forward.rules.findIndex((rule) => calleeOf(rule) === user);
  if (at <= 0) return [];
  const found = rules.some(isOwn) ? bypassed(host, table, forward, at) : [];
  return found.length > 0 ? found : merelyLate(host, table, forward, at);
};

const find = (host: AuditHost): readonly Found[] =>
  host.host.iptables.tables
    .filter(
      ({ family, name }) =>
        name === 'filter' && builtInChains.filter.every((chain) => host.knows(family, 'filter', chain)),
    ) // prettier-ignore
    .flatMap((table) => inTable(host, table));

export const dockerUserNotFirst: FindingRule = {
  code: 'docker-user-not-first',
  severity: 'high',
  job: 'ordering',
  title: 'DOCKER-USER is not asked first',
  about:
    "DOCKER-USER is the operator's chain: Docker puts the jump to it at the top of FORWARD and leaves its rules alone. A flush of FORWARD takes the jump away; other programs, and Docker itself when it makes a network, put rules above it. Where the chain holds rules, the prover looks for packets that they would drop and that are accepted in front of them.",
  silent:
    'Rules in front of the jump accept nothing that DOCKER-USER would drop, and are not of Docker; or the host has no DOCKER-USER, as with releases before 17.06 and with the native backend.',
  references: ['moby#35043', 'moby#48560'],
  needs: [],
  find,
};
