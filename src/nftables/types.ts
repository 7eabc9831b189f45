/**
 * The part of libnftables-json(5) that dnfw writes, as types that have exactly the shape of the JSON. Values are made
 * by the constructors in build.ts and nowhere else; schema.ts says the same to ajv.
 */
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';

export type PayloadBase = 'll' | 'nh' | 'th' | 'ih';

export interface PayloadField {
  readonly payload: { readonly protocol: string; readonly field: string };
}
/** `offset` and `len` are in bits from the start of the base header. */
export interface PayloadRaw {
  readonly payload: { readonly base: PayloadBase; readonly offset: number; readonly len: number };
}
export interface Meta {
  readonly meta: { readonly key: string };
}
export interface Ct {
  readonly ct: { readonly key: string; readonly dir?: 'original' | 'reply' };
}
export interface Rt {
  readonly rt: { readonly key: string; readonly family?: Family };
}
export interface Ipsec {
  readonly ipsec: {
    readonly key: 'saddr' | 'daddr' | 'reqid' | 'spi';
    readonly dir: 'in' | 'out';
    readonly spnum: number;
    readonly family?: Family;
  };
}
export interface Fib {
  readonly fib: { readonly result: 'oif' | 'oifname' | 'type'; readonly flags: readonly string[] };
}
export interface Numgen {
  readonly numgen: { readonly mode: 'inc' | 'random'; readonly mod: number; readonly offset?: number };
}
/** An IPv6 extension header field; without a field: does the header exist. */
export interface Exthdr {
  readonly exthdr: { readonly name: string; readonly field?: string };
}
export interface TcpOption {
  readonly 'tcp option': { readonly name: string; readonly field?: string };
}
export interface TcpOptionRaw {
  readonly 'tcp option': { readonly base: number; readonly offset: number; readonly len: number };
}
export interface SctpChunk {
  readonly 'sctp chunk': { readonly name: string; readonly field?: string };
}
export interface Socket {
  readonly socket: { readonly key: string };
}

export interface Prefix {
  readonly prefix: { readonly addr: string; readonly len: number };
}
export interface Range {
  readonly range: readonly [Expression, Expression];
}
export interface AnonymousSet {
  readonly set: readonly Expression[];
}
export interface Concat {
  readonly concat: readonly Expression[];
}
export interface MapLookup {
  readonly map: {
    readonly key: Expression;
    readonly data: { readonly set: readonly (readonly [Expression, Expression])[] };
  };
}
export interface And {
  readonly '&': readonly [Expression, Expression];
}
export interface Or {
  readonly '|': readonly [Expression, Expression];
}
export interface Xor {
  readonly '^': readonly [Expression, Expression];
}
/** nft 1.0.6 refuses a shift in a match; in a `mangle` of a mark it is right. */
export interface ShiftLeft {
  readonly '<<': readonly [Expression, Expression];
}
export interface ShiftRight {
  readonly '>>': readonly [Expression, Expression];
}

/** `@NAME`: whether a named set of the table has the left side of the match. build.ts `elementOf`. */
export type SetName = `@${string}`;

export type Expression =
  | number
  | string
  | boolean
  | readonly Expression[]
  | PayloadField
  | PayloadRaw
  | Meta
  | Ct
  | Rt
  | Ipsec
  | Fib
  | Numgen
  | Exthdr
  | TcpOption
  | TcpOptionRaw
  | SctpChunk
  | Socket
  | Prefix
  | Range
  | AnonymousSet
  | Concat
  | MapLookup
  | And
  | Or
  | Xor
  | ShiftLeft
  | ShiftRight;

export type Operator = '==' | '!=' | '<' | '>' | '<=' | '>=' | 'in' | '!';

export interface Match {
  readonly match: { readonly op: Operator; readonly left: Expression; readonly right: Expression };
}
export interface Limit {
  readonly limit: {
    readonly rate: number;
    readonly per: 'second' | 'minute' | 'hour' | 'day' | 'week';
    readonly burst?: number;
    readonly rate_unit?: string;
    readonly burst_unit?: string;
    readonly inv?: boolean;
  };
}
export interface Quota {
  readonly quota: { readonly val: number; readonly val_unit: 'bytes'; readonly inv?: boolean };
}

