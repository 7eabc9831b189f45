/** Conditions in words, and why a packet does not meet one. */
import type { Condition } from './condition.ts';
import { compile, isFalse, isTrue } from './evaluate.ts';
import type { CompileOptions, Truth } from './evaluate.ts';
import type { Field } from './field.ts';
import { fieldWords, testWords, valueWords } from './fieldwords.ts';
import type { WordContext } from './fieldwords.ts';
import { valueOf } from './view.ts';
import type { View } from './view.ts';

const isProtocol = (field: Field): boolean =>
  field.kind === 'key' && (field.key === 'l4proto' || field.key === 'xtproto');

/** The one protocol that a part of a condition asks for. */
const protocolIn = (part: Condition): number | undefined => {
  if (part.kind === 'all') return part.of.map(protocolIn).find((found) => found !== undefined);
  if (part.kind !== 'test' || part.mask !== undefined || !isProtocol(part.field)) return undefined;
  const [only] = part.ranges;
  return only && part.ranges.length === 1 && only.low === only.high ? Number(only.low) : undefined;
};

/** The condition's own protocol goes before that of the rule around it. */
export const contextOf = (condition: Condition, context: WordContext): WordContext => {
  const protocol = protocolIn(condition);
  return protocol === undefined ? context : { ...context, protocol };
};

const sameField = (a: Field, b: Field): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Whether a part only makes sure that a load succeeds which another part does anyway. */
const isImplied = (part: Condition, parts: readonly Condition[]): boolean =>
  part.kind === 'present' &&
  parts.some((other) => {
    const asked = other.kind === 'not' ? other.of : other;
    return asked.kind === 'test' && sameField(asked.field, part.field);
  });

/** `udp dport 4789` says of itself that the packet is UDP, and so does `vxlan vni`. */
const namesProtocol = (part: Condition, words: readonly string[], context: WordContext): boolean => {
  if (part.kind !== 'test' || !isProtocol(part.field) || protocolIn(part) === undefined) return false;
  const name = testWords(part.field, undefined, part.ranges, context).wanted;
  const heads = name === 'udp' ? [name, 'vxlan'] : [name];
  return words.some((other) => heads.some((head) => other.replace(/^not /, '').startsWith(`${head} `)));
};

const allWords = (parts: readonly Condition[], context: WordContext): string => {
  const said = parts.filter((part) => !isImplied(part, parts)).map((part) => ({ part, words: nested(part, context) }));
  const words = said.map((one) => one.words);
  return said
    .filter(({ part }) => !namesProtocol(part, words, context))
    .map((one) => one.words)
    .join(' and ');
};

const nested = (condition: Condition, context: WordContext): string => {
  const words = conditionWords(condition, context);
  return (condition.kind === 'all' || condition.kind === 'any') && words.includes(' ') ? `(${words})` : words;
};

/** A condition in one line: `udp dport 4789`, `ct state established,related`, `not iifname eth0`. */
export const conditionWords = (condition: Condition, around: WordContext): string => {
  const context = contextOf(condition, around);
  switch (condition.kind) {
    case 'constant':
      return condition.value ? 'always' : 'never';
    case 'test': {
      const { field, wanted } = testWords(condition.field, condition.mask, condition.ranges, context);
      return field.includes(' & ') ? `${field} == ${wanted}` : `${field} ${wanted}`;
    }
    case 'name':
      return `${fieldWords({ kind: 'key', key: condition.key }, context)} ${nameWanted(condition, context)}`;
    case 'present':
      return `has ${fieldWords(condition.field, context)}`;
    case 'not':
      return `not ${nested(condition.of, context)}`;
    case 'all':
      return allWords(condition.of, context);
    case 'any':
      return condition.of.map((part) => nested(part, context)).join(' or ');
    case 'opaque':
      return condition.predicate.id;
    case 'program':
      return condition.text;
    case 'unmodelled':
      return `${condition.what} (no model)`;
  }
};

type Name = Extract<Condition, { readonly kind: 'name' }>;

