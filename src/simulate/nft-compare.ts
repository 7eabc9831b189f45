/** The match statement: operators over what is loaded and constants, as nft compiles them. */
import { expressionText } from '../nftables/describe.ts';
import { isList, type Json, property, textOf } from '../nftables/json.ts';
import { all, type Condition, type Interval, no, not, opaque, unmodelled, yes } from '../packet/condition.ts';
import type { Step } from '../packet/program.ts';
import type { NftContext } from './nft-context.ts';
import { hour, readConstant } from './nft-datatype.ts';
import { readExpression } from './nft-expression.ts';
import type { Span } from './nft-payload.ts';
import { type Bits, guardOf, inRanges, loaded, ones, otherwise, type Register, withConstant } from './nft-register.ts';
import { lookup, lookupCondition, member, rangeOf } from './nft-set.ts';

const test = (condition: Condition): Step => ({ kind: 'test', condition });

type Order = '<' | '>' | '<=' | '>=';
const isOrder = (operator: string): operator is Order => ['<', '>', '<=', '>='].includes(operator);

const above: Readonly<Record<Order, (value: bigint, highest: bigint) => Interval>> = {
  '<': (value) => ({ low: 0n, high: value - 1n }),
  '<=': (value) => ({ low: 0n, high: value }),
  '>': (value, highest) => ({ low: value + 1n, high: highest }),
  '>=': (value, highest) => ({ low: value, high: highest }),
};

/** The highest value that is worth asking for; times in nanoseconds have 64 bits whatever the key has. */
const highest = (register: Bits): bigint => ones(Math.max(register.bits, 64));

const ordered = (register: Register, operator: Order, right: Json): Condition | undefined => {
  if (register.kind !== 'bits') return undefined;
  const value = readConstant(right, register.type);
  if (value === undefined) return undefined;
  const found = inRanges(register, [above[operator](value, highest(register))]);
  return found && all([register.guard, found]);
};

/** Any, or none, of some flags. */
const flagged = (register: Bits, right: Json, isSome: boolean): Condition | undefined => {
  const flags = readConstant(right, register.type);
  const zero = flags === undefined ? undefined : inRanges(withConstant(register, '&', flags), [{ low: 0n, high: 0n }]);
  if (!zero) return undefined;
  return isSome ? otherwise(register, zero) : all([register.guard, zero]);
};

/** A range that runs backwards is, for hours only, the time from the one over midnight to the other, ends left out. */
const overMidnight = (register: Register, right: Json): Condition | undefined => {
  const range = property(right, 'range');
  if (register.kind !== 'bits' || register.type !== hour || !isList(range)) return undefined;
  const [from, to] = range.map((end) => readConstant(end, hour));
  if (from === undefined || to === undefined || from <= to) return undefined;
  const inside = inRanges(register, [{ low: to, high: from }]);
  return inside && not(inside);
};

const equal = (register: Register, right: Json, inverted: boolean): Condition | undefined => {
  const isFlagList = register.kind === 'bits' && register.type.isBitmask === true;
  if (isList(right) && !isFlagList) return undefined;
  const prefix = property(property(right, 'prefix'), 'len');
  // Of a prefix of whole bytes nft loads no more than these bytes.
  const narrowed =
    register.kind === 'bits' &&
    register.narrow &&
    typeof prefix === 'number' &&
    prefix > 0 &&
    prefix % 8 === 0 &&
    prefix < register.bits
      ? narrow(register, right, prefix)
      : undefined;
  if (narrowed) return inverted ? otherwise(...narrowed) : all([guardOf(narrowed[0]), narrowed[1]]);
  const found = overMidnight(register, right) ?? member(register, [right]);
  if (!found) return undefined;
  return inverted ? otherwise(register, found) : all([guardOf(register), found]);
};

const narrow = (register: Bits, right: Json, length: number): readonly [Register, Condition] | undefined => {
  const range = rangeOf(right, register);
  const short = register.narrow?.(length);
  if (!range || !short) return undefined;
  const start = range.low >> BigInt(register.bits - length);
  const found = inRanges(short, [{ low: start, high: start }]);
  return found && [short, found];
};

