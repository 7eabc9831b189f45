import type { Expression, Statement } from '../nftables/types.ts';
import type { NftRule } from './layout.ts';

/** The protocol that a payload expression makes nft test for before it loads anything. */
export const protocolOf = (expression: Expression): string | undefined => {
  if (typeof expression !== 'object') return undefined;
  if ('payload' in expression) return 'protocol' in expression.payload ? expression.payload.protocol : undefined;
  if ('&' in expression) return protocolOf(expression['&'][0]);
  return 'tcp option' in expression ? 'tcp' : 'sctp chunk' in expression ? 'sctp' : undefined;
};

/** An absent option is absent from other protocols' packets as well: that test implies nothing. */
const implies = (statement: Statement, word: string): boolean =>
  'match' in statement && statement.match.right !== false && protocolOf(statement.match.left) === word;

const impliedWord = (word: Expression): string | undefined =>
  word === 58 ? 'icmpv6' : typeof word === 'string' ? word : undefined;

const isProtocolTest = (statement: Statement): string | undefined => {
  if (!('match' in statement) || statement.match.op !== '==') return undefined;
  const { left, right } = statement.match;
  return typeof left === 'object' && 'meta' in left && left.meta.key === 'l4proto' ? impliedWord(right) : undefined;
};

/** A limit, a quota, a number generator: it must not count packets that the protocol test keeps off. */
export const remembers = (statement: Statement): boolean =>
  !('match' in statement) || (typeof statement.match.left === 'object' && 'numgen' in statement.match.left);

/** `ct original proto-dst` and its like: nft 1.0.6 compiles them only behind a test for one protocol. */
const needsProtocol = (statement: Statement): boolean => {
  if (!('match' in statement)) return false;
  const { left } = statement.match;
  return typeof left === 'object' && 'ct' in left && left.ct.key.startsWith('proto-');
};

/** A NAT statement with a port, which nft takes only behind a test for one protocol. */
const mapsPort = (statement: Statement): boolean =>
  ('dnat' in statement && statement.dnat.port !== undefined) ||
  ('snat' in statement && statement.snat.port !== undefined) ||
  ('redirect' in statement && statement.redirect?.port !== undefined) ||
  ('masquerade' in statement && statement.masquerade?.port !== undefined);

/** A TCP option or an SCTP chunk: it holds for packets of its protocol only, but nft does not conclude the protocol from it. */
const isWeak = (statement: Statement): boolean => {
  if (!('match' in statement)) return false;
  const { left } = statement.match;
  return typeof left === 'object' && ('tcp option' in left || 'sctp chunk' in left);
};

/**
 * The rule with its `meta l4proto` at `index` moved behind the weak tests and in front of what needs it: in front of
 * them nft would leave it out of its listing, and could not load the listing again.
 */
const behindWeak = (rule: NftRule, index: number, word: string): NftRule => {
  const others = rule.filter((statement) => isProtocolTest(statement) !== word);
  const end = others.findIndex(remembers);
  const tests = end < 0 ? others : others.slice(0, end);
  return [
    ...tests.filter((statement) => !needsProtocol(statement)),
    rule[index] as Statement,
    ...tests.filter(needsProtocol),
    ...others.slice(tests.length),
  ];
};

/** The rule without its `meta l4proto` at `index`, and with the tests that need the protocol behind those that imply it. */
const reordered = (rule: NftRule, index: number, word: string): NftRule => {
  const later = rule.slice(index + 1).filter((statement) => isProtocolTest(statement) !== word);
  const end = later.findIndex(remembers);
  const tests = end < 0 ? later : later.slice(0, end);
  const last = tests.findLastIndex((statement) => implies(statement, word));
  if (last < 0) return [...rule.slice(0, index + 1), ...later];
  const until = tests.slice(0, last + 1);
  return [
    ...rule.slice(0, index),
    ...until.filter((statement) => !needsProtocol(statement)),
    ...until.filter(needsProtocol),
    ...later.slice(last + 1),
  ];
};

/**
 * Leaves `meta l4proto X` out where it is said twice, and where a later test of the same rule is on a field of X: nft
 * adds the same test by itself, and lists neither.
 */
export const withoutImplied = (rule: NftRule): NftRule => {
  const index = rule.findIndex((statement) => isProtocolTest(statement) !== undefined);
  if (index < 0) return rule;
  const word = isProtocolTest(rule[index] as Statement) as string;
  let implied = false;
  let open = true;
  if (
    rule.some(isWeak) &&
    rule.some((s) => mapsPort(s) || needsProtocol(s)) &&
    !rule.some((s) => !isWeak(s) && implies(s, word))
  )
    return behindWeak(rule, index, word);
  for (let i = index + 1; i < rule.length; i++) {
    const statement = rule[i] as Statement;
    if (needsProtocol(statement) || isProtocolTest(statement) === word) return reordered(rule, index, word);
    if (open && remembers(statement)) open = false;
    if (open && implies(statement, word)) implied = true;
  }
  return implied ? rule.toSpliced(index, 1) : rule;
};
