/**
 * What nft makes of several payload tests in one rule, kept to what they say one by one. Behind a test that tells nft the
 * protocol, nft lists raw bytes of its header as fields, not always as the same ones (1.1 even crashes behind a test for
 * GRE); in front of it they stay raw. Tests have no effect, so a rule may ask them in any order. And nft joins tests of
 * neighbouring bytes, which is not always the same.
 */
import { protocolNumber } from '../netfilter/protocols.ts';
import { and, equal, range, set, unequal } from '../nftables/build.ts';
import type { Expression, Match, PayloadRaw, Statement } from '../nftables/types.ts';
import { remembers } from './implied.ts';
import type { NftRule } from './layout.ts';

/** What nft knows of a header, in bytes; what stands behind it has no name. */
const headers: ReadonlyMap<Expression, number> = new Map<Expression, number>([
  ['udp', 8],
  ['tcp', 20],
  ['sctp', 12],
]);

const rawOf = (expression: Expression): PayloadRaw['payload'] | undefined => {
  if (typeof expression !== 'object') return undefined;
  if ('&' in expression) return rawOf(expression['&'][0]);
  return 'payload' in expression && 'base' in expression.payload ? expression.payload : undefined;
};

const rawTransport = (statement: Statement): PayloadRaw['payload'] | undefined => {
  const found = 'match' in statement ? rawOf(statement.match.left) : undefined;
  return found?.base === 'th' ? found : undefined;
};

const networkFields: ReadonlySet<string> = new Set(['protocol', 'nexthdr']);

/** The protocol that nft takes for known behind this statement, or `some` where the test does not make it plain. */
const toldBy = (statement: Statement): Expression | undefined => {
  if (!('match' in statement)) return undefined;
  const { left, op, right } = statement.match;
  if (typeof left !== 'object') return undefined;
  if ('tcp option' in left) return 'tcp';
  if ('sctp chunk' in left) return 'sctp';
  if ('meta' in left) return left.meta.key === 'l4proto' && op === '==' ? right : undefined;
  if ('ct' in left) return left.ct.key === 'protocol' ? 'some' : undefined;
  const payload = 'payload' in left ? left.payload : '&' in left ? fieldOf(left['&'][0]) : undefined;
  if (!payload || 'base' in payload) return undefined;
  if (payload.protocol !== 'ip' && payload.protocol !== 'ip6') return payload.protocol;
  return networkFields.has(payload.field) && op === '==' ? 'some' : undefined;
};

type Payload = Extract<Expression, { readonly payload: unknown }>['payload'];

const fieldOf = (expression: Expression): Payload | undefined =>
  typeof expression === 'object' && 'payload' in expression ? expression.payload : undefined;

const headerOf = (load: Payload): 'network' | 'transport' => {
  const isNetwork = 'base' in load ? load.base === 'nh' : load.protocol === 'ip' || load.protocol === 'ip6';
  return isNetwork ? 'network' : 'transport';
};

/** The number of the header that follows, as the network header has it. */
const isNumberField = (expression: Expression): boolean => {
  const load = fieldOf(expression);
  return load !== undefined && 'field' in load && headerOf(load) === 'network' && networkFields.has(load.field);
};

/** Two tests on the two overlapping halves of the same bytes. */
const halves = ({ match: { left } }: Match, len: number, value: number): readonly Statement[] =>
  [len === 8 ? 0xf0 : 0xfff0, len === 8 ? 0x0f : 0x0fff].map((mask) => equal(and(left, mask), value & mask));

/**
 * nft joins comparisons of neighbouring bytes into one load. One of 3 bytes, or one that is not aligned, fails for later
 * fragments, for which the single ones succeed (net/netfilter/nf_tables_core.c nft_payload_fast_eval).
 */
const unjoined = (rule: NftRule): NftRule => {
  const isJoinable = (statement: Statement): boolean => {
    if (!('match' in statement) || statement.match.op !== '==') return false;
    const load = fieldOf(statement.match.left);
    return load !== undefined && headerOf(load) === 'transport';
  };
  if (rule.filter(isJoinable).length < 2) return rule;
  return rule.flatMap((statement) => {
    const load = rawTransport(statement);
    if (!load || load.len >= 32 || !isJoinable(statement) || !('match' in statement)) return [statement];
    const { right } = statement.match;
    return typeof right === 'number' ? halves(statement, load.len, right) : [statement];
  });
};

