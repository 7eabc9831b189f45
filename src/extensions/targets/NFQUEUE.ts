import { isBad, type ListingReader, type ValueType } from '../../iptables/grammar.ts';
import { queue, range } from '../../nftables/build.ts';
import { defineTarget, option, statements, type TargetExtension } from '../contract.ts';
import { flag, wholeNumber } from '../value.ts';

interface Queues {
  readonly first: number;
  readonly last: number;
}

const number: ValueType<number> = wholeNumber(0, 65535);

/** The kernel counts one more than the last queue in 16 bits, so 0:65535 is refused. */
const queues: ValueType<Queues> = {
  syntax: 'first:last',
  words: 1,
  parse: (text, family) => {
    const colon = text.indexOf(':');
    if (colon < 0) return { bad: `"${text}" is not a range of queues`, help: 'write first:last' };
    const first = number.parse(text.slice(0, colon) || '0', family);
    if (isBad(first)) return { ...first, length: colon };
    const last = number.parse(text.slice(colon + 1) || '65535', family);
    if (isBad(last)) return { ...last, at: colon + 1 };
    if (last <= first) return { bad: `queue ${first} is not below ${last}`, help: 'write the lower number first' };
    if (first === 0 && last === 65535)
      return { bad: '65536 queues are one too many', code: 'value-out-of-range', help: 'at most 65535 of them' };
    return { first, last };
  },
  print: ({ first, last }) => `${first}:${last}`,
  samples: () => ['0:1', '1:4', '0:65534', ':3'],
};

const options = {
  num: option({
    name: '--queue-num',
    value: number,
    excludes: ['balance'],
    about: 'number of the queue; 0 if none is given',
  }),
  balance: option({ name: '--queue-balance', value: queues, about: 'queues that connections are spread over' }),
  bypass: option({ name: '--queue-bypass', value: flag, about: 'let the packet pass where no program listens' }),
  fanout: option({ name: '--queue-cpu-fanout', value: flag, about: 'choose the queue by CPU' }),
};

const listing: ListingReader = (text) => {
  const found = /^NFQUEUE (?:num (\d+)|balance (\d+:\d+))( bypass)?( cpu-fanout)?(?= |$)/.exec(text);
  if (!found) return undefined;
  const [whole, one, several = '', bypass, fanout] = found;
  return {
    words: [
      ...(one === undefined ? ['--queue-balance', several] : ['--queue-num', one]),
      ...(bypass ? ['--queue-bypass'] : []),
      ...(fanout ? ['--queue-cpu-fanout'] : []),
    ],
    length: whole.length,
  };
};

export const NFQUEUE: TargetExtension = defineTarget({
  name: 'NFQUEUE',
  families: ['ip', 'ip6'],
  about: 'hands the packet to a program, which decides about it',
  kernel: 'net/netfilter/xt_NFQUEUE.c nfqueue_tg_v3',
  support: 'exact',
  notes: ['A packet that the program lets pass goes on behind the whole chain, in iptables and in nftables.'],
  options,
  canonical: (info, _family, column) =>
    info.num || info.balance ? info : { ...info, num: { value: 0, inverted: false, column } },
  check: ({ balance, fanout }) =>
    fanout && !balance
      ? {
          code: 'option-required',
          option: 'fanout',
          what: '--queue-cpu-fanout needs --queue-balance',
          help: 'give the queues to choose from',
        }
      : undefined,
  listing,
  translate: ({ num, balance, bypass, fanout }) => {
    const flags = [...(bypass ? ['bypass'] : []), ...(fanout ? ['fanout'] : [])];
    const queueNumber = balance ? range(balance.value.first, balance.value.last) : (num?.value ?? 0);
    return statements([queue({ num: queueNumber, ...(flags.length > 0 ? { flags } : {}) })], { terminal: true });
  },
  // One queue of several is chosen by nfqueue_hash, or by CPU.
  meaning: ({ num, balance, bypass, fanout }) => {
    const first = balance?.value.first ?? num?.value ?? 0;
    const flags = [...(bypass ? ['bypass'] : []), ...(fanout && balance ? ['fanout'] : [])];
    return [{ kind: 'verdict', verdict: { kind: 'queue', from: first, to: balance?.value.last ?? first, flags } }];
  },
});
