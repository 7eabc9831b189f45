/** A host before and after a migration: packets that are newly accepted, newly dropped, or treated otherwise, by proof. */
import { families, type Family } from '../netfilter/family.ts';
import type { BuiltInChain, TableName } from '../netfilter/hooks.ts';
import { builtInChains } from '../netfilter/hooks.ts';
import { assumptions, everyAssumption } from '../packet/assumption.ts';
import type { Effect } from '../packet/effect.ts';
import type { RuleOrigin } from '../packet/program.ts';
import { check, type HookCheck, type Shown } from '../prove/check.ts';
import type { Seen } from '../prove/confirm.ts';
import { comesBack, deciderWords, endingWords, likeWords } from '../prove/words.ts';
import { describeEffect } from '../simulate/words.ts';
import type { Evidence, Finding, Fix, Found, Severity, Witness } from './finding.ts';
import { type AuditHost, auditHost } from './host.ts';
import { evidenceAt, type HostRule } from './host-rules.ts';
import { findingOf, inOrder } from './inspect.ts';
import { lacksOf } from './lacks.ts';
import { type Declared, migrationAccepts, migrationDrops, migrationEffects, migrationFindings, migrationProven, migrationUnknown } from './migration-findings.ts'; // prettier-ignore
import type { HostReport } from './report/types.ts';
import type { Source } from './source.ts';
import { countOf, familyWords } from './words.ts';
import { shellWord } from './shell-words.ts';

interface Sides {
  readonly before: AuditHost;
  readonly after: AuditHost;
}

/** Diagram nodes: a large host takes some seconds with so many. */
const budget = 12_000_000;

/** At a hook, so many of each direction are shown. */
const shown = 24;

/** The rule as it stood before, where iptables has it. */
const ruleAt = ({ before }: Sides, origin: RuleOrigin | undefined): HostRule | undefined =>
  origin && before.rules().find(({ rule }) => rule.origin.file === origin.file && rule.origin.line === origin.line);

const originOf = ({ decidedBy }: Seen): RuleOrigin | undefined =>
  decidedBy && 'rule' in decidedBy ? decidedBy.rule : undefined;

const past: Readonly<Record<string, string>> = { accept: 'accepted', drop: 'dropped' };

/** `dropped by FILE:LINE: RULE`, `accepted by the policy of INPUT`. */
const fate = (seen: Seen): string => {
  const words = endingWords(seen);
  const origin = originOf(seen);
  const decider = origin ? `${origin.file}:${origin.line}: ${evidenceAt(origin).text}` : deciderWords(seen);
  return comesBack(seen) ? 'left to the calling chain' : `${past[words] ?? words} by ${decider}`;
};

const overlayMark = 0xd0c4e3n;

const marksOverlay = (effect: Effect): boolean =>
  effect.kind === 'set' && effect.key === 'mark' && effect.flip === overlayMark;

/** Packets of an encrypted network that get no mark any more. */
const losesMark = ({ a, b }: Shown): boolean => a.effects.some(marksOverlay) && !b.effects.some(marksOverlay);

const effectsOf = (seen: Seen, family: Family): string =>
  seen.effects.map((effect) => describeEffect(effect, family)).join(', ') || 'nothing';

const evidenceFor = ({ a, b, by, direction }: Shown): readonly Evidence[] => {
  const found: Evidence[] = [];
  const add = (origin: RuleOrigin | undefined, note: string): void => {
    if (origin && !found.some(({ file, line, text }) => file === origin.file && line === origin.line && evidenceAt(origin).text === text)) found.push(evidenceAt(origin, note)); // prettier-ignore
  };
  if (direction === 'effect') {
    add(by, 'does it on one side only');
    return found;
  }
  add(originOf(a), direction === 'accepted' ? 'before: keeps it out' : 'before: lets it in');
  add(originOf(b), direction === 'accepted' ? 'after: lets it in' : 'after: keeps it out');
  return found;
};

/** Shown only if the whole host does with it what the text says. */
const witnessFor = (
  { before, after }: Sides,
  { packet, oracle, hook, kind, direction }: Shown,
): Witness | undefined => {
  if (kind === 'nat') return undefined;
  const [was, is] = [before, after].map((host) => host.sendDecoded({ packet, oracle }, hook)) as [Sent, Sent];
  const passes = (sent: Sent): boolean => sent.verdict === 'accept';
  const fits = direction === 'effect' || (direction === 'accepted' ? !passes(was) && passes(is) : passes(was) && !passes(is)); // prettier-ignore
  if (!fits || was.verdict === 'unknown' || is.verdict === 'unknown') return undefined;
  return { ...is.witness, files: after.files, trace: ['before:', ...was.witness.trace, 'after:', ...is.witness.trace] };
};

type Sent = ReturnType<AuditHost['sendDecoded']>;

