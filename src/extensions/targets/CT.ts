import type { ListingReader, ValueType } from '../../iptables/grammar.ts';
import { ct, mangle, notrack, unequal } from '../../nftables/build.ts';
import { test } from '../../nftables/formula.ts';
import { defineTarget, type InfoOf, option, refused, statements, type TargetExtension } from '../contract.ts';
import { flag, parseNumber } from '../value.ts';
import type { Selector } from '../../iptables/types.ts';
import { protocolName } from '../../netfilter/protocols.ts';
import { is, not } from '../../packet/condition.ts';
import { ctStates, key as keyOf } from '../../packet/field.ts';
import type { Step } from '../../packet/program.ts';

const zone: ValueType<number | 'mark'> = {
  syntax: '{number|mark}',
  words: 1,
  parse: (text) => {
    if (text === 'mark') return 'mark';
    const number = parseNumber(text);
    if (number !== undefined && number <= 0xffffn) return Number(number);
    return {
      bad: `"${text}" is not a zone`,
      ...(number === undefined ? {} : { code: 'value-out-of-range' as const }),
      help: 'give a number from 0 to 65535, or the word mark',
    };
  },
  print: String,
  samples: () => ['1', '0', '65535', '0x10', 'mark'],
};

/** The name of a helper or policy; iptables-save writes it without quotes, so that no other one could be read back. */
const objectName = (max: number): ValueType<string> => ({
  syntax: 'name',
  words: 1,
  parse: (text) => {
    if (!/^[\w.-]+$/.test(text)) return { bad: `"${text}" is not a name`, help: 'letters, digits, dots and dashes' };
    if (text.length <= max) return text;
    return { bad: `"${text}" is too long`, code: 'value-out-of-range', help: `at most ${max} characters` };
  },
  print: (name) => name,
  samples: () => ['ftp', 'netbios-ns', 'Q.931'],
});

/** Comma list of events, kept in the order of their bits. */
const events = (words: readonly string[]): ValueType<readonly string[]> => ({
  syntax: 'event[,event]…',
  words: 1,
  parse: (text) => {
    const given = text.split(',');
    if (text === '') return { bad: 'no event is given', help: `some of ${words.join(', ')}` };
    const unknown = given.findIndex((word) => !words.includes(word));
    if (unknown < 0) return words.filter((word) => given.includes(word));
    return {
      bad: `"${given[unknown]}" is not an event`,
      at: given.slice(0, unknown).join(',').length + (unknown > 0 ? 1 : 0),
      length: Math.max(1, given[unknown]?.length ?? 1),
      help: `some of ${words.join(', ')}, with commas between them`,
    };
  },
  print: (value) => value.join(','),
  samples: () => [words.join(','), words[0] ?? ''],
});

const conntrackEvents = 'new related destroy reply assured protoinfo helper mark natseqinfo secmark'.split(' ');

const options = {
  notrack: option({ name: '--notrack', value: flag, about: 'do not track the packet' }),
  helper: option({
    name: '--helper',
    value: objectName(15),
    about: 'connection tracking helper of the new connection',
  }),
  timeout: option({ name: '--timeout', value: objectName(31), about: 'timeout policy made with nfct(8)' }),
  ctevents: option({
    name: '--ctevents',
    value: events(conntrackEvents),
    about: 'events of the connection that listeners are told of',
  }),
  expevents: option({
    name: '--expevents',
    value: events(['new']),
    about: 'events of its expectations that listeners are told of',
  }),
  zoneOrig: option({
    name: '--zone-orig',
    value: zone,
    excludes: ['zoneReply', 'zone'],
    about: 'zone of the original direction only',
  }),
  zoneReply: option({
    name: '--zone-reply',
    value: zone,
    excludes: ['zone'],
    about: 'zone of the reply direction only',
  }),
  zone: option({ name: '--zone', value: zone, about: 'zone of the connection' }),
};

/** `CT notrack helper ftp zone 5`: the options as saved, without their dashes; `-j NOTRACK` is listed as CT with that word. */
const listing: ListingReader = (text) => {
  if (/^NOTRACK *$/.test(text)) return { words: ['--notrack'], length: text.length };
  if (!/^CT(?= |$)/.test(text)) return undefined;
  const words: string[] = [];
  const part = / (?:(notrack)|(helper|timeout|ctevents|expevents|zone-orig|zone-reply|zone) (\S+))(?= |$)/y;
  let length = 2;
  part.lastIndex = length;
  for (let found = part.exec(text); found; found = part.exec(text)) {
    if (found[1] === undefined) words.push(`--${found[2]}`, found[3] ?? '');
    else words.push('--notrack');
    length = part.lastIndex;
  }
  return { words, length };
};

/** Where nftables would have to act: behind the lookup at priority -200, while the rule stands at -300. */
const tooEarly = (key: 'helper' | 'ctevents' | 'expevents', what: string, help: string): ReturnType<typeof refused> =>
  refused({
    code: 'not-expressible',
    option: key,
    what,
    why: 'iptables attaches it before the packet is looked up; nftables can only set it on the connection that the lookup gave, and in a chain at the priority of raw such a statement does nothing',
    help,
  });