/**
 * nft 1.0.6 joins `!=` of neighbouring bytes as well, and then asks that not both be equal instead of neither
 * (nftables src/rule.c payload_try_merge). It leaves ranges alone, and later versions read these as the number.
 */
const distinct = (rule: NftRule): NftRule => {
  const seen = new Set<'network' | 'transport'>();
  let changed = false;
  const statements = rule.map((statement) => {
    if (!('match' in statement) || statement.match.op !== '!=') return statement;
    const { left, right } = statement.match;
    const load = fieldOf(left);
    if (!load || typeof right !== 'number') return statement;
    const header = headerOf(load);
    if (!seen.has(header)) {
      seen.add(header);
      return statement;
    }
    changed = true;
    return unequal(left, range(right, right));
  });
  return changed ? statements : rule;
};

/** Whether the test means the same wherever nft knows the protocol: behind its header, or on one byte by itself. */
const staysRaw = (statement: Statement, known: Expression): boolean => {
  const load = rawTransport(statement);
  if (!load || !('match' in statement)) return true;
  if (load.offset >= 8 * (headers.get(known) ?? Infinity)) return true;
  const { left, op, right } = statement.match;
  if (load.len !== 8 || typeof known !== 'string' || typeof right !== 'number') return false;
  return op === '>=' ? right === 0 : known === 'tcp' && typeof left === 'object' && '&' in left;
};

const lastProtocol = 255;

/** The test for one protocol in words from which nft does not conclude that the protocol is this one. */
const untold = (statement: Statement): Statement => {
  if (!('match' in statement)) return statement;
  const { left, right } = statement.match;
  const number = typeof right === 'number' ? right : typeof right === 'string' ? protocolNumber(right) : undefined;
  const isTold = typeof left === 'object' && ('meta' in left || isNumberField(left)) && toldBy(statement) !== undefined;
  if (!isTold || number === undefined) return statement;
  const others = [
    ...(number > 0 ? [range(0, number - 1)] : []),
    ...(number < lastProtocol ? [range(number + 1, lastProtocol)] : []),
  ];
  return unequal(left, others.length === 1 ? (others[0] as Expression) : set(others));
};

/**
 * `ip protocol` and `ip6 nexthdr` beside another test that tells the protocol: nft takes one of them for implied and
 * lists it no more, although an IPv6 packet may have other headers in between, or refuses the rule.
 */
const withNumbersApart = (rule: NftRule): NftRule => {
  const isNumber = (statement: Statement): boolean => 'match' in statement && isNumberField(statement.match.left);
  const tellers = rule.filter((statement) => toldBy(statement) !== undefined);
  return tellers.length > 1 && tellers.some(isNumber)
    ? rule.map((statement) => (isNumber(statement) ? untold(statement) : statement))
    : rule;
};

/** The rule in words that nft compiles, lists and reads again as what they say. */
export const ordered = (given: NftRule): NftRule => {
  const rule = withNumbersApart(distinct(given));
  if (!rule.some(rawTransport)) return rule;
  const first = rule.findIndex((statement) => toldBy(statement) !== undefined);
  if (first < 0) return unjoined(rule);
  const known = toldBy(rule[first] as Statement) as Expression;
  const end = rule.findIndex(remembers);
  const isBehind = (statement: Statement): boolean => staysRaw(statement, known);
  const tests = rule.slice(0, end < 0 ? rule.length : end);
  const later = rule.slice(tests.length);
  const before = tests.slice(0, first);
  const inFront = tests.slice(first).filter((statement) => !isBehind(statement) && rawTransport(statement));
  const behind = tests.slice(first).filter((statement) => isBehind(statement) || !rawTransport(statement));
  // What asks about the header only after a limit cannot go in front of it.
  const hidden = later.some((statement) => rawTransport(statement) && !isBehind(statement));
  return unjoined([...before, ...inFront, ...(hidden ? behind.map(untold) : behind), ...later]);
};
