/** Statements whose answer depends on what came before: limits, quotas, counts of connections, updates of sets. */
import { expressionText, statementText } from '../nftables/describe.ts';
import { isObject, type Json, listOf, property, single, textOf, whole } from '../nftables/json.ts';
import type { Assumption } from '../packet/assumption.ts';
import { type Condition, not, opaque } from '../packet/condition.ts';
import type { Step } from '../packet/program.ts';
import type { NftContext } from './nft-context.ts';
import { readExpression } from './nft-expression.ts';
import { loaded } from './nft-register.ts';
import { dimensions } from './nft-set.ts';

const unmodelled = (what: string): readonly Step[] => [{ kind: 'unmodelled', what }];
const test = (condition: Condition): Step => ({ kind: 'test', condition });

const asked = (id: string, inverted: boolean, assumption: Assumption): readonly Step[] => {
  const answer = opaque({ id, stateful: true, assumption });
  return [test(inverted ? not(answer) : answer)];
};

const byteUnits: Readonly<Record<string, bigint>> = { bytes: 1n, kbytes: 1024n, mbytes: 1048576n, gbytes: 1073741824n };

const bytes = (value: Json | undefined, unit: string): bigint | undefined => {
  const number = whole(value);
  const factor = Object.hasOwn(byteUnits, unit) ? byteUnits[unit] : undefined;
  return number === undefined || factor === undefined ? undefined : number * factor;
};

/** A limit's or quota's own words, or those of the named object; the name is part of what the object is. */
const partsOf = (
  kind: string,
  value: Json,
  context: NftContext,
): { readonly parts: Json; readonly name: string } | undefined => {
  if (typeof value !== 'string') return isObject(value) ? { parts: value, name: '' } : undefined;
  const object = context.table.objects.get(`${kind} ${value}`);
  return object && { parts: object, name: ` named ${value}` };
};

const limitSteps = (value: Json, context: NftContext): readonly Step[] => {
  const found = partsOf('limit', value, context);
  const rate = whole(property(found?.parts, 'rate'));
  if (!found || rate === undefined) return unmodelled(`limit ${expressionText(value)}`);
  const { parts, name } = found;
  const [per, unit] = [textOf(parts, 'per') ?? 'second', textOf(parts, 'rate_unit') ?? 'packets'];
  const burst = property(parts, 'burst');
  const isOver = property(parts, 'inv') === true;
  if (unit === 'packets') {
    // Without a burst nft asks for 5 packets (NFT_LIMIT_BURST of its parser).
    const id = `limit rate=${rate}/${per} burst=${burst === undefined ? 5n : whole(burst)} packets${name}`;
    return asked(id, isOver, 'rate-buckets');
  }
  const [speed, depth] = [
    bytes(property(parts, 'rate'), unit),
    bytes(burst ?? 0, textOf(parts, 'burst_unit') ?? 'bytes'),
  ];
  if (speed === undefined || depth === undefined) return unmodelled(`limit in ${unit}`);
  return asked(`limit bytes=${speed}/${per} burst=${depth}${name}`, isOver, 'rate-buckets');
};

const quotaSteps = (value: Json, context: NftContext): readonly Step[] => {
  const found = partsOf('quota', value, context);
  // Of a named quota the size is in bytes, under another name.
  const size =
    found &&
    bytes(property(found.parts, 'val') ?? property(found.parts, 'bytes'), textOf(found.parts, 'val_unit') ?? 'bytes');
  if (!found || size === undefined) return unmodelled(`quota ${expressionText(value)}`);
  return asked(`quota bytes=${size}${found.name}`, property(found.parts, 'inv') === true, 'counters-agree');
};

/** Above the count with `inv`, up to it without (nft_connlimit.c); `of` says whose connections, where a set tells them apart. */
const countSteps = (value: Json, of: string): readonly Step[] => {
  const limit = whole(property(value, 'val'));
  if (limit === undefined) return unmodelled('ct count without a number');
  return asked(`connlimit above=${limit}${of}`, property(value, 'inv') !== true, 'counters-agree');
};

export const statefulSteps = (name: string, value: Json, context: NftContext): readonly Step[] => {
  if (name === 'limit') return limitSteps(value, context);
  return name === 'quota' ? quotaSteps(value, context) : countSteps(value, '');
};

/** A statement that a set keeps for each element: another one for each key. */
const elementSteps = (statement: Json, set: string, dims: string): readonly Step[] => {
  const found = single(statement);
  if (!found) return unmodelled(`the statement ${JSON.stringify(statement)} of a set`);
  const [name, value] = found;
  if (name === 'counter' || name === 'last') return [];
  if (name === 'ct count') return countSteps(value, ` each ${dims}`);
  if (name !== 'limit' && name !== 'quota') return unmodelled(`${name} in a set`);
  const { inv, ...rest } = isObject(value) ? value : { inv: false };
  return asked(
    `each @${set} ${dims} ${statementText({ [name]: rest })}`,
    inv === true,
    name === 'limit' ? 'rate-buckets' : 'counters-agree',
  );
};

const verbs: Readonly<Record<string, string>> = { add: 'add', update: 'update', delete: 'del' };

/**
 * `add @set { key }`. A key that cannot be loaded breaks the rule; so does a full set (nft_dynset.c), which is left to
 * the assumption. `data` is what a map is given for the key.
 */
export const updateSteps = (value: Json, context: NftContext): readonly Step[] => {
  const operation = textOf(value, 'op') ?? 'add';
  const verb = Object.hasOwn(verbs, operation) ? verbs[operation] : undefined;
  const set = (textOf(value, 'set') ?? textOf(value, 'map') ?? '').replace(/^@/, '');
  const element = property(value, 'elem');
  if (verb === undefined || set === '' || element === undefined) return unmodelled(`${operation} @${set}`);
  const inner = property(element, 'elem');
  const register = readExpression(inner === undefined ? element : (property(inner, 'val') ?? null), 'value', context);
  if (register.kind === 'unmodelled') return unmodelled(`${operation} @${set} { ${register.what} }`);
  const dims = dimensions(register);
  const timeout = property(inner, 'timeout');
  const data = property(value, 'data');
  const words = [
    `${verb} @${set} ${dims}`,
    ...(data === undefined ? [] : [`: ${expressionText(data)}`]),
    ...(timeout === undefined ? [] : [`timeout=${expressionText(timeout)}`]),
  ];
  const statements = listOf(property(value, 'stmt'));
  return [
    test(loaded(register)),
    { kind: 'effect', effect: { kind: 'other', text: words.join(' '), assumption: 'same-set' } },
    ...statements.flatMap((statement) => elementSteps(statement, set, dims)),
  ];
};

/** The old form of a set whose elements carry a limit. */
export const meterSteps = (value: Json, context: NftContext): readonly Step[] => {
  const name = textOf(value, 'name') ?? '';
  const element = property(value, 'key') ?? null;
  const inner = property(element, 'elem');
  const register = readExpression(inner === undefined ? element : (property(inner, 'val') ?? null), 'value', context);
  if (register.kind === 'unmodelled') return unmodelled(`meter ${name} { ${register.what} }`);
  return [
    test(loaded(register)),
    ...listOf(property(value, 'stmt')).flatMap((statement) => elementSteps(statement, name, dimensions(register))),
  ];
};