const fixesFor = ({ before, after }: Sides): readonly Fix[] => {
  const [was, is] = [before, after].map(({ files }) => files.map(shellWord).join(' ')) as [string, string];
  const again: Fix = { what: 'mend the rules after and compare again', commands: [`dnfw audit --before ${was} --after ${is}`] }; // prettier-ignore
  if (before.rules().length === 0) return [again];
  return [
    {
      what: 'do not load the rules after as they are: dnfw translates the rules before and proves what it prints',
      commands: [`dnfw translate -o native.json ${was}`, `dnfw audit --before ${was} --after native.json`],
    },
    again,
  ];
};

interface Told {
  readonly declared: Declared;
  readonly severity?: Severity;
  readonly what: string;
  readonly means: string;
}

const told = (sides: Sides, one: Shown): Told => {
  const { direction, a, b, packet, hook } = one;
  const { family } = packet;
  const like = likeWords(one);
  const where = `at ${hook} (${familyWords[family]})`;
  const docker = ruleAt(sides, direction === 'effect' ? one.by : originOf(a))?.docker;
  const purpose = docker ? ` The rule before is Docker's: ${docker.about}.` : '';
  const asked = one.answers.map(([question, answer]) => `${question}: ${answer ? 'yes' : 'no'}`);
  const given = asked.length > 0 ? ` This holds where the answer is ${asked.join(', ')}.` : '';
  if (direction === 'accepted')
    return {
      declared: migrationAccepts,
      what: `Newly accepted ${where}: ${like}. Before: ${fate(a)}. After: ${fate(b)}.`,
      means: `${docker?.overlay ? 'Whoever can send UDP to this host puts packets into the encrypted network, without any key.' : 'Packets that were kept out get in.'}${purpose}${given}`,
    };
  if (direction === 'dropped')
    return {
      declared: migrationDrops,
      severity: docker?.part === 'publish' ? 'high' : 'medium',
      what: `Newly dropped ${where}: ${like}. Before: ${fate(a)}. After: ${fate(b)}.`,
      means: `Packets that passed are kept out.${purpose}${given}`,
    };
  const isLost = losesMark(one);
  const asks = (seen: Seen): string => [...seen.asked].toSorted().join(', ') || 'nothing';
  const same = effectsOf(a, family) === effectsOf(b, family);
  const how = same && asks(a) !== asks(b) ? `Before, asked: ${asks(a)}. After, asked: ${asks(b)}.` : `Before: ${endingWords(a)}, and ${effectsOf(a, family)}. After: ${endingWords(b)}, and ${effectsOf(b, family)}.`; // prettier-ignore
  return {
    declared: migrationEffects,
    severity: isLost ? 'high' : 'low',
    what: `Another effect ${where} on ${like}. ${how}`,
    means: isLost
      ? `Without the mark these packets of an encrypted network leave in clear.${purpose}${given}`
      : `The packets pass or stay out as before.${purpose}${given}`,
  };
};

const foundFor = (sides: Sides, one: Shown): { readonly declared: Declared; readonly found: Found } => {
  const { declared, ...rest } = told(sides, one);
  const witness = witnessFor(sides, one);
  const subject = `${one.packet.family} ${one.hook}${one.kind === 'nat' ? ' nat' : ''}: ${likeWords(one)}`;
  return {
    declared,
    found: {
      subject,
      ...rest,
      evidence: evidenceFor(one),
      ...(witness ? { witness } : {}),
      fix: fixesFor(sides),
    },
  };
};

const placeWords = ({ hook, kind }: HookCheck): string => `${hook} ${kind}`;

const assumedWords = (hooks: readonly HookCheck[]): string => {
  const names = [...new Set(hooks.flatMap(({ assumed }) => assumed))];
  return names.length === 0
    ? 'Nothing is assumed.'
    : `Assumed: ${names.map((name) => `${assumptions[name]} (${name})`).join('; ')}.`;
};

const proven = (family: Family, hooks: readonly HookCheck[]): Found => ({
  subject: familyWords[family],
  what: `PROVEN: before and after do the same with every ${familyWords[family]} packet, at ${countOf(hooks.length, 'place')} (${hooks.map(placeWords).join(', ')}).`,
  means: assumedWords(hooks),
  evidence: [],
  fix: [{ what: 'nothing has to be done; the rules after can be loaded in place of those before', commands: ['nft -j -c -f FILE'] }], // prettier-ignore
});

const unknown = (family: Family, hook: HookCheck): Found => ({
  subject: `${family} ${placeWords(hook)}`,
  what: `What differs at ${hook.hook} (${familyWords[family]}, ${hook.kind}) cannot be said.`,
  means: `${[...new Set(hook.reasons)].map((reason) => reason.replace(/^a: /, 'before: no model of ').replace(/^b: /, 'after: no model of ')).join('; ')}.`,
  evidence: [],
  fix: [{ what: 'compare this hook with more memory, or chain by chain', commands: [`dnfw check --hook ${hook.hook} BEFORE AFTER`] }], // prettier-ignore
});

