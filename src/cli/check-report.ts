/** What `dnfw check` prints: the verdict first, then the packets that show it. */
import { printAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';
import { protocolName } from '../netfilter/protocols.ts';
import { assumptions } from '../packet/assumption.ts';
import { ctStates } from '../packet/field.ts';
import { packetJson } from '../packet/json.ts';
import { printPacket } from '../packet/wordprint.ts';
import type { Check, HookCheck } from '../prove/check.ts';
import type { Seen } from '../prove/confirm.ts';
import { callingChain } from '../prove/focus.ts';
import type { ClassPart } from '../prove/widen.ts';
import type { Witness } from '../prove/witness.ts';
import { describeEffect, describeVerdict } from '../simulate/words.ts';

const range = (low: number, high: number): string => (low === high ? String(low) : `${low}-${high}`);

const stateNames = new Map<number, string>(Object.entries(ctStates).map(([name, bit]) => [bit, name]));

const protocolsOf = (low: number, high: number): string =>
  low === high ? protocolName(low) : `protocol ${low}-${high}`;

const partWords = (part: ClassPart, family: Family): string => {
  switch (part.field) {
    case 'saddr':
    case 'daddr': {
      const whole = part.length === (family === 'ip' ? 32 : 128);
      const size = BigInt((family === 'ip' ? 32 : 128) - part.length);
      const address = printAddress((part.address >> size) << size, family);
      return `${family} ${part.field} ${address}${whole ? '' : `/${part.length}`}`;
    }
    case 'sport':
    case 'dport':
      return `${part.field} ${range(part.low, part.high)}`;
    case 'vni':
      return `vxlan vni ${range(part.low, part.high)}`;
    case 'fragment':
      return part.low === 0 ? 'no later fragment' : `fragments from byte ${part.low * 8} on`;
    case 'authenticated':
      return 'an authentication header';
    case 'length':
      return `${range(part.low, part.high)} bytes from the transport header on`;
    case 'protocol':
      return protocolsOf(part.low, part.high);
    case 'iifname':
    case 'oifname':
      return `${part.field} ${part.other ? 'other than ' : ''}${part.names.map((name) => (name === '' ? '""' : name)).join(', ')}`;
    case 'ct.state':
      return `ct state ${part.states.map((state) => stateNames.get(state) ?? state).join(',')}`;
  }
};

/** Protocol first, as people say it. */
const likeWords = ({ like, packet }: Witness): string => {
  // Nearly every packet is long enough for its header; only what is cut short is worth a word.
  const said = like.filter((part) => part.field !== 'length' || part.high < 65535);
  const sorted = said.toSorted((a, b) => Number(b.field === 'protocol') - Number(a.field === 'protocol'));
  return sorted.map((part) => partWords(part, packet.family)).join(', ') || 'every packet';
};

const deciderWords = ({ decidedBy }: Seen): string => {
  if (!decidedBy) return 'no rule and no policy: nothing stands at this hook';
  if ('policyOf' in decidedBy) return `the policy of ${decidedBy.policyOf}`;
  const { file, line, text } = decidedBy.rule;
  // A listing aligns its columns with blanks.
  return `${file}:${line}: ${text.trim().replaceAll(/\s+/g, ' ')}`;
};

const endingWords = ({ ending }: Seen): string =>
  ending.kind === 'unknown' ? `unknown (${ending.what})` : describeVerdict(ending);

const comesBack = ({ ending }: Seen): boolean => ending.kind === 'taken' && ending.by === callingChain;

const sideLines = (name: string, seen: Seen, family: Family): readonly string[] => [
  comesBack(seen)
    ? `   ${name}        goes back to the calling chain`
    : `   ${name}        ${endingWords(seen)}: ${deciderWords(seen)}`,
  ...seen.effects.map((effect) => `            and ${describeEffect(effect, family)}`),
];

const headings = {
  accepted: 'B lets in what A keeps out',
  dropped: 'B keeps out what A lets in',
  effect: 'the same verdict with another effect',
} as const;

/** The same verdict by another way out, or by the same one. */
const headingOf = ({ direction, a, b }: Witness): string =>
  direction === 'effect' && endingWords(a) !== endingWords(b)
    ? 'another verdict of the same kind'
    : headings[direction];

/** Who asks which limit or counter, where that is the difference. */
const askedLines = ({ a, b }: Witness): readonly string[] => {
  const [left, right] = [a, b].map(({ asked }) => [...asked].toSorted().join(', '));
  return left === right ? [] : [`   asked    by A: ${left || 'nothing'}; by B: ${right || 'nothing'}`];
};

const answerLines = ({ answers }: Witness): readonly string[] =>
  answers.map(([predicate, answer]) => `   given    ${predicate}: ${answer ? 'yes' : 'no'}`);

const witnessLines = (witness: Witness, number: number): readonly string[] => {
  const { packet, hook } = witness;
  return [
    `${number}. ${headingOf(witness)}, at ${hook} (${packet.family})`,
    `   packet   ${printPacket(packet, hook)}`,
    `   like it  ${likeWords(witness)}`,
    ...answerLines(witness),
    ...sideLines('A', witness.a, packet.family),
    ...sideLines('B', witness.b, packet.family),
    ...askedLines(witness),
    '',
  ];
};

const verdictWords = { proven: 'same', refuted: 'differs', unknown: 'unknown' } as const;

const hookLine = ({ family, hook, kind, verdict }: HookCheck): string =>
  `  ${family.padEnd(4)} ${hook.padEnd(12)} ${kind.padEnd(7)} ${verdictWords[verdict]}`;

const reasonLines = (hooks: readonly HookCheck[]): readonly string[] => {
  const reasons = new Set(hooks.filter(({ verdict }) => verdict === 'unknown').flatMap((one) => one.reasons));
  return [...reasons].map(
    (reason) =>
      `  because  ${reason.replace(/^([ab]): /, (_whole, side: string) => `${side.toUpperCase()}: no model of `)}`,
  );
};

const headline = ({ verdict, assumed, hooks }: Check, [a, b]: readonly [string, string]): string => {
  switch (verdict) {
    case 'proven':
      return `PROVEN: ${a} and ${b} do the same with every packet${assumed.length > 0 ? ', under what is assumed below' : ''}`;
    case 'refuted': {
      const count = hooks.filter((one) => one.verdict === 'refuted').length;
      return `REFUTED: ${a} (A) and ${b} (B) differ at ${count} of ${hooks.length} places`;
    }
    case 'unknown':
      return `UNKNOWN: whether ${a} and ${b} do the same cannot be said`;
  }
};

export const checkText = (check: Check, files: readonly [string, string]): string => {
  const witnesses = check.hooks.flatMap((one) => one.witnesses);
  const assumed = check.verdict === 'proven' ? check.assumed : [];
  return [
    headline(check, files),
    ...assumed.map((name) => `  assumed  ${name}: ${assumptions[name]}`),
    ...(check.verdict === 'unknown' ? reasonLines(check.hooks) : []),
    '',
    ...(check.hooks.length === 0
      ? ['  neither has a chain at any hook that was asked for']
      : check.hooks.map(hookLine)),
    '',
    // Beside a difference, what is not known about other places is an afterthought.
    ...(check.verdict === 'refuted' && reasonLines(check.hooks).length > 0
      ? ['Not everything is known:', ...reasonLines(check.hooks), '']
      : []),
    ...witnesses.flatMap((witness, i) => witnessLines(witness, i + 1)),
  ].join('\n');
};

const seenJson = (seen: Seen, family: Family): unknown => ({
  verdict: seen.ending.kind,
  words: endingWords(seen),
  decidedBy: seen.decidedBy ?? null,
  effects: seen.effects.map((effect) => describeEffect(effect, family)),
});

const witnessJson = (witness: Witness): unknown => {
  const { packet, direction, hook, kind, answers, a, b } = witness;
  return {
    direction,
    hook,
    kind,
    packet: packetJson(packet, hook),
    like: likeWords(witness),
    answers: Object.fromEntries(answers),
    a: seenJson(a, packet.family),
    b: seenJson(b, packet.family),
  };
};

export const checkJson = (check: Check, [a, b]: readonly [string, string]): string => {
  const { verdict, assumed, hooks } = check;
  const json = {
    schemaVersion: 1,
    verdict,
    a,
    b,
    assumed: assumed.map((name) => ({ name, meaning: assumptions[name] })),
    hooks: hooks.map(({ witnesses, ...one }) => ({ ...one, witnesses: witnesses.map(witnessJson) })),
  };
  return `${JSON.stringify(json, undefined, 2)}\n`;
};
