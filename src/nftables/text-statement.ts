/** Statements in the text form of nft, nft(8). */
import { isTextHelperName, isTextName } from './names.ts';
import { printExpression, quoteText, type Refuse } from './text-expression.ts';
import type { Expression, Limit, Log, Match, NatParts, Queue, Reject, Statement } from './types.ts';

type TableFamily = 'ip' | 'ip6' | 'inet';

/** What nft compares bit by bit: without an operator `tcp flags syn` means that the bit is among those set. */
const isFlags = (left: Expression): boolean => {
  if (typeof left !== 'object' || Array.isArray(left)) return true;
  if ('payload' in left) return 'field' in left.payload && left.payload.field === 'flags';
  if ('ct' in left) return ['state', 'status', 'event', 'label'].includes(left.ct.key);
  return '&' in left || '|' in left || '^' in left;
};

const printMatch = ({ match: { op, left, right } }: Match, refuse: Refuse): string => {
  const silent = op === 'in' || (op === '==' && !isFlags(left) && !Array.isArray(right));
  const sides = [printExpression(left, undefined, refuse), printExpression(right, left, refuse)];
  return sides.join(silent ? ' ' : ` ${op} `);
};

const printLimit = ({ limit }: Limit): string => {
  const { rate, per, inv, rate_unit: unit = 'packets' } = limit;
  const [usual, usualUnit] = unit === 'packets' ? [5, 'packets'] : [0, 'bytes'];
  const speed = `${rate}${unit === 'packets' ? '' : ` ${unit}`}/${per}`;
  // Always with the burst that nft takes for granted: without one nft 1.1.7 cannot read a comment behind it.
  const burst = `${limit.burst ?? usual} ${limit.burst_unit ?? usualUnit}`;
  return `limit rate ${inv ? 'over ' : ''}${speed} burst ${burst}`;
};

/** Where a port follows, IPv6 addresses stand in square brackets. */
const printNatAddress = (address: Expression, bracketed: boolean, refuse: Refuse): string => {
  const text = printExpression(address, undefined, refuse);
  if (!bracketed) return text;
  if (typeof address === 'string') return address.includes(':') ? `[${text}]` : text;
  if (typeof address !== 'object' || Array.isArray(address) || !('range' in address)) return text;
  return address.range.map((end) => printNatAddress(end, true, refuse)).join('-');
};

/** What stands between family and `to`. The word `prefix` sets NF_NAT_RANGE_NETMAP, which JSON has as a flag. */
const natKind = ({ flags = [], type_flags: kinds = [] }: NatParts, refuse: Refuse): string | undefined => {
  if (flags.includes('netmap')) return 'prefix';
  if (kinds.includes('prefix')) return refuse('a NAT of prefixes without the flag netmap');
  if (kinds.includes('concat')) return 'addr . port';
  return kinds.includes('interval') ? 'interval' : undefined;
};

const printNat = (name: string, parts: NatParts, table: TableFamily, refuse: Refuse): string => {
  const { addr, port, flags = [] } = parts;
  const kind = natKind(parts, refuse);
  const family = parts.family ?? (kind === undefined || table === 'inet' ? undefined : table);
  const words = [name];
  if (addr !== undefined && family !== undefined) words.push(family);
  if (kind !== undefined) words.push(kind);
  if (addr !== undefined || port !== undefined) {
    const address = addr === undefined ? '' : printNatAddress(addr, port !== undefined, refuse);
    words.push('to', port === undefined ? address : `${address}:${printExpression(port, undefined, refuse)}`);
  }
  const said = flags.filter((flag) => flag !== 'netmap');
  if (said.length > 0) words.push(said.join(','));
  return words.join(' ');
};

const printReject = ({ reject }: Reject): string => {
  if (reject === null) return 'reject';
  if (reject.type === 'tcp reset') return 'reject with tcp reset';
  return `reject with ${reject.type}${reject.expr === undefined ? '' : ` type ${reject.expr}`}`;
};

const printLogPrefix = (prefix: string, refuse: Refuse): string => {
  // nft replaces variables in a log prefix, and only there, even inside the quotes.
  if (prefix.includes('$')) return refuse('the log prefix has a dollar sign in it');
  if (prefix === '') return refuse('the log prefix is empty');
  return quoteText(prefix, 'the log prefix', refuse);
};

const printLog = ({ log }: Log, refuse: Refuse): string => {
  const words: (string | number)[] = ['log'];
  if (log?.prefix !== undefined) words.push('prefix', printLogPrefix(log.prefix, refuse));
  if (log?.group !== undefined) words.push('group', log.group);
  if (log?.snaplen !== undefined) words.push('snaplen', log.snaplen);
  if (log?.['queue-threshold'] !== undefined) words.push('queue-threshold', log['queue-threshold']);
  if (log?.level !== undefined) words.push('level', log.level);
  for (const flag of log?.flags ?? []) words.push('flags', flag);
  return words.join(' ');
};

const printQueue = ({ queue }: Queue, refuse: Refuse): string => {
  if (queue === null) return 'queue';
  const { num = 0, flags = [] } = queue;
  const words = flags.length > 0 ? ['queue', 'flags', flags.join(',')] : ['queue'];
  return [...words, 'to', printExpression(num, undefined, refuse)].join(' ');
};

const target = (name: string, refuse: Refuse): string =>
  isTextName(name) ? name : refuse(`the chain name ${JSON.stringify(name)} is no word that nft text takes`);

export const printStatement = (statement: Statement, table: TableFamily, refuse: Refuse): string => {
  if ('match' in statement) return printMatch(statement, refuse);
  if ('limit' in statement) return printLimit(statement);
  if ('quota' in statement) return `quota ${statement.quota.inv ? 'over ' : ''}${statement.quota.val} bytes`;
  if ('accept' in statement) return 'accept';
  if ('drop' in statement) return 'drop';
  if ('return' in statement) return 'return';
  if ('continue' in statement) return 'continue';
  if ('jump' in statement) return `jump ${target(statement.jump.target, refuse)}`;
  if ('goto' in statement) return `goto ${target(statement.goto.target, refuse)}`;
  if ('counter' in statement) {
    const { counter } = statement;
    return counter === null ? 'counter' : `counter packets ${counter.packets} bytes ${counter.bytes}`;
  }
  if ('mangle' in statement) {
    const { key, value } = statement.mangle;
    return `${printExpression(key, undefined, refuse)} set ${printExpression(value, key, refuse)}`;
  }
  if ('snat' in statement) return printNat('snat', statement.snat, table, refuse);
  if ('dnat' in statement) return printNat('dnat', statement.dnat, table, refuse);
  if ('masquerade' in statement) return printNat('masquerade', statement.masquerade ?? {}, table, refuse);
  if ('redirect' in statement) return printNat('redirect', statement.redirect ?? {}, table, refuse);
  if ('reject' in statement) return printReject(statement);
  if ('log' in statement) return printLog(statement, refuse);
  if ('queue' in statement) return printQueue(statement, refuse);
  if ('notrack' in statement) return 'notrack';
  if ('ct helper' in statement) return `ct helper set ${quoteObject(statement['ct helper'], refuse)}`;
  if ('ct timeout' in statement) return `ct timeout set ${quoteObject(statement['ct timeout'], refuse)}`;
  // A new kind of statement does not compile here until it is printed above.
  return statement satisfies never;
};

const quoteObject = (name: string, refuse: Refuse): string =>
  isTextHelperName(name)
    ? `"${name}"`
    : refuse(`the object name ${JSON.stringify(name)} is no word that nft text takes`);