/** Two rules may keep out what is described in the same words. */
const numbered = (findings: readonly Finding[]): readonly Finding[] => {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const count = (seen.get(finding.fingerprint) ?? 0) + 1;
    seen.set(finding.fingerprint, count);
    if (count === 1) return finding;
    const subject = `${finding.subject} (${count})`;
    return { ...finding, subject, fingerprint: `${finding.code}: ${subject}` };
  });
};

const hasRules = (host: AuditHost, family: Family): boolean =>
  host.program(family).tables.some(({ chains }) => [...chains.values()].some(({ base }) => base !== undefined));

/** Nobody has given the rules of the family, in either form. */
const isMissing = (host: AuditHost, family: Family): boolean =>
  host.absent.has(family === 'ip' ? 'iptables' : 'ip6tables') && !hasRules(host, family);

const partial = (name: string, host: AuditHost, family: Family): readonly string[] => {
  if (host.absent.has(family === 'ip' ? 'iptables' : 'ip6tables') || hasNative(host, family)) return [];
  const tables = Object.entries(builtInChains) as [TableName, readonly BuiltInChain[]][];
  const missing = tables.filter(([table, chains]) => table !== 'security' && chains.some((chain) => !host.knows(family, table, chain))); // prettier-ignore
  const names = missing.map(([table]) => table);
  return names.length === 0 ? [] : [`${name}, ${familyWords[family]}: what is not given of ${names.join(', ')} counts as empty`]; // prettier-ignore
};

const hasNative = (host: AuditHost, family: Family): boolean =>
  host.program(family).tables.some(({ runs, chains }) => runs === 'nft' && [...chains.values()].some(({ base }) => base)); // prettier-ignore

const familyFindings = (
  sides: Sides,
  family: Family,
): { readonly findings: readonly Finding[]; readonly more: readonly string[] } => {
  // prettier-ignore
  const programs = [sides.before.program(family), sides.after.program(family)] as const;
  const { hooks } = check([programs], { assume: everyAssumption, budget, witnesses: 3 * shown, byRule: true });
  const same = hooks.filter(({ verdict }) => verdict === 'proven');
  const differences = hooks
    .flatMap(({ witnesses }) => witnesses)
    .map((one) => foundFor(sides, one))
    .map(({ declared, found }) => findingOf(declared, found));
  return {
    findings: [
      ...differences,
      ...hooks.filter(({ verdict }) => verdict === 'unknown').map((one) => findingOf(migrationUnknown, unknown(family, one))), // prettier-ignore
      ...(hooks.length > 0 && same.length === hooks.length ? [findingOf(migrationProven, proven(family, hooks))] : []),
    ],
    more: hooks
      .filter((one) => one.more > 0)
      .map((one) => `${countOf(one.more, 'more difference')} at ${placeWords(one)} (${familyWords[family]})`),
  };
};

const rulesOf = ({ host }: Source): HostReport['rules'] => ({
  iptables: host.iptables.tables.flatMap(({ chains }) => chains).reduce((sum, { rules }) => sum + rules.length, 0),
  nft: host.nft.tables.flatMap(({ chains }) => [...chains.values()]).reduce((sum, { rules }) => sum + rules.length, 0),
});

/** The report of one host, of which only the differences are said. */
export const beforeAfter = (before: Source, after: Source): HostReport => {
  const sides: Sides = { before: auditHost(before), after: auditHost(after) };
  const either = families.filter((family) => hasRules(sides.before, family) || hasRules(sides.after, family));
  const missing = either.filter((family) => isMissing(sides.before, family) || isMissing(sides.after, family));
  const compared = either.filter((family) => !missing.includes(family));
  const results = compared.map((family) => familyFindings(sides, family));
  return {
    name: `${before.name} → ${after.name}`,
    kind: 'comparison',
    files: [...before.files, ...after.files],
    ...(after.around.taken ? { taken: after.around.taken.toISOString() } : {}),
    rules: rulesOf(after),
    ladder: [],
    overlays: [],
    exposure: [],
    findings: inOrder(numbered(results.flatMap(({ findings }) => findings))),
    looked: migrationFindings.map(({ code }) => code),
    left: [],
    lacks: [
      ...missing.map((family) => `not compared: ${familyWords[family]}, of which ${isMissing(sides.before, family) ? 'the rules before' : 'the rules after'} are not given`), // prettier-ignore
      ...compared.flatMap((family) => [...partial('before', sides.before, family), ...partial('after', sides.after, family)]), // prettier-ignore
      ...[before, after].flatMap((source) => lacksOf(source).words.filter((words) => words.startsWith('not read:'))),
      ...results.flatMap(({ more }) => more),
    ],
  };
};
