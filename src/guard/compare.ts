/** Whether the kernel has what was loaded: proven packet by packet, and compared object by object. */
import { assumptions, type Assumption } from '../packet/assumption.ts';
import { families } from '../netfilter/family.ts';
import { isError } from '../diagnostics/diagnostic.ts';
import { type Json, textOf } from '../nftables/json.ts';
import { readNftables } from '../nftables/read.ts';
import { check } from '../prove/check.ts';
import { nftProgram } from '../simulate/nft-program.ts';
import { canonicalText, elementTexts, objectsOf } from './loaded.ts';

const assumed: ReadonlySet<Assumption> = new Set(
  Object.keys(assumptions).filter((name): name is Assumption => Object.hasOwn(assumptions, name)),
);

/** Elements of sets, in all: a proof of more takes minutes, and comparing texts says as much. */
const provable = 2000;
const nodeBudget = 3_000_000;

export interface Comparison {
  readonly same: boolean;
  /** What is different, in a line each; at most a few. */
  readonly why: readonly string[];
}

const shown = 5;

/** Sets that other programs fill have other elements at any time. */
export interface CompareOptions {
  readonly external: ReadonlySet<string>;
  /** Chains that are left out. */
  readonly without?: ReadonlySet<string>;
}

const textsOf = (document: Json, { external, without }: CompareOptions): readonly string[] =>
  objectsOf(document)
    .filter(({ kind, value }) => !(kind === 'rule' && without?.has(textOf(value, 'chain') ?? '')))
    .flatMap((object) => {
      const text = canonicalText(object);
      const name = textOf(object.value, 'name') ?? '';
      if (object.kind !== 'set' || external.has(name)) return [text];
      return [text, ...elementTexts(object.value).map((element) => `element of ${name}: ${element}`)];
    });

/** nft lists rules by chain and objects by kind: only the order of rules within a chain says something. */
const inOrder = (texts: readonly string[]): readonly string[] => {
  const chainOf = (text: string): string => /^rule .*"chain":"([^"]*)"/.exec(text)?.[1] ?? '';
  const rules = texts.filter((text) => text.startsWith('rule '));
  const others = texts.filter((text) => !text.startsWith('rule '));
  return [
    ...others.toSorted(),
    ...rules.toSorted((a, b) => (chainOf(a) < chainOf(b) ? -1 : chainOf(a) > chainOf(b) ? 1 : 0)),
  ];
};

/** Object by object; exact, but another form of the same rule is another rule. */
export const compareTexts = (asked: Json, listed: Json, options: CompareOptions): Comparison => {
  const [a, b] = [inOrder(textsOf(asked, options)), inOrder(textsOf(listed, options))];
  if (a.length === b.length && a.every((text, index) => text === b[index])) return { same: true, why: [] };
  const [has, wanted] = [new Set(b), new Set(a)];
  const lines = [
    ...a.filter((text) => !has.has(text)).map((text) => `missing: ${text}`),
    ...b.filter((text) => !wanted.has(text)).map((text) => `not asked for: ${text}`),
  ];
  return { same: false, why: lines.length > 0 ? lines.slice(0, shown) : ['the order of the rules'] };
};

const elementsIn = (document: Json): number =>
  objectsOf(document).reduce((sum, { kind, value }) => sum + (kind === 'set' ? elementTexts(value).length : 0), 0);

const prove = (asked: string, listed: string): Comparison | undefined => {
  const [a, b] = [readNftables('<asked>', asked), readNftables('<kernel>', listed)];
  const wrong = [...a.diagnostics, ...b.diagnostics].filter(isError);
  if (wrong.length > 0) return { same: false, why: wrong.slice(0, shown).map(({ what }) => what) };
  const { verdict, hooks } = check(
    families.map((family) => [nftProgram(a.value, family), nftProgram(b.value, family)] as const),
    { assume: assumed, budget: nodeBudget, witnesses: 3 },
  );
  if (verdict === 'proven') return { same: true, why: [] };
  if (verdict === 'unknown') return undefined;
  const packets = hooks.flatMap(({ witnesses }) => witnesses.map(({ direction }) => direction));
  return { same: false, why: [`a packet that tells them apart was found (${packets[0] ?? 'effect'})`] };
};

/** What was loaded against what the kernel lists. Where no proof is to be had, the texts have to be the same. */
export const compareLoaded = (asked: Json, listed: Json, options: CompareOptions): Comparison => {
  const texts = compareTexts(asked, listed, options);
  if (elementsIn(asked) > provable || elementsIn(listed) > provable) return texts;
  // External sets: their elements are no part of the question.
  const proof = prove(JSON.stringify(asked), JSON.stringify(listed));
  if (!proof) return texts;
  return proof.same ? proof : { same: false, why: [...proof.why, ...texts.why].slice(0, shown) };
};
