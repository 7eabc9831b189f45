/** The words for keys of field.ts: what nft calls them, in the context (`meta`, `ct`, `fib daddr`…) in which it does. */
import { day, hour, time } from './clockvalues.ts';
import { type KeyInfo, keyInfo } from './field.ts';
import {
  type ValueType,
  address,
  ctState,
  ctStatus,
  direction,
  existence,
  flag,
  hex,
  nfproto,
  number,
  pkttype,
  protocol,
  routeType,
} from './values.ts';

/** A key under a word. `text`: its value is a name. */
export interface KeyWord {
  readonly key: string;
  readonly value: ValueType | 'text';
  /** The key for an address of the other IP family. */
  readonly six?: { readonly key: string; readonly value: ValueType };
}

export type KeyWords = ReadonlyMap<string, KeyWord>;

const byInfo = (info: KeyInfo): ValueType | 'text' => (info.kind === 'name' ? 'text' : number(info.bits));

const row = (word: string, key: string = word, value?: ValueType): [string, KeyWord] => {
  const info = keyInfo(key);
  if (!info) throw new Error(`there is no key ${key}`);
  return [word, { key, value: value ?? byInfo(info) }];
};

/** A device by its name or by its number. */
const meta: KeyWords = new Map([
  row('iifname'),
  row('oifname'),
  row('iif'),
  row('oif'),
  ...['iiftype', 'oiftype', 'iifgroup', 'oifgroup', 'iifkind', 'oifkind', 'skuid', 'skgid'].map((name) => row(name)),
  ...['cgroup', 'cpu', 'rtclassid', 'secmark', 'nftrace'].map((name) => row(name)),
  row('mark', 'mark', hex(32)),
  row('priority', 'priority', hex(32)),
  row('pkttype', 'pkttype', pkttype),
  row('secpath', 'secpath', flag),
  row('ipsec', 'secpath', flag),
  row('time', 'time', time),
  row('hour', 'hour', hour),
  row('day', 'day', day),
]);

/** Without a context everything of `meta` can be said, and what nft has no word for. */
const bare: KeyWords = new Map([...meta, row('in', 'iifname'), row('out', 'oifname'), row('fragquirk')]);

const ct: KeyWords = new Map([
  row('state', 'ct.state', ctState),
  row('status', 'ct.status', ctStatus),
  row('mark', 'ct.mark', hex(32)),
  row('direction', 'ct.direction', direction),
  row('l3proto', 'ct.l3proto', nfproto),
  row('protocol', 'ct.protocol', protocol),
  ...['expiration', 'zone', 'helper', 'label', 'id'].map((name) => row(name, `ct.${name}`)),
  ...['bytes', 'packets', 'avgpkt'].map((name) => row(name, `ct.both.${name}`)),
]);

const addressWord = (word: string, key: string): [string, KeyWord] => [
  word,
  { key: `${key}4`, value: address('ip'), six: { key: `${key}6`, value: address('ip6') } },
];

const tuple = (which: string): KeyWords =>
  new Map([
    addressWord('saddr', `ct.${which}.saddr`),
    addressWord('daddr', `ct.${which}.daddr`),
    row('proto-src', `ct.${which}.sport`),
    row('proto-dst', `ct.${which}.dport`),
    row('sport', `ct.${which}.sport`),
    row('dport', `ct.${which}.dport`),
    ...['bytes', 'packets', 'avgpkt'].map((name) => row(name, `ct.${which}.${name}`)),
  ]);

/** The flags in the order in which nft lists them. */
const fibFlags = ['mark', 'iif', 'oif'];

const fib = (from: string, said: readonly string[]): KeyWords => {
  const given = fibFlags.filter((name) => said.includes(name));
  const base = ['fib', from, ...given].join('.');
  return new Map([row('type', `${base}.type`, routeType), row('oif', `${base}.exists`, existence)]);
};