export type Verdict =
  | { readonly accept: null }
  | { readonly drop: null }
  | { readonly return: null }
  | { readonly continue: null }
  | { readonly jump: { readonly target: string } }
  | { readonly goto: { readonly target: string } };

export interface Counter {
  readonly counter: null | { readonly packets: number; readonly bytes: number };
}
export interface Mangle {
  readonly mangle: { readonly key: Expression; readonly value: Expression };
}
export interface NatParts {
  readonly family?: Family;
  readonly addr?: Expression;
  readonly port?: Expression;
  readonly flags?: readonly string[];
  readonly type_flags?: readonly string[];
}
export type Nat =
  | { readonly snat: NatParts }
  | { readonly dnat: NatParts }
  | { readonly masquerade: null | Pick<NatParts, 'port' | 'flags'> }
  | { readonly redirect: null | Pick<NatParts, 'port' | 'flags'> };
export interface Reject {
  readonly reject: null | { readonly type: 'tcp reset' | 'icmp' | 'icmpv6' | 'icmpx'; readonly expr?: string };
}
export interface Log {
  readonly log: null | {
    readonly prefix?: string;
    readonly group?: number;
    readonly snaplen?: number;
    readonly 'queue-threshold'?: number;
    readonly level?: string;
    readonly flags?: readonly string[];
  };
}
export interface Queue {
  readonly queue: null | { readonly num?: Expression; readonly flags?: readonly string[] };
}
export interface Notrack {
  readonly notrack: null;
}
/** Points the packet at a named conntrack helper object of the same table. */
export interface CtHelperUse {
  readonly 'ct helper': string;
}
export interface CtTimeoutUse {
  readonly 'ct timeout': string;
}

export type Statement =
  | Match
  | Limit
  | Quota
  | Verdict
  | Counter
  | Mangle
  | Nat
  | Reject
  | Log
  | Queue
  | Notrack
  | CtHelperUse
  | CtTimeoutUse;

export interface TableObject {
  readonly family: Family | 'inet';
  readonly name: string;
}
export type ChainType = 'filter' | 'nat' | 'route';
export interface ChainObject {
  readonly family: Family | 'inet';
  readonly table: string;
  readonly name: string;
  readonly type?: ChainType;
  readonly hook?: Hook;
  readonly prio?: number;
  readonly policy?: 'accept' | 'drop';
}
export interface RuleObject {
  readonly family: Family | 'inet';
  readonly table: string;
  readonly chain: string;
  readonly comment?: string;
  readonly expr: readonly Statement[];
}
export interface CtHelperObject {
  readonly family: Family | 'inet';
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly protocol: 'tcp' | 'udp';
  readonly l3proto: Family;
}

/** One element of a named set of addresses; `elem` where it carries a comment. */
export type SetElement =
  string | Prefix | Range | { readonly elem: { readonly val: string | Prefix | Range; readonly comment: string } };
/** A named set of addresses. nft takes no `elem` that is empty. */
export interface SetObject {
  readonly family: Family | 'inet';
  readonly table: string;
  readonly name: string;
  readonly type: 'ipv4_addr' | 'ipv6_addr';
  readonly flags: readonly ['interval'];
  readonly elem?: readonly SetElement[];
}
/** A chain by its name, as a command that changes it says it. */
export type ChainName = Pick<ChainObject, 'family' | 'table' | 'name'>;

export type AddObject =
  | { readonly table: TableObject }
  | { readonly set: SetObject }
  | { readonly chain: ChainObject }
  | { readonly 'ct helper': CtHelperObject }
  | { readonly rule: RuleObject };

export type Command =
  | { readonly add: AddObject }
  | { readonly delete: { readonly table: TableObject } }
  | { readonly flush: { readonly chain: ChainName } };

/** What `nft -j -f` reads. */
export interface Document {
  readonly nftables: readonly Command[];
}
