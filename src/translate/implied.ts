import type { Expression, Statement } from '../nftables/types.ts';
import type { NftRule } from './layout.ts';

/** The protocol that a payload expression makes nft test for before it loads anything. */
const protocolOf = (expression: Expression): string | undefined => {
  if (typeof expression !== 'object') return undefined;
  if ('payload' in expression) return 'protocol' in expression.payload ? expression.payload.protocol : undefined;
  if ('&' in expression) return protocolOf(expression['&'][0]);
  return 'tcp option' in expression ? 'tcp' : 'sctp chunk' in expression ? 'sctp' : undefined;
};

const impliedWord = (word: Expression): string | undefined =>
  word === 58 ? 'icmpv6' : typeof word === 'string' ? word : undefined;

const isProtocolTest = (statement: Statement): string | undefined => {
  if (!('match' in statement) || statement.match.op !== '==') return undefined;
  const { left, right } = statement.match;
  return typeof left === 'object' && 'meta' in left && left.meta.key === 'l4proto' ? impliedWord(right) : undefined;
};

/** Leaves `meta l4proto X` out where a later test of the same rule is on a field of X: nft adds the same test by itself. */
export const withoutImplied = (rule: NftRule): NftRule => {
  const index = rule.findIndex((statement) => isProtocolTest(statement) !== undefined);
  if (index < 0) return rule;
  const word = isProtocolTest(rule[index] as Statement);
  const implied = rule
    .slice(index + 1)
    .some((statement) => 'match' in statement && protocolOf(statement.match.left) === word);
  return implied ? [...rule.slice(0, index), ...rule.slice(index + 1)] : rule;
};