const ipsec = (way: string, at: string): KeyWords => {
  const base = `ipsec.${way}.${at}`;
  return new Map([
    row('reqid', `${base}.reqid`),
    row('spi', `${base}.spi`, hex(32)),
    addressWord('saddr', `${base}.saddr`),
    addressWord('daddr', `${base}.daddr`),
    row('proto', `${base}.proto`, protocol),
    row('mode', `${base}.mode`),
  ]);
};

const rt: KeyWords = new Map([row('ipsec', 'rtipsec', flag), row('classid', 'rtclassid')]);
const socket: KeyWords = new Map(
  ['transparent', 'mark', 'wildcard', 'exists'].map((name) => row(name, `socket.${name}`)),
);

const fixed: ReadonlyMap<string, KeyWords> = new Map([
  ['', bare],
  ['meta', meta],
  ['ct', ct],
  ['ct original', tuple('original')],
  ['ct reply', tuple('reply')],
  ['rt', rt],
  ['socket', socket],
]);

const ipsecContext = /^ipsec (in|out)(?: spnum (\d))?(?: ip6?)?$/;
const fibContext = /^fib ([sd]addr)((?: ?\. ?(?:mark|iif|oif))*)$/;

const find = (context: string): KeyWords | undefined => {
  const found = fixed.get(context) ?? fixed.get(context.replace(/^(ct (?:original|reply)) ip6?$/, '$1'));
  if (found) return found;
  const policy = ipsecContext.exec(context);
  if (policy) return ipsec(policy[1] ?? 'in', policy[2] ?? '0');
  const lookup = fibContext.exec(context);
  return lookup ? fib(lookup[1] ?? 'daddr', (lookup[2] ?? '').split(/[ .]+/)) : undefined;
};

const seen = new Map<string, KeyWords | undefined>();

/** What can be said in a context, or undefined if it is none. '' is no context at all. */
export const keyWords = (context: string): KeyWords | undefined => {
  if (!seen.has(context) && context.length < 64) seen.set(context, find(context));
  return seen.get(context);
};

/** The beginnings of contexts: words after which another has to come. */
export const isUnfinished = (context: string): boolean =>
  /^(?:fib|ipsec|fib [sd]addr(?: ?\. ?(?:mark|iif|oif))* ?\.|ipsec (?:in|out) spnum)$/.test(context);

/** First words of contexts, for suggestions. */
export const keyContexts: readonly string[] = ['meta', 'ct', 'fib', 'ipsec', 'rt', 'socket'];

/** Contexts in which a key may stand under a word, the first one preferred. */
const contextsOf = (key: string): readonly string[] => {
  const [first = '', second = '', third = ''] = key.split('.');
  if (first === 'ct') return second === 'original' || second === 'reply' ? [`ct ${second}`] : ['ct'];
  if (first === 'fib')
    return [
      [
        'fib',
        second,
        ...key
          .split('.')
          .slice(2, -1)
          .flatMap((name) => ['.', name]),
      ].join(' '),
    ];
  if (first === 'ipsec') return [third === '0' ? `ipsec ${second}` : `ipsec ${second} spnum ${third}`];
  return first === 'socket' ? ['socket'] : ['', 'rt'];
};

export interface Worded {
  readonly context: string;
  readonly word: string;
  readonly value: ValueType | 'text';
}

const preferred: Readonly<Record<string, string>> = { iifname: 'in', oifname: 'out' };

/** How to write a key: a context and a word in it. Keys without a word of their own are written by their names. */
export const wordOf = (key: string): Worded => {
  for (const context of contextsOf(key)) {
    const words = keyWords(context) ?? [];
    for (const [word, found] of words) {
      if (found.key === key) return { context, word: preferred[key] ?? word, value: found.value };
      if (found.six?.key === key) return { context, word, value: found.six.value };
    }
  }
  const info = keyInfo(key);
  return { context: '', word: key, value: info ? byInfo(info) : number(128) };
};
