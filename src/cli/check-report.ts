/** What `dnfw check` prints: the verdict first, then the packets that show it. */
import type { Family } from '../netfilter/family.ts';
import { assumptions } from '../packet/assumption.ts';
import { packetJson } from '../packet/json.ts';
import { printPacket } from '../packet/wordprint.ts';
import type { Check, HookCheck } from '../prove/check.ts';
import type { Seen } from '../prove/confirm.ts';
import type { Witness } from '../prove/witness.ts';
import { comesBack, deciderWords, endingWords, likeWords } from '../prove/words.ts';
import { describeEffect } from '../simulate/words.ts';

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
