/** The typed constructors of nft JSON: the only place where such objects are made. */
import type { Family } from '../netfilter/family.ts';
import { share, shareField, sharing } from './shared.ts';
import type {
  AddObject,
  And,
  AnonymousSet,
  ChainName,
  Command,
  Concat,
  Counter,
  Ct,
  Expression,
  Exthdr,
  Fib,
  Ipsec,
  Limit,
  Log,
  Mangle,
  MapLookup,
  Match,
  Meta,
  NatParts,
  Notrack,
  Numgen,
  Operator,
  Or,
  PayloadBase,
  PayloadField,
  PayloadRaw,
  Prefix,
  Queue,
  Quota,
  Range,
  Reject,
  Rt,
  SctpChunk,
  SetName,
  ShiftLeft,
  ShiftRight,
  Socket,
  TableObject,
  TcpOption,
  TcpOptionRaw,
  Verdict,
  Xor,
} from './types.ts';

/** A named header field, `tcp dport` for example. Protocols and fields: libnftables-json(5), PAYLOAD. */
export const field = (protocol: string, name: string): PayloadField => {
  let names = fields.get(protocol);
  if (!names) fields.set(protocol, (names = new Map()));
  const found = names.get(name);
  if (found) return found;
  const made = shareField({ payload: { protocol, field: name } });
  names.set(name, made);
  return made;
};
const fields = new Map<string, Map<string, PayloadField>>();

/** Raw bytes at a base; `offset` and `length` in bits. Both must be multiples of 8: nft 1.0.6 miscompiles others under a mask. */
export const raw = (base: PayloadBase, offset: number, length: number): PayloadRaw => ({
  payload: { base, offset, len: length },
});
export const meta = (key: string): Meta => ({ meta: { key } });
export const ct = (key: string, dir?: 'original' | 'reply'): Ct => ({ ct: dir ? { key, dir } : { key } });
export const rt = (key: string): Rt => ({ rt: { key } });
export const ipsec = (parts: Ipsec['ipsec']): Ipsec => ({ ipsec: parts });
export const fib = (result: Fib['fib']['result'], flags: readonly string[]): Fib => ({ fib: { result, flags } });
export const numgen = (mode: 'inc' | 'random', mod: number, offset = 0): Numgen => ({ numgen: { mode, mod, offset } });
export const exthdr = (name: string, part?: string): Exthdr => ({ exthdr: part ? { name, field: part } : { name } });
export const tcpOption = (name: string, part?: string): TcpOption => ({
  'tcp option': part ? { name, field: part } : { name },
});
/** Raw bits of TCP option number `kind`; `offset` and `length` in bits from the option's kind byte. */
export const tcpOptionRaw = (kind: number, offset: number, length: number): TcpOptionRaw => ({
  'tcp option': { base: kind, offset, len: length },
});
export const sctpChunk = (name: string, part?: string): SctpChunk => ({
  'sctp chunk': part ? { name, field: part } : { name },
});
export const socket = (key: string): Socket => ({ socket: { key } });

export const prefix = (addr: string, length: number): Prefix => ({ prefix: { addr, len: length } });
export const range = (low: Expression, high: Expression): Range => ({ range: [low, high] });
/** An anonymous set; must not be empty. One element stands for itself. */
export const anyOf = (elements: readonly Expression[]): Expression =>
  elements.length === 1 ? (elements[0] as Expression) : set(elements);
export const set = (elements: readonly Expression[]): AnonymousSet => ({ set: elements });
/** The right side of a match: the elements of a named set of the same table. */
export const elementOf = (name: string): SetName => `@${name}`;
export const concat = (parts: readonly Expression[]): Concat => ({ concat: parts });
export const map = (key: Expression, pairs: readonly (readonly [Expression, Expression])[]): MapLookup => ({
  map: { key, data: { set: pairs } },
});
export const and = (left: Expression, right: Expression): And => ({ '&': [left, right] });
export const or = (left: Expression, right: Expression): Or => ({ '|': [left, right] });
export const xor = (left: Expression, right: Expression): Xor => ({ '^': [left, right] });
export const shiftLeft = (left: Expression, count: number): ShiftLeft => ({ '<<': [left, count] });
export const shiftRight = (left: Expression, count: number): ShiftRight => ({ '>>': [left, count] });

export const match = (left: Expression, op: Operator, right: Expression): Match => ({ match: { op, left, right } });
export const equal = (left: Expression, right: Expression): Match => match(left, '==', right);
export const unequal = (left: Expression, right: Expression): Match => match(left, '!=', right);

export const limit = (parts: Limit['limit']): Limit => ({ limit: parts });
export const quota = (bytes: number, inv = false): Quota => ({
  quota: inv ? { val: bytes, val_unit: 'bytes', inv } : { val: bytes, val_unit: 'bytes' },
});

export const accept: Verdict = share({ accept: null });
export const drop: Verdict = share({ drop: null });
export const returnVerdict: Verdict = share({ return: null });
const jumps = sharing<Verdict>();
export const jump = (target: string): Verdict => jumps(target, () => ({ jump: { target } }));
const gotos = sharing<Verdict>();
export const goto = (target: string): Verdict => gotos(target, () => ({ goto: { target } }));

/** Packets and bytes seen so far; without figures the counter starts at zero. `counter {}` is not JSON that nft takes. */
export const counter = (figures?: { readonly packets: number; readonly bytes: number }): Counter => ({
  counter: figures ?? null,
});
export const mangle = (key: Expression, value: Expression): Mangle => ({ mangle: { key, value } });
export const snat = (parts: NatParts): { readonly snat: NatParts } => ({ snat: parts });
export const dnat = (parts: NatParts): { readonly dnat: NatParts } => ({ dnat: parts });
export const masquerade = (
  parts?: Pick<NatParts, 'port' | 'flags'>,
): { readonly masquerade: null | Pick<NatParts, 'port' | 'flags'> } => ({ masquerade: parts ?? null });
export const redirect = (
  parts?: Pick<NatParts, 'port' | 'flags'>,
): { readonly redirect: null | Pick<NatParts, 'port' | 'flags'> } => ({ redirect: parts ?? null });
export const reject = (parts: Reject['reject']): Reject => ({ reject: parts });
export const log = (parts: Log['log']): Log => ({ log: parts });
export const queue = (parts: Queue['queue']): Queue => ({ queue: parts });
export const notrack: Notrack = { notrack: null };
export const ctHelper = (name: string): { readonly 'ct helper': string } => ({ 'ct helper': name });
export const ctTimeout = (name: string): { readonly 'ct timeout': string } => ({ 'ct timeout': name });

export const table = (family: Family | 'inet', name: string): TableObject => ({ family, name });
export const add = (object: AddObject): Command => ({ add: object });
export const deleteTable = (object: TableObject): Command => ({ delete: { table: object } });
/** Takes all rules out of a chain, which stays. */
export const flushChain = (chain: ChainName): Command => ({ flush: { chain } });

/** Protocols that libnftables knows by a word of its own wherever it stands; others are numbers. */
const protocolWords: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [50, 'esp'],
  [51, 'ah'],
  [108, 'comp'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

/** The protocol as the right side of `meta l4proto`. */
export const protocol = (number: number): number | string => protocolWords.get(number) ?? number;

/** `meta l4proto`: the last header's protocol; in IPv6 behind extension headers, but never behind AH. */
export const l4proto = (number: number, op: '==' | '!=' = '=='): Match =>
  protocols(`${op}${number}`, () => match(meta('l4proto'), op, protocol(number)));
const protocols = sharing<Match>();
