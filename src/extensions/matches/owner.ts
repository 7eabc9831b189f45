import { type Bad, isBad, type ValueType } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import { match, meta, range } from '../../nftables/build.ts';
import { all, always, type Formula, never, not, test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, refused, translated } from '../contract.ts';
import { flag, parseNumber } from '../value.ts';
import {
  all as allOf,
  any,
  type Condition,
  interval,
  invertIf,
  opaque,
  present,
  unmodelled,
  within,
  yes,
} from '../../packet/condition.ts';
import { key as keyOf } from '../../packet/field.ts';

interface Ids {
  readonly low: number;
  readonly high: number;
}

/** UINT32_MAX means “no id”. */
const highest = 0xfffffffe;

const parseId = (text: string): number | Bad => {
  const number = parseNumber(text);
  if (number === undefined)
    return {
      bad: `"${text}" is not a numeric id`,
      help: 'write the number: a name means another id on another host (see id -u, getent group)',
    };
  return number > BigInt(highest)
    ? { bad: `id ${text} does not exist`, code: 'value-out-of-range', help: `ids go from 0 to ${highest}` }
    : Number(number);
};

/** `1000`, `1000-1999`, `1000:1999`. */
const ids: ValueType<Ids> = {
  syntax: 'id[-id]',
  words: 1,
  parse: (text) => {
    const at = text.search(/(?<=[\da-f])[-:](?=\d)/i);
    if (at < 0) {
      const id = parseId(text);
      return isBad(id) ? id : { low: id, high: id };
    }
    const low = parseId(text.slice(0, at));
    const high = parseId(text.slice(at + 1));
    if (isBad(low)) return { ...low, length: at };
    if (isBad(high)) return { ...high, at: at + 1 };
    if (low > high) return { bad: `${text} ends before it starts`, help: 'the kernel refuses such a range' };
    return { low, high };
  },
  print: ({ low, high }) => (low === high ? String(low) : `${low}-${high}`),
  samples: () => ['0', '1000', '1000-1999', '5-5', '0-4294967294', '4294967294', '0x10', '1:5'],
};

/**
 * Both sides read the credentials of the socket's file. Without a socket or a file the load fails: a plain test does
 * not match then, an inverted one does (xt_owner.c: nothing asked for that is not inverted), hence the `not`.
 */
const idTest = (key: 'skuid' | 'skgid', given: Given<Ids> | undefined): Formula => {
  if (!given) return always;
  const { low, high } = given.value;
  const is = test(match(meta(key), '==', low === high ? low : range(low, high)));
  return given.inverted ? not(is) : is;
};

/** A socket of this network namespace. Credentials say that there is one; a socket without a file has none. */
const hasSocket: Condition = any([
  present(keyOf('skuid')),
  present(keyOf('skgid')),
  opaque({ id: 'owner socket', stateful: false }),
]);

/** The id of the one who opened the socket's file. Where there is no file, what is inverted holds, and nothing else. */
const idCondition = (key: 'skuid' | 'skgid', given: Given<Ids> | undefined, alsoGroups: boolean): Condition => {
  if (!given) return yes;
  const id = within(keyOf(key), [interval(given.value.low, given.value.high)]);
  const others = allOf([present(keyOf(key)), unmodelled('the supplementary groups of the sender')]);
  return invertIf(given.inverted, alsoGroups ? any([id, others]) : id);
};

export const owner: MatchExtension = defineMatch({
  name: 'owner',
  families: ['ip', 'ip6'],
  about: 'who sent the packet from this host',
  kernel: 'net/netfilter/xt_owner.c owner_mt',
  support: 'partial',
  notes: [
    'An inverted --uid-owner or --gid-owner matches packets without a socket: forwarded ones in POSTROUTING, and those that the kernel itself sends.',
    '--socket-exists is translated only beside --uid-owner or --gid-owner that is not inverted; alone, nft has nothing for it.',
    '--suppl-groups is refused: nft sees only the group that the socket was made with.',
    'Users and groups have to be numbers.',
  ],
  hooks: ['output', 'postrouting'],
  options: {
    socket: option({
      name: '--socket-exists',
      value: flag,
      invertible: true,
      about: 'the packet has a socket on this host',
    }),
    uid: option({ name: '--uid-owner', value: ids, invertible: true, about: 'user who opened the socket' }),
    gid: option({ name: '--gid-owner', value: ids, invertible: true, about: 'group of that user' }),
    groups: option({ name: '--suppl-groups', value: flag, about: 'also the supplementary groups' }),
  },
  atLeastOne: ['socket', 'uid', 'gid'],
  check: ({ groups, gid }) =>
    groups && !gid
      ? {
          code: 'option-required',
          option: 'groups',
          what: '--suppl-groups needs --gid-owner',
          help: 'give --gid-owner, too',
        }
      : undefined,
  listing: (text) => {
    const words: string[] = [];
    let length = 0;
    for (;;) {
      const blank = length > 0 ? ' ' : '';
      const form = `^${blank}(! )?owner (?:(socket exists)|(UID|GID) match (\\S+)( incl\\. suppl\\. groups)?)(?= |$)`;
      const found = new RegExp(form).exec(text.slice(length));
      if (!found) return length > 0 ? { words, length } : undefined;
      const [whole, inverted, socket, kind, id = '', groups] = found;
      if (inverted) words.push('!');
      if (socket) words.push('--socket-exists');
      else words.push(kind === 'UID' ? '--uid-owner' : '--gid-owner', id);
      if (groups) words.push('--suppl-groups');
      length += whole.length;
    }
  },
  translate: ({ socket, uid, gid, groups }) => {
    if (groups)
      return refused({
        code: 'not-expressible',
        option: 'groups',
        what: '--suppl-groups has no nft form',
        why: 'meta skgid is the group of the credentials alone; nftables cannot search the list of supplementary groups',
        help: 'name the group by --gid-owner alone, or the users by --uid-owner',
      });
    const named = (uid && !uid.inverted) || (gid && !gid.inverted);
    if (socket && !named)
      return refused({
        code: 'not-expressible',
        option: 'socket',
        what: '--socket-exists has no nft form',
        why: 'meta skuid and meta skgid fail to load also for a socket without a file, and nothing else in nftables tells whether there is a socket',
      });
    // A named owner implies a socket.
    if (socket?.inverted) return translated(never);
    return translated(all([idTest('skuid', uid), idTest('skgid', gid)]));
  },
  meaning: ({ socket, uid, gid, groups }) => ({
    condition: allOf([
      socket ? invertIf(socket.inverted, hasSocket) : yes,
      idCondition('skuid', uid, false),
      // Without a socket --suppl-groups is one more thing asked for that is not inverted.
      groups && gid ? allOf([hasSocket, idCondition('skgid', gid, true)]) : idCondition('skgid', gid, false),
    ]),
  }),
});
