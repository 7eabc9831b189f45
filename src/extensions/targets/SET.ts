import type { ListingReader } from '../../iptables/grammar.ts';
import { defineTarget, option, refused, type TargetExtension } from '../contract.ts';
import { type SetLookup, setLookup } from '../setlookup.ts';
import { flag, wholeNumber } from '../value.ts';
import type { Step } from '../../packet/program.ts';

const options = {
  add: option({ name: '--add-set', value: setLookup, about: 'add the packet to the set' }),
  exist: option({ name: '--exist', value: flag, about: 'start the timeout of a member afresh' }),
  timeout: option({
    name: '--timeout',
    value: wholeNumber(0, 0xfffffffe),
    about: 'seconds after which the member goes',
  }),
  del: option({ name: '--del-set', value: setLookup, about: 'take the packet out of the set' }),
  map: option({ name: '--map-set', value: setLookup, about: 'take what the set says for the packet' }),
  mapMark: option({ name: '--map-mark', value: flag, about: 'take the mark' }),
  mapPrio: option({ name: '--map-prio', value: flag, about: 'take the class' }),
  mapQueue: option({ name: '--map-queue', value: flag, about: 'take the transmit queue' }),
};

const part =
  / ?(?:(exist|map-mark|map-prio|map-queue)|(timeout) (\d+)|((?:add|del|map)-set) (\S+) ((?:src|dst)(?:,(?:src|dst))*))(?= |$)/y;

/** The options as they are saved, without their dashes. */
const listing: ListingReader = (text) => {
  if (!/^(?:add|del|map)-set /.test(text)) return undefined;
  const words: string[] = [];
  let length = 0;
  part.lastIndex = 0;
  for (let found = part.exec(text); found; found = part.exec(text)) {
    const [, bare, timeout, seconds = '', verb, name = '', flags = ''] = found;
    if (verb !== undefined) words.push(`--${verb}`, name, flags);
    else if (timeout === undefined) words.push(`--${bare}`);
    else words.push('--timeout', seconds);
    length = part.lastIndex;
  }
  return { words, length };
};

/** IPSET_MAX_TIMEOUT: milliseconds have to fit in 31 bits. */
const longestTimeout = 2_147_483;

const lookupWords = ({ name, flags: dimensions }: SetLookup): string => `@${name} ${dimensions.join(',')}`;

export const SET: TargetExtension = defineTarget({
  name: 'SET',
  families: ['ip', 'ip6'],
  about: 'adds the packet to an ipset, takes it out of one, or takes mark, class or queue from one',
  kernel: 'net/netfilter/xt_set.c set_target_v3',
  support: 'refused',
  notes: ['The members of an ipset are kept outside of the ruleset; nftables cannot change one.'],
  options,
  atLeastOne: ['add', 'del', 'map'],
  check: ({ add, exist, timeout, map, mapMark, mapPrio, mapQueue }) => {
    const what = mapMark ? 'mapMark' : mapPrio ? 'mapPrio' : mapQueue ? 'mapQueue' : undefined;
    const lone = add ? undefined : exist ? 'exist' : timeout ? 'timeout' : undefined;
    if (lone) return { code: 'option-required', option: lone, what: `${options[lone].name} needs --add-set` };
    if (what && !map) return { code: 'option-required', option: what, what: `${options[what].name} needs --map-set` };
    if (map && !what)
      return {
        code: 'option-required',
        option: 'map',
        what: '--map-set does not say what to take',
        help: 'add --map-mark, --map-prio or --map-queue',
      };
    return undefined;
  },
  listing,
  translate: ({ add, del, map }) => {
    const key = add ? 'add' : del ? 'del' : 'map';
    const name = (add ?? del ?? map)?.value.name ?? '';
    return refused({
      code: 'external-state',
      option: key,
      length: name.length,
      what: `the rule ${key === 'map' ? 'asks' : 'changes'} the ipset ${name}, which is not part of the ruleset`,
      why: 'ipset keeps the members in tables of its own, which nftables cannot look into or change',
      help: `make an nft set, fill it with "add @${name}" statements, and change every rule that asks the ipset together with this one`,
    });
  },
  meaning: ({ add, exist, timeout, del, map }) => {
    const seconds = timeout ? [`timeout=${Math.min(timeout.value, longestTimeout)}`] : [];
    const texts = [
      ...(add ? [['add', lookupWords(add.value), ...(exist ? ['exist'] : []), ...seconds]] : []),
      ...(del ? [['del', lookupWords(del.value)]] : []),
    ].map((words) => words.join(' '));
    return [
      ...texts.map((text): Step => ({ kind: 'effect', effect: { kind: 'other', text, assumption: 'same-set' } })),
      ...(map ? [{ kind: 'unmodelled', what: `what the ipset ${map.value.name} says for the packet` } as const] : []),
    ];
  },
});
