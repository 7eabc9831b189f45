import type { ListingReader, ValueType } from '../../iptables/grammar.ts';
import { log } from '../../nftables/build.ts';
import { defineTarget, option, statements, type TargetExtension } from '../contract.ts';
import { logPrefix } from '../log.ts';
import { flag, parseNumber } from '../value.ts';

/** The names of nft, by the number of the level (syslog(3)). */
const levels = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'] as const;
const warning = 4;

/** The names of iptables, which nft spells differently in part. */
const spelled: Readonly<Record<string, number>> = {
  alert: 1, crit: 2, debug: 7, emerg: 0, error: 3, info: 6, notice: 5, panic: 0, warning,
}; // prettier-ignore

const level: ValueType<number> = {
  syntax: 'level',
  words: 1,
  parse: (text) => {
    const number = parseNumber(text);
    if (number !== undefined && number <= 7n) return Number(number);
    if (Object.hasOwn(spelled, text)) return spelled[text] as number;
    return {
      bad: `"${text}" is not a log level`,
      ...(number === undefined ? {} : { code: 'value-out-of-range' as const }),
      help: `a number from 0 to 7, or one of ${Object.keys(spelled).join(', ')}`,
    };
  },
  print: String,
  samples: () => ['0', '7', '0x3', ...Object.keys(spelled)],
};

const options = {
  prefix: option({
    name: '--log-prefix',
    value: logPrefix(29),
    about: 'text in front of the line, cut at 29 bytes',
  }),
  level: option({
    name: '--log-level',
    value: level,
    about: 'level of syslog, by number or name; 4 (warning) if none is given',
  }),
  sequence: option({ name: '--log-tcp-sequence', value: flag, about: 'write TCP sequence numbers' }),
  tcpOptions: option({ name: '--log-tcp-options', value: flag, about: 'write TCP options' }),
  ipOptions: option({ name: '--log-ip-options', value: flag, about: 'write IP options' }),
  uid: option({ name: '--log-uid', value: flag, about: 'write the user of a locally made packet' }),
  mac: option({ name: '--log-macdecode', value: flag, about: 'write addresses and type of the link layer' }),
};

/** The flags in the order of their bits (XT_LOG_TCPSEQ …): option, word of iptables -L, word of nft. */
const flags = [
  { key: 'sequence', bit: 1, listed: 'tcp-sequence', nft: 'tcp sequence' },
  { key: 'tcpOptions', bit: 2, listed: 'tcp-options', nft: 'tcp options' },
  { key: 'ipOptions', bit: 4, listed: 'ip-options', nft: 'ip options' },
  { key: 'uid', bit: 8, listed: 'uid', nft: 'skuid' },
  { key: 'mac', bit: 32, listed: 'macdecode', nft: 'ether' },
] as const;

/** The prefix stands last, in quotes and without any escape: it goes to the end of the line. */
const withPrefix = (words: readonly string[], text: string, length: number): ReturnType<ListingReader> => {
  const prefix = /^ prefix "(.*)"$/s.exec(text.slice(length));
  if (prefix) return { words: ['--log-prefix', prefix[1] ?? '', ...words], length: text.length };
  return length === text.length ? { words, length } : undefined;
};

/** `LOG flags 47 level 7 prefix "a: "` with -n, else `LOG level debug tcp-sequence uid prefix "a: "`. */
const listing: ListingReader = (text) => {
  const numeric = /^LOG flags (\d+) level ([0-7])/.exec(text);
  if (numeric) {
    const bits = Number(numeric[1]);
    const words = flags.filter(({ bit }) => bits & bit).map(({ key }) => options[key].name);
    return withPrefix(['--log-level', numeric[2] ?? '', ...words], text, numeric[0].length);
  }
  const named = /^LOG level ([a-z]+)((?: (?:tcp-sequence|tcp-options|ip-options|uid|macdecode))*)/.exec(text);
  const number = levels.findIndex((name) => name === named?.[1]);
  if (!named || number < 0) return undefined;
  const listed = new Set(named[2]?.trim().split(' '));
  const words = flags.filter((one) => listed.has(one.listed)).map(({ key }) => options[key].name);
  return withPrefix(['--log-level', String(number), ...words], text, named[0].length);
};

/** XT_LOG_MACDECODE … XT_LOG_TCPSEQ, which are the NF_LOG bits, by the names of effects and sorted by them. */
const loggedParts = [
  ['mac', 'ether'],
  ['ipOptions', 'ip options'],
  ['uid', 'skuid'],
  ['tcpOptions', 'tcp options'],
  ['sequence', 'tcp sequence'],
] as const;

export const LOG: TargetExtension = defineTarget({
  name: 'LOG',
  families: ['ip', 'ip6'],
  about: 'writes a line about the packet to the kernel log and lets it go on',
  kernel: 'net/netfilter/xt_LOG.c log_tg',
  support: 'exact',
  options,
  canonical: (info) => {
    const { level: given, ...rest } = info;
    return given && given.value !== warning ? info : rest;
  },
  listing,
  translate: (info) => {
    const words = flags.filter(({ key }) => info[key]).map(({ nft }) => nft);
    const name = levels[info.level?.value ?? warning];
    const parts = {
      ...(info.prefix ? { prefix: info.prefix.value } : {}),
      ...(name === undefined || name === 'warn' ? {} : { level: name }),
      ...(words.length > 0 ? { flags: words } : {}),
    };
    return statements([log(Object.keys(parts).length > 0 ? parts : null)]);
  },
  meaning: (info) => [
    {
      kind: 'effect',
      effect: {
        kind: 'log',
        prefix: info.prefix?.value ?? '',
        level: info.level?.value ?? warning,
        flags: loggedParts.filter(([key]) => info[key]).map(([, name]) => name),
      },
    },
  ],
});
