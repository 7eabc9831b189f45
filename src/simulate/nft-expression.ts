/** Expressions of libnftables-json(5) as registers: what the kernel would load before it compares or writes. */
import { expressionText } from '../nftables/describe.ts';
import { count, isList, type Json, property, single, textOf } from '../nftables/json.ts';
import { all } from '../packet/condition.ts';
import type { NftContext } from './nft-context.ts';
import { integer, readConstant } from './nft-datatype.ts';
import { chunkRegister, extensionRegister, optionRegister } from './nft-header.ts';
import { ctRegister, fibRegister, ipsecRegister, metaRegister, rtRegister, socketRegister } from './nft-key.ts';
import { payloadRegister, type Span } from './nft-payload.ts';
import { type Bits, ones, type Register, shifted, withConstant } from './nft-register.ts';

/** In a match nft moves shifts to the constant's side; a value to be written is shifted in its register. */
export type Use = 'match' | 'value';

const unmodelled = (what: string): Register => ({ kind: 'unmodelled', what });

const operators = ['&', '|', '^', '<<', '>>'] as const;
type Operator = (typeof operators)[number];
const isOperator = (name: string): name is Operator => (operators as readonly string[]).includes(name);

const numgenRegister = (value: Json): Register => {
  const [mode, mod] = [textOf(value, 'mode'), count(property(value, 'mod'))];
  const offset = count(property(value, 'offset')) ?? 0;
  const label = `numgen ${mode ?? ''} mod ${mod ?? ''}`;
  if ((mode !== 'random' && mode !== 'inc') || mod === undefined || mod < 1 || offset < 0) return unmodelled(label);
  return { kind: 'draw', mode, space: BigInt(mod), offset: BigInt(offset), label };
};

/** Two values that the packet gives, joined bit by bit: only where no bit comes from both is `|` the same as `^`. */
const joined = (left: Bits, operator: Operator, right: Bits): Bits | undefined => {
  const bitsOf = ({ terms, xor }: Bits): bigint => terms.reduce((bits, { and }) => bits | and, xor);
  if (operator !== '^' && (operator !== '|' || (bitsOf(left) & bitsOf(right)) !== 0n)) return undefined;
  return {
    ...left,
    guard: all([left.guard, right.guard]),
    terms: [...left.terms, ...right.terms],
    xor: left.xor ^ right.xor,
    bits: Math.max(left.bits, right.bits),
    label: `${left.label} ${operator} ${right.label}`,
  };
};

const withOperand = (left: Register, operator: Operator, operand: Json, use: Use, context: NftContext): Register => {
  const text = (): string =>
    `(${left.kind === 'concat' ? '' : 'label' in left ? left.label : left.what} ${operator} ${expressionText(operand)})`;
  const isShift = operator === '<<' || operator === '>>';
  if (left.kind === 'draw') {
    const mask = readConstant(operand, integer);
    const isLow = mask !== undefined && ((mask + 1n) & mask) === 0n && mask < left.space;
    const isPower = (left.space & (left.space - 1n)) === 0n && left.offset === 0n && left.mode === 'random';
    return operator === '&' && isLow && isPower ? { ...left, space: mask + 1n, label: text() } : unmodelled(text());
  }
  if (left.kind !== 'bits') return left.kind === 'unmodelled' ? left : unmodelled(text());
  const constant = readConstant(operand, isShift ? integer : left.type);
  if (constant !== undefined) {
    // Bits are numbered as the register holds them, whatever its type counts in.
    if (!isShift) return { ...withConstant(left, operator, constant), label: text() };
    if (constant < 1n || constant > 127n) return unmodelled(text());
    const by = Number(constant);
    return { ...shifted(left, operator === '<<' ? by : -by, use === 'value' ? left.bits : undefined), label: text() };
  }
  const right = readExpression(operand, use, context);
  if (right.kind !== 'bits') return right.kind === 'unmodelled' ? right : unmodelled(text());
  return joined(left, operator, right) ?? unmodelled(text());
};

const binaryRegister = (operator: Operator, value: Json, use: Use, context: NftContext): Register => {
  if (!isList(value) || value.length < 2) return unmodelled(`the operator ${operator} without two sides`);
  const isShift = operator === '<<' || operator === '>>';
  const isConstant = (operand: Json): boolean =>
    typeof operand !== 'object' || readConstant(operand, integer) !== undefined;
  // Of the operators that take it either way, a constant in front goes behind.
  const operands = isShift ? value : [...value.filter((item) => !isConstant(item)), ...value.filter(isConstant)];
  const [first, ...rest] = operands;
  let register = readExpression(first ?? null, use, context);
  for (const operand of rest) register = withOperand(register, operator, operand, use, context);
  // What narrows a load narrows no computed value.
  if (register.kind === 'bits') {
    const { narrow: _narrow, ...computed } = register;
    return computed;
  }
  return register;
};

/** `ip saddr & 255.255.255.0` in the short form in which set statements have it. */
const prefixRegister = (value: Json, use: Use, context: NftContext): Register => {
  const register = readExpression(property(value, 'addr') ?? null, use, context);
  const length = count(property(value, 'len'));
  if (register.kind !== 'bits' || length === undefined || length < 0 || length > register.bits)
    return unmodelled(`prefix of ${expressionText(property(value, 'addr'))}`);
  const mask = ones(length) << BigInt(register.bits - length);
  return { ...withConstant(register, '&', mask), label: `${register.label}/${length}` };
};

/** `joined` says of which larger load a payload has become a part. */
export const readExpression = (value: Json, use: Use, context: NftContext, joinedTo?: Span): Register => {
  const found = single(value);
  if (!found) return unmodelled(`the expression ${JSON.stringify(value)}`);
  const [name, inner] = found;
  if (isOperator(name)) return binaryRegister(name, inner, use, context);
  switch (name) {
    case 'payload':
      return payloadRegister(inner, context, joinedTo);
    case 'meta':
      return metaRegister(inner, context);
    case 'ct':
      return ctRegister(inner, context);
    case 'rt':
      return rtRegister(inner);
    case 'ipsec':
      return ipsecRegister(inner, context);
    case 'fib':
      return fibRegister(inner);
    case 'socket':
      return socketRegister(inner);
    case 'exthdr':
      return extensionRegister(inner, context);
    case 'tcp option':
      return optionRegister(inner);
    case 'sctp chunk':
      return chunkRegister(inner);
    case 'numgen':
      return numgenRegister(inner);
    case 'prefix':
      return prefixRegister(inner, use, context);
    case 'elem':
      return readExpression(property(inner, 'val') ?? null, use, context);
    case 'concat': {
      const parts = isList(inner) ? inner.map((part) => readExpression(part, use, context)) : [];
      return parts.length > 0 ? { kind: 'concat', parts } : unmodelled('an empty concatenation');
    }
    default:
      return unmodelled(expressionText(value));
  }
};
