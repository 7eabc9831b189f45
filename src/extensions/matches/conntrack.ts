import type { ListingReader } from '../../iptables/grammar.ts';
import { ct, equal, match, protocol } from '../../nftables/build.ts';
import { all, always, any, type Formula, never, not, test } from '../../nftables/formula.ts';
import { bits, stateIn, type State, stateTest, tracked, withEntry, withoutEntry } from '../conntrack.ts';
import {
  defineMatch,
  type InfoOf,
  type MatchExtension,
  option,
  refused,
  type RuleContext,
  translated,
} from '../contract.ts';
import { expiryTest, expiryWraps, secondsRange } from '../ctexpire.ts';
import { type KnownProtocol, type TuplePort, tuplePortTest } from '../ctports.ts';
import {
  directionValue,
  isTranslation,
  protocolValue,
  stateWords,
  statuses,
  statusList,
  translations,
} from '../ctvalues.ts';
import { hostMask, hostMaskTest } from '../hostmask.ts';
import { portRange } from '../ports.ts';
import { wordList } from '../wordlist.ts';
import { conntrackMeaning } from '../ctmeaning.ts';

const address = (name: string, about: string) => option({ name, value: hostMask, invertible: true, about });
const port = (name: string, about: string) => option({ name, value: portRange, invertible: true, about });

const options = {
  ctstate: option({
    name: '--ctstate',
    value: wordList(stateWords, 'state'),
    invertible: true,
    about: 'state of the connection, or whether it is translated',
  }),
  ctproto: option({ name: '--ctproto', value: protocolValue, invertible: true, about: 'protocol of the connection' }),
  ctorigsrc: address('--ctorigsrc', 'source of the first packet'),
  ctorigdst: address('--ctorigdst', 'destination of the first packet'),
  ctreplsrc: address('--ctreplsrc', 'source of the expected answer'),
  ctrepldst: address('--ctrepldst', 'destination of the expected answer'),
  ctorigsrcport: port('--ctorigsrcport', 'source port of the first packet'),
  ctorigdstport: port('--ctorigdstport', 'destination port of the first packet'),
  ctreplsrcport: port('--ctreplsrcport', 'source port of the expected answer'),
  ctrepldstport: port('--ctrepldstport', 'destination port of the expected answer'),
  ctstatus: option({
    name: '--ctstatus',
    value: statusList,
    invertible: true,
    about: 'what has happened to the connection',
  }),
  ctexpire: option({
    name: '--ctexpire',
    value: secondsRange,
    invertible: true,
    about: 'seconds until the entry expires',
  }),
  ctdir: option({ name: '--ctdir', value: directionValue, about: 'direction of the packet within the connection' }),
};
type Info = InfoOf<typeof options>;

const ports: readonly (TuplePort & {
  readonly name: 'ctorigsrcport' | 'ctorigdstport' | 'ctreplsrcport' | 'ctrepldstport';
})[] = [
  { name: 'ctorigsrcport', key: 'proto-src', direction: 'original' },
  { name: 'ctorigdstport', key: 'proto-dst', direction: 'original' },
  { name: 'ctreplsrcport', key: 'proto-src', direction: 'reply' },
  { name: 'ctrepldstport', key: 'proto-dst', direction: 'reply' },
];

const addresses = [
  { name: 'ctorigsrc', side: 'saddr', direction: 'original' },
  { name: 'ctorigdst', side: 'daddr', direction: 'original' },
  { name: 'ctreplsrc', side: 'saddr', direction: 'reply' },
  { name: 'ctrepldst', side: 'daddr', direction: 'reply' },
] as const;

/**
 * What all options but `--ctstate` ask of the entry; `always` if nothing but that there is one, undefined if nft cannot
 * say it. Their `ct` keys fail to load without an entry, so `!=` is right here.
 */
const entryTest = (info: Info, { family, selector }: RuleContext): Formula | undefined => {
  const { ctproto, ctstatus, ctexpire, ctdir } = info;
  const known: KnownProtocol = {
    ...(selector.protocol && !selector.protocol.inverted ? { packet: selector.protocol.number } : {}),
    ...(ctproto && !ctproto.inverted ? { connection: ctproto.value } : {}),
  };
  const parts: Formula[] = [];
  if (ctproto) parts.push(test(match(ct('protocol'), ctproto.inverted ? '!=' : '==', protocol(ctproto.value))));
  for (const { name, side, direction } of addresses) {
    const given = info[name];
    if (given) parts.push(hostMaskTest(ct(`${family} ${side}`, direction), given, family));
  }
  for (const { name, ...tuple } of ports) {
    const given = info[name];
    if (given) parts.push(tuplePortTest(tuple, given, known, family));
  }
  if (ctstatus) {
    const { value, inverted } = ctstatus;
    if (value.length === 0) parts.push(inverted ? always : never);
    else parts.push(test(match(ct('status'), inverted ? '!' : 'in', bits(value.map((word) => statuses[word])))));
  }
  if (ctexpire) {
    const expiry = expiryTest(ctexpire);
    if (!expiry) return undefined;
    parts.push(expiry);
  }
  if (ctdir) parts.push(test(equal(ct('direction'), ctdir.value)));
  return all(parts);
};