/** Bits by position: enum ip_conntrack_events and ip_conntrack_expect_events. */
const eventBits = (words: readonly string[], given: readonly string[]): number =>
  given.reduce((bits, word) => bits | (1 << words.indexOf(word)), 0);

/** What the template carries to the new connection. It always names a zone, zone 0 if nothing is said. */
const templateSteps = (info: InfoOf<typeof options>, { protocol }: Selector): readonly Step[] => {
  const { helper, timeout, ctevents, expevents } = info;
  const zoned = info.zone ?? info.zoneOrig ?? info.zoneReply;
  const direction = info.zoneOrig ? 'original' : info.zoneReply ? 'reply' : 'both';
  // XT_CT_ZONE_MARK: nf_ct_zone_tmpl reads the mark when the packet is looked up, not here.
  const number = zoned?.value === 'mark' ? 'of-the-mark-at-lookup' : zoned?.value;
  const texts = [
    ...(ctevents ? [`ct event ${eventBits(conntrackEvents, ctevents.value)}`] : []),
    ...(expevents ? [`ct expectation event ${eventBits(['new'], expevents.value)}`] : []),
    ...(helper ? [`ct helper ${helper.value}/${protocolName(protocol?.number ?? 0)}`] : []),
    ...(timeout ? [`ct timeout policy ${timeout.value}`] : []),
  ];
  if (number || texts.length === 0) texts.unshift(`ct zone ${number ?? 0} ${number ? direction : 'both'}`);
  return texts.map((text) => ({ kind: 'effect', effect: { kind: 'other', text } }));
};

export const CT: TargetExtension = defineTarget({
  name: 'CT',
  families: ['ip', 'ip6'],
  about: 'says how a packet that is not tracked yet is to be tracked',
  kernel: 'net/netfilter/xt_CT.c xt_ct_target',
  support: 'partial',
  notes: [
    'Whatever the first such rule attaches to a packet stays; nftables would put a zone on a packet that was excepted from tracking, hence the test for it in front.',
    'Helpers and events need a chain behind connection tracking in nftables, where no rule of table raw is.',
    'Not tracking wins over everything else that is given with it.',
  ],
  tables: ['raw'],
  options,
  canonical: (info) => {
    const zoned = (['zone', 'zoneOrig', 'zoneReply'] as const).find((key) => info[key]?.value === 0);
    if (!zoned) return info;
    const { [zoned]: _none, ...rest } = info;
    return rest;
  },
  check: ({ helper, timeout, notrack: off }, _family, { protocol }) => {
    const named = helper ? 'helper' : timeout ? 'timeout' : undefined;
    if (off || named === undefined || (protocol && !protocol.inverted)) return undefined;
    return {
      code: 'needs-protocol',
      option: named,
      what: `--${named} needs the protocol that it is for`,
      help: 'put a -p in front of it, not inverted',
    };
  },
  listing,
  translate: (info) => {
    if (info.notrack) return statements([notrack]);
    if (info.helper)
      return tooEarly(
        'helper',
        `the helper ${info.helper.value} for new connections`,
        'declare a ct helper object and use it in a chain at a priority above -200, with the same conditions',
      );
    if (info.timeout)
      return refused({
        code: 'external-state',
        option: 'timeout',
        what: `the timeout policy ${info.timeout.value}`,
        why: 'its values are kept by nfct(8), outside of the ruleset',
        help: 'declare a ct timeout object with its values and use it in a chain at a priority above -200',
      });
    if (info.ctevents)
      return tooEarly('ctevents', 'a choice of events', 'use ct event set in a chain at a priority above -200');
    if (info.expevents)
      return refused({
        code: 'not-expressible',
        option: 'expevents',
        what: 'a choice of events of expectations',
        why: 'nftables has an expression for the events of connections only',
        help: 'leave it out if every event may be sent',
      });
    const dir = info.zoneOrig ? 'original' : info.zoneReply ? 'reply' : undefined;
    const value = (info.zone ?? info.zoneOrig ?? info.zoneReply)?.value ?? 0;
    if (value === 'mark')
      return refused({
        code: 'not-expressible',
        option: dir === 'original' ? 'zoneOrig' : dir === 'reply' ? 'zoneReply' : 'zone',
        what: 'the zone of the mark that the packet has when it is looked up',
        why: 'nftables reads the mark when it comes to the rule, and nft 1.0.6 takes no mark for a zone',
        help: 'write one rule for each mark',
      });
    return statements([mangle(ct('zone', dir), value)], { formula: test(unequal(ct('state'), 'untracked')) });
  },
  // A template that is attached before, or an entry, stays: xt_ct_target looks at skb->_nfct, where also "untracked" is kept.
  meaning: (info, { selector }) => {
    if (info.notrack) return [{ kind: 'effect', effect: { kind: 'notrack' } }];
    const untracked = is(keyOf('ct.state'), ctStates.untracked);
    return [
      {
        kind: 'choose',
        arms: [
          { condition: untracked, steps: [] },
          { condition: not(untracked), steps: templateSteps(info, selector) },
        ],
      },
    ];
  },
});
