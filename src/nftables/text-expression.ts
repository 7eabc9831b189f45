/** Expressions in the text form of nft, nft(8). */
import type {
  And,
  Expression,
  Or,
  ShiftLeft,
  ShiftRight,
  Xor,
  Fib,
  Ipsec,
  PayloadField,
  PayloadRaw,
  TcpOption,
  TcpOptionRaw,
} from './types.ts';

/** Says what the text syntax cannot carry. Gives an empty text, which whoever refuses does not use. */
export type Refuse = (what: string) => string;

/** What the expression on the other side means for a constant: is it a name to be quoted, a flag, a mask. */
type Context = Expression | undefined;

const isList = (value: Expression): value is readonly Expression[] => Array.isArray(value);
const isObject = (value: Context): value is Exclude<Expression, number | string | boolean | readonly Expression[]> =>
  typeof value === 'object' && !isList(value);

/*
 * A quoted string of the nft scanner ends at the next quote and knows no escape, so it carries anything else. Control
 * characters are refused although nft takes most of them: a newline or an escape sequence in a ruleset shows the
 * reader something other than what it says.
 */
const unquotable = /["\p{Cs}]|(?!\t)\p{Cc}/u;

export const quoteText = (text: string, what: string, refuse: Refuse): string => {
  const bad = unquotable.exec(text)?.[0];
  if (bad === undefined) return `"${text}"`;
  if (bad === '"') return refuse(`${what} has a double quote in it`);
  const code = (bad.codePointAt(0) ?? 0).toString(16).padStart(4, '0');
  return refuse(`${what} has the character U+${code.toUpperCase()} in it`);
};

/** Words, numbers and addresses that read the same in text and in JSON. */
const symbol = new RegExp(
  [
    /^[A-Za-z][A-Za-z0-9]*(?:[_-][A-Za-z0-9]+)*$/,
    /^(?:0x[0-9a-fA-F]+|[0-9]+)$/,
    /^[0-9]+(?:\.[0-9]+){3}$/,
    /^[0-9a-fA-F]*:[0-9a-fA-F:.]*$/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

const nameKeys: ReadonlySet<string> = new Set(
  'iif oif iifname oifname iifkind oifkind ibrname obrname sdif sdifname'.split(' '),
);

/** Whether constants beside this expression are free text: names of interfaces and helpers. */
const isNameLike = (context: Context): boolean => {
  if (!isObject(context)) return false;
  if ('meta' in context) return nameKeys.has(context.meta.key);
  if ('ct' in context) return context.ct.key === 'helper';
  return 'fib' in context && context.fib.result !== 'type';
};

/** The name of a set: schema.ts lets it stand beside an address only. */
const isSetName = (text: string, context: Context): boolean =>
  /^@[A-Za-z_][A-Za-z0-9_-]*$/.test(text) &&
  isObject(context) &&
  'payload' in context &&
  'field' in context.payload &&
  ['saddr', 'daddr'].includes(context.payload.field);

const printString = (text: string, context: Context, refuse: Refuse): string => {
  if (!isNameLike(context))
    return symbol.test(text) || isSetName(text, context)
      ? text
      : refuse(`the constant ${JSON.stringify(text)} is no word of nft`);
  // In JSON these two are a set and every element of one; in quotes they would be a name.
  if (text === '*' || text.startsWith('@')) return refuse(`the name ${JSON.stringify(text)} means a set in JSON`);
  return quoteText(text, `the name ${JSON.stringify(text)}`, refuse);
};

/** Whether what is compared are single bits, where hexadecimal is easier to read. */
const isBits = (context: Context): boolean => {
  if (!isObject(context)) return false;
  if ('&' in context || '|' in context || '^' in context) return true;
  if ('meta' in context) return context.meta.key === 'mark';
  if ('ct' in context) return context.ct.key === 'mark';
  return 'payload' in context && 'base' in context.payload;
};

const printNumber = (value: number, context: Context): string =>
  isBits(context) && value > 9 ? `0x${value.toString(16)}` : String(value);

/** Expressions whose value is whether something is there (EXPR_F_BOOLEAN and the boolean data type of nft). */
const isExistence = (context: Context): boolean => {
  if (!isObject(context)) return false;
  if ('exthdr' in context) return context.exthdr.field === undefined;
  if ('tcp option' in context) {
    const option = context['tcp option'];
    return 'base' in option ? isKindByte(option) : option.field === undefined;
  }
  if ('sctp chunk' in context) return context['sctp chunk'].field === undefined;
  if ('meta' in context || 'rt' in context) return ('meta' in context ? context.meta : context.rt).key === 'ipsec';
  return 'fib' in context;
};

const printBoolean = (value: boolean, context: Context): string =>
  isExistence(context) ? (value ? 'exists' : 'missing') : value ? '1' : '0';

const printPayload = ({ payload }: PayloadField | PayloadRaw): string =>
  'base' in payload ? `@${payload.base},${payload.offset},${payload.len}` : `${payload.protocol} ${payload.field}`;

/** The kind byte of an option by number: in JSON that is how to ask whether the option is there (src/tcpopt.c). */
const isKindByte = ({ offset, len }: TcpOptionRaw['tcp option']): boolean => offset === 0 && len === 8;

const printTcpOption = (option: TcpOption | TcpOptionRaw): string => {
  const parts = option['tcp option'];
  if ('base' in parts && isKindByte(parts)) return `tcp option ${parts.base}`;
  if ('base' in parts) return `tcp option @${parts.base},${parts.offset},${parts.len}`;
  return parts.field === undefined ? `tcp option ${parts.name}` : `tcp option ${parts.name} ${parts.field}`;
};

const printIpsec = ({ ipsec }: Ipsec): string =>
  ['ipsec', ipsec.dir, 'spnum', ipsec.spnum, ...(ipsec.family ? [ipsec.family] : []), ipsec.key].join(' ');

const printFib = ({ fib }: Fib): string => `fib ${fib.flags.join(' . ')} ${fib.result}`;

/** Keys that stand alone; the others need `meta` in front. */
const bareMeta: ReadonlySet<string> = new Set('iif iifname iiftype iifgroup oif oifname oiftype oifgroup'.split(' '));

/** How tightly each operator binds. */
const tightness = { '|': 0, '^': 1, '&': 2, '<<': 3, '>>': 3 } as const;
type BinaryOperator = keyof typeof tightness;
type Binary = And | Or | Xor | ShiftLeft | ShiftRight;

const isBinary = (value: Expression): value is Binary =>
  isObject(value) && ('|' in value || '^' in value || '&' in value || '<<' in value || '>>' in value);

const sidesOf = (value: Binary): readonly [BinaryOperator, readonly [Expression, Expression]] => {
  if ('|' in value) return ['|', value['|']];
  if ('^' in value) return ['^', value['^']];
  if ('&' in value) return ['&', value['&']];
  return '<<' in value ? ['<<', value['<<']] : ['>>', value['>>']];
};

/** Operators of one tightness bind from the left; brackets stand only where that is not meant. */
const printOperand = (
  value: Expression,
  operator: BinaryOperator,
  place: 0 | 1,
  context: Context,
  refuse: Refuse,
): string => {
  const print = (item: Expression): string => printExpression(item, context, refuse);
  if (isList(value)) return `(${value.map(print).join(' | ')})`;
  const isMask = tightness[operator] < tightness['<<'];
  if (typeof value === 'number') return isMask && value > 9 ? `0x${value.toString(16)}` : String(value);
  if (!isBinary(value)) return print(value);
  const tighter = tightness[sidesOf(value)[0]] - tightness[operator];
  return tighter > 0 || (tighter === 0 && place === 0) ? print(value) : `(${print(value)})`;
};

const printBinary = (value: Binary, context: Context, refuse: Refuse): string => {
  const [operator, [left, right]] = sidesOf(value);
  const first = printOperand(left, operator, 0, context, refuse);
  return `${first} ${operator} ${printOperand(right, operator, 1, context ?? left, refuse)}`;
};

/** The other sides of the parts of a concatenation. */
const partOf = (context: Context, index: number): Context =>
  isObject(context) && 'concat' in context ? context.concat[index] : undefined;

export const printExpression = (value: Expression, context: Context, refuse: Refuse): string => {
  if (typeof value === 'number') return printNumber(value, context);
  if (typeof value === 'string') return printString(value, context, refuse);
  if (typeof value === 'boolean') return printBoolean(value, context);
  if (isList(value)) return value.map((item) => printExpression(item, context, refuse)).join(',');
  const print = (item: Expression, beside: Context = context): string => printExpression(item, beside, refuse);
  if (isBinary(value)) return printBinary(value, context, refuse);
  if ('payload' in value) return printPayload(value);
  if ('meta' in value) return bareMeta.has(value.meta.key) ? value.meta.key : `meta ${value.meta.key}`;
  if ('ct' in value) return ['ct', ...(value.ct.dir ? [value.ct.dir] : []), value.ct.key].join(' ');
  if ('rt' in value) return ['rt', ...(value.rt.family ? [value.rt.family] : []), value.rt.key].join(' ');
  if ('ipsec' in value) return printIpsec(value);
  if ('fib' in value) return printFib(value);
  if ('numgen' in value) {
    const { mode, mod, offset } = value.numgen;
    return `numgen ${mode} mod ${mod}${offset ? ` offset ${offset}` : ''}`;
  }
  if ('exthdr' in value) {
    const { name, field } = value.exthdr;
    return field === undefined ? `exthdr ${name}` : `${name} ${field}`;
  }
  if ('tcp option' in value) return printTcpOption(value);
  if ('sctp chunk' in value) {
    const { name, field } = value['sctp chunk'];
    return `sctp chunk ${name}${field === undefined ? '' : ` ${field}`}`;
  }
  if ('socket' in value) return `socket ${value.socket.key}`;
  if ('prefix' in value) return `${print(value.prefix.addr, undefined)}/${value.prefix.len}`;
  if ('range' in value) {
    const [low, high] = value.range;
    // Some versions of nft read such a range of hours as everything outside it, others as nothing.
    if (typeof low === 'number' && typeof high === 'number' && low > high) refuse('a range that runs backwards');
    return `${print(low)}-${print(high)}`;
  }
  if ('set' in value) {
    // In JSON an array in a set is a key with its value.
    const elements = value.set.map((item) => (isList(item) ? refuse('a list in a set is a mapping') : print(item)));
    return `{ ${elements.join(', ')} }`;
  }
  if ('concat' in value) return value.concat.map((part, index) => print(part, partOf(context, index))).join(' . ');
  if ('map' in value) {
    const { key, data } = value.map;
    const pairs = data.set.map(([from, to]) => `${print(from, key)} : ${print(to)}`);
    return `${print(key, undefined)} map { ${pairs.join(', ')} }`;
  }
  // A new kind of expression does not compile here until it is printed above.
  return value satisfies never;
};