/**
 * What `--ctstate` asks: of a packet without an entry (by its state alone), of one with an entry, and of any packet.
 * `SNAT` and `DNAT` join the states of a packet with an entry.
 */
const splitStates = (
  given: NonNullable<Info['ctstate']>,
): { readonly without: Formula; readonly within: Formula; readonly whole: Formula } => {
  const { value, inverted } = given;
  const named = value.filter((word) => !isTranslation(word));
  const rewritten = value.filter(isTranslation).map((word) => translations[word]);
  const among = (group: readonly State[]): readonly State[] =>
    group.filter((state) => named.includes(state) !== inverted);
  const inside = among(withEntry);
  const plain = inside.length === withEntry.length ? always : stateIn(inside);
  const without = stateIn(among(withoutEntry));
  if (rewritten.length === 0) return { without, within: plain, whole: stateTest(named, inverted) };
  const is = test(match(ct('status'), 'in', bits(rewritten)));
  if (!inverted) return { without, within: any([plain, is]), whole: any([stateIn(named), is]) };
  const isNot = test(match(ct('status'), '!', bits(rewritten)));
  const whole = named.length === withEntry.length + withoutEntry.length ? never : not(any([stateIn(named), is]));
  return { without, within: all([plain, isNot]), whole };
};

const anywhere = '“anywhere” stands for the address 0.0.0.0 or :: under any mask and was read as the mask of length 0';

/** `ctstate NEW ! ctorigdst 10.0.0.0/8 ctdir ORIGINAL`, each option after its own `!`. */
const listing: ListingReader = (text, { family }) => {
  const found: string[] = [];
  const lost: string[] = [];
  let length = 0;
  for (;;) {
    const part = /^( ?)(! )?(ct[a-z]+) (\S+)(?= |$)/.exec(text.slice(length));
    const [whole = '', , inverted, name = '', value = ''] = part ?? [];
    if (!part || !Object.hasOwn(options, name) || length > 0 !== (part[1] === ' ')) break;
    if (value === 'anywhere') lost.push(anywhere);
    if (inverted) found.push('!');
    found.push(`--${name}`, value === 'anywhere' ? (family === 'ip' ? '0.0.0.0/0' : '::/0') : value);
    length += whole.length;
  }
  return length === 0 ? undefined : { words: found, length, ...(lost.length > 0 ? { lost } : {}) };
};

export const conntrack: MatchExtension = defineMatch({
  name: 'conntrack',
  families: ['ip', 'ip6'],
  about: 'what connection tracking knows about the packet',
  kernel: 'net/netfilter/xt_conntrack.c conntrack_mt',
  support: 'exact',
  notes: [
    'A packet without a conntrack entry (invalid, untracked) is decided by --ctstate alone; without --ctstate it is not matched, inverted or not.',
    'SNAT and DNAT are no states but status bits and join the list with “or”: NEW,DNAT is a new connection or a translated one.',
    '--ctstatus NONE matches nothing and ! --ctstatus NONE every packet with an entry: that is what xt_conntrack.c does with an empty mask.',
    'iptables-save prints an address whose mask has holes without its mask, so that it cannot be read back.',
    'nft 1.0.6 wants to know the protocol before a port of the connection: without -p or --ctproto one rule for each protocol with ports is written.',
  ],
  options,
  atLeastOne: Object.keys(options),
  listing,
  translate: (info, context) => {
    const entry = entryTest(info, context);
    if (!entry)
      return refused({
        code: 'not-expressible',
        option: 'ctexpire',
        what: 'a connection that lives longer than nft can count',
        why: 'ct expiration is compared in milliseconds of 32 bits, which end after 4294967 seconds',
      });
    const extra = info.ctexpire ? { differences: [expiryWraps] } : {};
    if (!info.ctstate) return translated(entry.kind === 'always' ? tracked : entry, extra);
    const { without, within, whole } = splitStates(info.ctstate);
    return translated(entry.kind === 'always' ? whole : any([without, all([within, entry])]), extra);
  },
  meaning: (info, { family }) => conntrackMeaning(info, family),
});
