/** What the tests of one nft rule say about the packet's protocol, as nft itself concludes it. */
import { protocol, range, set, unequal } from '../nftables/build.ts';
import type { Expression, Statement } from '../nftables/types.ts';
import { protocolOf } from './implied.ts';
import type { NftRule } from './layout.ts';

/** Protocols with a header description in nft, whose fields it reads only behind a test for the protocol. */
const described: ReadonlySet<Expression> = new Set([1, 6, 17, 33, 50, 51, 58, 108, 132, 136].map(protocol));

const numberFields: ReadonlySet<string> = new Set(['ip protocol', 'ip6 nexthdr']);

const word = (value: Expression): Expression =>
  value === 'icmpv6' ? 58 : typeof value === 'number' ? protocol(value) : value;

/** The protocol of the header whose field the test reads: nft puts a test for it in front. */
const fieldOf = (statement: Statement): Expression | undefined => {
  if (!('match' in statement) || statement.match.right === false) return undefined;
  const field = protocolOf(statement.match.left);
  return field !== undefined && described.has(word(field)) ? word(field) : undefined;
};

/** The protocol that a comparison by number asks for. A next header that is described is the last one as well. */
const comparedTo = (statement: Statement): Expression | undefined => {
  if (!('match' in statement) || statement.match.op !== '==') return undefined;
  const { left, right } = statement.match;
  if (typeof left !== 'object') return undefined;
  const isProtocol =
    'meta' in left
      ? left.meta.key === 'l4proto'
      : 'payload' in left &&
        'field' in left.payload &&
        numberFields.has(`${left.payload.protocol} ${left.payload.field}`);
  return isProtocol && described.has(word(right)) ? word(right) : undefined;
};

/** False if the tests ask for two protocols: no packet meets them, and nft refuses such a rule. */
export const isPossible = (rule: NftRule): boolean => {
  let needed: Expression | undefined;
  for (const statement of rule) {
    const one = fieldOf(statement) ?? comparedTo(statement);
    if (one === undefined || one === needed) continue;
    if (needed !== undefined) return false;
    needed = one;
  }
  return true;
};

const lastProtocol = 255;

/**
 * nft takes the connection's protocol for the packet's. An ICMP error belongs to a TCP connection: where the rule asks
 * about the packet's own header, `ct protocol` is written so that nft concludes nothing from it.
 */
export const withConnectionApart = (rule: NftRule): NftRule => {
  const isTold = (statement: Statement): boolean =>
    'match' in statement &&
    statement.match.op === '==' &&
    typeof statement.match.left === 'object' &&
    'ct' in statement.match.left &&
    statement.match.left.ct.key === 'protocol';
  if (!rule.some(isTold) || !rule.some((statement) => fieldOf(statement) !== undefined)) return rule;
  return rule.map((statement) => {
    if (!isTold(statement) || !('match' in statement)) return statement;
    const { left, right } = statement.match;
    const number = typeof right === 'number' ? right : numbers.get(right);
    if (number === undefined) return statement;
    const others = [
      ...(number > 0 ? [range(0, number - 1)] : []),
      ...(number < lastProtocol ? [range(number + 1, lastProtocol)] : []),
    ];
    return unequal(left, others.length === 1 ? (others[0] as Expression) : set(others));
  });
};

const numbers: ReadonlyMap<Expression, number> = new Map(
  Array.from({ length: lastProtocol + 1 }, (_, number) => [protocol(number), number]),
);
