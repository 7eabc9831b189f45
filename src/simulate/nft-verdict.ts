/** Statements that decide about a packet, and those that tell somebody of it. */
import { expressionText } from '../nftables/describe.ts';
import type { Family } from '../netfilter/family.ts';
import { count, isList, type Json, listOf, property, single, textOf } from '../nftables/json.ts';
import { all, interval, is, no, not, present, within, yes } from '../packet/condition.ts';
import type { Effect } from '../packet/effect.ts';
import { key, payload } from '../packet/field.ts';
import type { Step } from '../packet/program.ts';
import type { NftContext } from './nft-context.ts';
import { icmpCode, icmpv6Code, readConstant } from './nft-datatype.ts';
import { icmpCodes, icmpv6Codes, icmpxCodes, logLevels, wordIn, type Words } from './nft-words.ts';

const unmodelled = (what: string): readonly Step[] => [{ kind: 'unmodelled', what }];

/** A verdict as a statement, or as what a verdict map gives; undefined if it is none. */
export const verdictSteps = (value: Json): readonly Step[] | undefined => {
  const found = single(value);
  if (!found) return undefined;
  const [name, inner] = found;
  switch (name) {
    case 'accept':
    case 'drop':
    case 'return':
      return [{ kind: 'verdict', verdict: { kind: name } }];
    // The rule goes on, also behind a verdict map that says so (NFT_CONTINUE, nf_tables_core.c).
    case 'continue':
      return [];
    case 'jump':
    case 'goto': {
      const chain = textOf(inner, 'target');
      return chain === undefined ? undefined : [{ kind: 'verdict', verdict: { kind: name, chain } }];
    }
    default:
      return undefined;
  }
};

const wordFor = (words: Words, code: number): string =>
  Object.keys(words).find((word) => words[word] === code) ?? String(code);

/** What an abstract reason becomes in a family: nf_reject icmp_code_v4 and icmp_code_v6. */
const concrete: Readonly<Record<Family, readonly string[]>> = {
  ip: ['icmp net-unreachable', 'icmp port-unreachable', 'icmp host-unreachable', 'icmp admin-prohibited'],
  ip6: ['icmpv6 no-route', 'icmpv6 port-unreachable', 'icmpv6 addr-unreachable', 'icmpv6 admin-prohibited'],
};

const reject = (word: string): Step => ({ kind: 'verdict', verdict: { kind: 'reject', with: word } });

/** Reset and reasons of one family stand behind a test that nft adds. */
export const rejectSteps = (value: Json, context: NftContext): readonly Step[] => {
  const { family } = context;
  const [type, expression] = [textOf(value, 'type'), property(value, 'expr')];
  if (type === undefined) return [reject(family === 'ip' ? 'icmp port-unreachable' : 'icmpv6 port-unreachable')];
  if (type === 'tcp reset') return [{ kind: 'test', condition: is(key('l4proto'), 6) }, reject('tcp reset')];
  if (type === 'icmpx') {
    const code =
      expression === undefined
        ? 0
        : typeof expression === 'string'
          ? wordIn(icmpxCodes, expression)
          : count(expression);
    const word = code === undefined ? undefined : concrete[family][code];
    return word === undefined ? unmodelled(`reject with icmpx ${expressionText(expression)}`) : [reject(word)];
  }
  if (type !== 'icmp' && type !== 'icmpv6') return unmodelled(`reject with ${type}`);
  const code = expression === undefined ? 0n : readConstant(expression, type === 'icmp' ? icmpCode : icmpv6Code);
  if (code === undefined) return unmodelled(`reject with ${type} ${expressionText(expression)}`);
  const word = wordFor(type === 'icmp' ? icmpCodes : icmpv6Codes, Number(code));
  return [{ kind: 'test', condition: (type === 'icmp') === (family === 'ip') ? yes : no }, reject(`${type} ${word}`)];
};

const logFlags = ['tcp sequence', 'tcp options', 'ip options', 'skuid', 'ether'];

/** The kernel log takes level warn unless told; a threshold of 0 is that of whoever listens to the group. */
export const logSteps = (value: Json): readonly Step[] => {
  const group = count(property(value, 'group'));
  const prefix = textOf(value, 'prefix') ?? '';
  const level = textOf(value, 'level') ?? 'warn';
  const given = listOf(property(value, 'flags')).filter((flag) => typeof flag === 'string');
  const flags = (given.includes('all') ? logFlags : given).toSorted();
  if (flags.some((flag) => !logFlags.includes(flag))) return unmodelled(`log flags ${flags.join(',')}`);
  // The audit log is another one (LOGLEVEL_AUDIT, nft_log.c).
  if (group === undefined && level === 'audit')
    return [{ kind: 'effect', effect: { kind: 'other', text: 'log audit' } }];
  const number = wordIn(logLevels, level);
  if (group === undefined && number === undefined) return unmodelled(`log level ${level}`);
  const [snaplen, threshold] = [count(property(value, 'snaplen')), count(property(value, 'queue-threshold'))];
  const effect: Effect = {
    kind: 'log',
    prefix,
    flags,
    ...(group === undefined ? { level: number ?? 4 } : { group }),
    ...(snaplen === undefined ? {} : { snaplen }),
    ...(threshold ? { threshold } : {}),
  };
  return [{ kind: 'effect', effect }];
};

export const queueSteps = (value: Json): readonly Step[] => {
  const number = property(value, 'num') ?? 0;
  const range = property(number, 'range');
  const [from, to] = isList(range) ? range.map(count) : [count(number), count(number)];
  if (from === undefined || to === undefined) return unmodelled(`queue to ${expressionText(number)}`);
  const flags = listOf(property(value, 'flags'))
    .filter((flag) => typeof flag === 'string')
    .toSorted();
  return [{ kind: 'verdict', verdict: { kind: 'queue', from, to, flags } }];
};

/** nft_synproxy.c: SYN and ACK of TCP are answered or dropped there, other segments go on, other protocols break the rule. */
export const synproxySteps = (text: string): readonly Step[] => {
  const flags = payload('th', 104, 8);
  const answered = within(flags, [interval(1, 255)], 0x12n);
  return [
    { kind: 'test', condition: all([is(key('l4proto'), 6), is(key('fragoff'), 0), present(payload('th', 0, 160))]) },
    {
      kind: 'choose',
      arms: [
        { condition: answered, steps: [{ kind: 'verdict', verdict: { kind: 'taken', by: text } }] },
        { condition: not(answered), steps: [] },
      ],
    },
  ];
};