/** How many of the values that can be drawn pass, if the right side can be read. */
const drawn = (
  register: Extract<Register, { kind: 'draw' }>,
  operator: string,
  right: Json,
): readonly Interval[] | undefined => {
  const bits: Bits = { kind: 'bits', guard: yes, terms: [], xor: 0n, bits: 32, type: { name: 'integer' }, label: '' };
  const elements = property(right, 'set');
  const asked = isList(elements) ? elements : [right];
  const ranges: Interval[] = [];
  for (const item of asked) {
    const range = isOrder(operator) ? undefined : rangeOf(item, bits);
    const value = isOrder(operator) ? readConstant(item, bits.type) : undefined;
    if (range) ranges.push(range);
    else if (isOrder(operator) && value !== undefined) ranges.push(above[operator](value, ones(64)));
    else return undefined;
  }
  const last = register.offset + register.space - 1n;
  return ranges
    .map(({ low, high }) => ({ low: low < register.offset ? register.offset : low, high: high > last ? last : high }))
    .filter(({ low, high }) => low <= high);
};

const parts = 1n << 31n;

/** A draw is asked once, even where its answer is sure: nothing else can see that it was not. */
const drawSteps = (
  register: Extract<Register, { kind: 'draw' }>,
  operator: string,
  right: Json,
): readonly Step[] | undefined => {
  const ranges = drawn(register, operator, right);
  if (!ranges) return undefined;
  const last = register.offset + register.space - 1n;
  const passing = ranges.reduce((sum, { low, high }) => sum + high - low + 1n, 0n);
  const turn = (condition: Condition): readonly Step[] => [test(operator === '!=' ? not(condition) : condition)];
  if (passing === 0n) return turn(no);
  if (passing >= register.space) return turn(yes);
  if (register.mode === 'inc') {
    const [only] = ranges;
    if (passing !== 1n || !only) return undefined;
    const id = `nth every=${register.space} packet=${only.low - register.offset}`;
    return turn(opaque({ id, stateful: true, assumption: 'counters-agree' }));
  }
  // The draws below a limit are the event; those from it on are its opposite, which is what an inverted match asks.
  const [only] = ranges;
  const isTop = ranges.length === 1 && only !== undefined && only.low > register.offset && only.high === last;
  const below = isTop ? register.space - passing : passing;
  const scaled = below * parts;
  const chance = scaled % register.space === 0n ? `${scaled / register.space}/${parts}` : `${below}/${register.space}`;
  const event = opaque({ id: `random p=${chance}`, stateful: true, assumption: 'random-draws' });
  return turn(isTop ? not(event) : event);
};

const conditionOf = (register: Register, operator: string, right: Json, context: NftContext): Condition | undefined => {
  const set = lookup(register, right, context);
  if (set)
    return operator === '==' || operator === 'in' || operator === '!='
      ? lookupCondition(register, set, operator === '!=')
      : undefined;
  if (isOrder(operator)) return ordered(register, operator, right);
  const isBitmask = register.kind === 'bits' && register.type.isBitmask === true;
  const isPlain = property(right, 'range') === undefined && property(right, 'prefix') === undefined;
  switch (operator) {
    case '==':
    case '!=':
      return equal(register, right, operator === '!=');
    case 'in':
      return isBitmask && isPlain ? flagged(register, right, true) : equal(register, right, false);
    case '!':
      return isBitmask ? flagged(register, right, false) : undefined;
    default:
      return undefined;
  }
};

/** The steps of `{"match": value}`; `joined` is the load of which its own has become a part. */
export const matchSteps = (value: Json, context: NftContext, joined?: Span): readonly Step[] => {
  const [left, operator, right] = [property(value, 'left'), textOf(value, 'op') ?? '==', property(value, 'right')];
  const text = (): string => `${expressionText(left)} ${operator} ${expressionText(right)}`;
  if (left === undefined || right === undefined) return [test(unmodelled(`the match ${JSON.stringify(value)}`))];
  const register = readExpression(left, 'match', context, joined);
  if (register.kind === 'unmodelled') return [test(unmodelled(register.what))];
  if (register.kind === 'draw') return drawSteps(register, operator, right) ?? [test(unmodelled(text()))];
  const condition = conditionOf(register, operator, right, context);
  // What cannot be read is asked only where the load succeeds.
  return [test(condition ?? all([loaded(register), unmodelled(text())]))];
};