const nameWanted = ({ key, text, prefix }: Name, context: WordContext): string => {
  const words = valueWords({ kind: 'key', key }, text, context);
  return prefix ? `${words}*` : words;
};

/** The part of a condition that decided against a packet. `got` may be `absent` or `unknown`. */
export interface Reason {
  readonly field: string;
  readonly wanted: string;
  readonly got: string;
}

interface Asked {
  readonly view: View;
  readonly context: WordContext;
  readonly options: CompileOptions;
}

const gotWords = (field: Field, { view, context }: Asked): string => valueWords(field, valueOf(view, field), context);

const answer = (value: Truth): string => (value === isTrue ? 'yes' : value === isFalse ? 'no' : 'unknown');

const truthOf = (condition: Condition, { view, options }: Asked): Truth => compile(condition, options)(view);

/** A condition without parts: what it wants and what the packet has. */
const leaf = (condition: Condition, wanted: boolean, asked: Asked): Reason => {
  const { context } = asked;
  const negated = (words: string): string => (wanted ? words : `not ${words}`);
  switch (condition.kind) {
    case 'test': {
      const { field, wanted: words } = testWords(condition.field, condition.mask, condition.ranges, context);
      return { field, wanted: negated(words), got: gotWords(unmasked(condition, context, field), asked) };
    }
    case 'name': {
      const field = { kind: 'key', key: condition.key } as const;
      return {
        field: fieldWords(field, context),
        wanted: negated(nameWanted(condition, context)),
        got: gotWords(field, asked),
      };
    }
    case 'present': {
      const { field } = condition;
      const got = truthOf(condition, asked) === isFalse ? 'absent' : gotWords(field, asked);
      return { field: fieldWords(field, context), wanted: wanted ? 'present' : 'absent', got };
    }
    default:
      return {
        field: conditionWords(condition, context),
        wanted: wanted ? 'yes' : 'no',
        got: answer(truthOf(condition, asked)),
      };
  }
};

/** The field as its words name it: of a VNI that was tested with the byte behind it, the VNI. */
const unmasked = (
  { field }: Extract<Condition, { readonly kind: 'test' }>,
  context: WordContext,
  words: string,
): Field => {
  if (field.kind === 'key' || field.length !== 32) return field;
  const short: Field = { ...field, length: 24 };
  return fieldWords(short, context) === words ? short : field;
};

/** Where `condition` comes out other than `wanted`: its first part that does. */
const find = (condition: Condition, wanted: boolean, asked: Asked): Reason => {
  if (condition.kind === 'not') return find(condition.of, !wanted, asked);
  if (condition.kind !== 'all' && condition.kind !== 'any') return leaf(condition, wanted, asked);
  const inside = { ...asked, context: contextOf(condition, asked.context) };
  const goal = wanted ? isTrue : isFalse;
  const failing = condition.of.filter((part) => truthOf(part, inside) !== goal);
  // A part that is certain says more than one that nobody knows.
  const first =
    failing.find((part) => truthOf(part, inside) === (wanted ? isFalse : isTrue)) ?? failing[0] ?? condition.of[0];
  if (!first) return leaf(condition, wanted, inside);
  const reason = find(first, wanted, inside);
  // One part is to blame for a conjunction that fails; of a disjunction all of them are.
  const shared = (condition.kind === 'all') === wanted;
  if (shared || condition.of.length === 1) return reason;
  return { ...reason, wanted: `${wanted ? '' : 'not '}${nested(condition, inside.context)}` };
};

/**
 * Why a packet does not meet a condition, or undefined if it does. `protocol` is what earlier tests of the rule have
 * established; without it the packet's own protocol names the fields.
 */
export const whyNot = (
  condition: Condition,
  view: View,
  { protocol, ...options }: CompileOptions & { readonly protocol?: number } = {},
): Reason | undefined => {
  const own = protocol ?? view.headers.l4proto ?? undefined;
  const base: WordContext = own === undefined ? { family: view.family } : { family: view.family, protocol: own };
  const asked: Asked = { view, context: contextOf(condition, base), options };
  return truthOf(condition, asked) === isTrue ? undefined : find(condition, true, asked);
};
