/** What an install would change, as a person reads it: chains, rules and sets that come and go. */
import type { Hook } from '../netfilter/hooks.ts';
import { count, isObject, type Json, type JsonObject, listOf, property, textOf } from '../nftables/json.ts';
import { ruleText } from '../nftables/describe.ts';
import { canonical, elementTexts, objectsOf } from './loaded.ts';

export interface Change {
  readonly sign: '+' | '-';
  readonly text: string;
}

/** Changes of one chain or of the sets. */
export interface ChangeGroup {
  readonly head: string;
  readonly changes: readonly Change[];
}

/** The rule that names the generation is different every time. */
const markChain = 'generation';

const lineOf = (rule: JsonObject): string => {
  const comment = textOf(rule, 'comment');
  return ruleText({
    place: { file: '', line: 0 },
    statements: listOf(canonical(property(rule, 'expr') ?? null)),
    ...(comment === undefined ? {} : { comment }),
  });
};

const baseOf = (chain: JsonObject): string =>
  property(chain, 'hook') === undefined
    ? ''
    : `type ${textOf(chain, 'type')} hook ${textOf(chain, 'hook')} priority ${count(property(chain, 'prio')) ?? ''} policy ${textOf(chain, 'policy') ?? 'accept'}`;

interface Content {
  /** The lines of a chain: its declaration and its rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly sets: ReadonlyMap<string, readonly string[]>;
}

const contentOf = (document: Json | undefined, external: ReadonlySet<string>): Content => {
  const chains = new Map<string, string[]>();
  const sets = new Map<string, readonly string[]>();
  for (const { kind, value } of document === undefined ? [] : objectsOf(document)) {
    const name = textOf(value, 'name') ?? '';
    if (kind === 'chain') chains.set(name, baseOf(value) === '' ? [] : [baseOf(value)]);
    else if (kind === 'rule') chains.get(textOf(value, 'chain') ?? '')?.push(lineOf(value));
    else if (kind === 'set') sets.set(name, external.has(name) ? [] : elementTexts(value));
  }
  chains.delete(markChain);
  return { chains, sets };
};

/** More than this is compared as a heap of lines. */
const largest = 2000;

/** What goes and what comes, by the longest lines that stay. */
const differences = (before: readonly string[], after: readonly string[]): readonly Change[] => {
  if (before.length > largest || after.length > largest) {
    const [had, has] = [new Set(before), new Set(after)];
    return [
      ...before.filter((text) => !has.has(text)).map((text): Change => ({ sign: '-', text })),
      ...after.filter((text) => !had.has(text)).map((text): Change => ({ sign: '+', text })),
    ];
  }
  const width = after.length + 1;
  const common = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      common[i * width + j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const changes: Change[] = [];
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    const [old, next] = [before[i], after[j]];
    if (old !== undefined && old === next) {
      i++;
      j++;
    } else if (old !== undefined && (next === undefined || at(i + 1, j) >= at(i, j + 1))) {
      changes.push({ sign: '-', text: old });
      i++;
    } else if (next !== undefined) {
      changes.push({ sign: '+', text: next });
      j++;
    }
  }
  return changes;
};

/** So many elements are named. */
const named = 8;

const setChanges = (
  name: string,
  before: readonly string[] | undefined,
  after: readonly string[] | undefined,
): readonly Change[] => {
  const [had, has] = [new Set(before), new Set(after)];
  const changes: Change[] = [];
  if (before === undefined) changes.push({ sign: '+', text: `set ${name}` });
  if (after === undefined) return [{ sign: '-', text: `set ${name}` }];
  const list = (sign: '+' | '-', elements: readonly string[]): void => {
    if (elements.length === 0) return;
    const rest = elements.length > named ? ` and ${elements.length - named} more` : '';
    changes.push({ sign, text: `${name}: ${elements.slice(0, named).join(', ')}${rest}` });
  };
  list(
    '-',
    [...had].filter((element) => !has.has(element)),
  );
  list(
    '+',
    [...has].filter((element) => !had.has(element)),
  );
  return changes;
};

/** From what the kernel lists (undefined: no guard) to a document that makes the guard anew. */
export const changesOf = (
  listed: Json | undefined,
  asked: Json,
  external: ReadonlySet<string>,
): readonly ChangeGroup[] => {
  const [before, after] = [contentOf(listed, external), contentOf(asked, external)];
  const groups: ChangeGroup[] = [];
  const setNames = new Set([...before.sets.keys(), ...after.sets.keys()]);
  const sets = [...setNames].flatMap((name) => setChanges(name, before.sets.get(name), after.sets.get(name)));
  if (sets.length > 0) groups.push({ head: 'sets', changes: sets });
  for (const name of new Set([...after.chains.keys(), ...before.chains.keys()])) {
    const changes = differences(before.chains.get(name) ?? [], after.chains.get(name) ?? []);
    if (changes.length > 0) groups.push({ head: `chain ${name}`, changes });
  }
  return groups;
};

export interface InputChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly priority: number;
}

/** Base chains of the input hook that are not the guard's, of what `nft -j list chains` says. */
export const otherInputChains = (chains: Json): readonly InputChain[] =>
  listOf(property(chains, 'nftables')).flatMap((entry) => {
    const chain = property(entry, 'chain');
    const [family = '', table = ''] = [textOf(chain, 'family'), textOf(chain, 'table')];
    const hook: Hook = 'input';
    if (!isObject(chain) || textOf(chain, 'hook') !== hook || (family === 'inet' && table === 'dnfw')) return [];
    const priority = property(chain, 'prio');
    if (!['ip', 'ip6', 'inet'].includes(family) || typeof priority !== 'number') return [];
    return [{ family, table, name: textOf(chain, 'name') ?? '', priority }];
  });
