// What iptables -L prints for matches, as iptables 1.8.9 wrote it, and the options that are read from it.
import { describe, expect, it } from 'vitest';
import { addrtype } from '../../src/extensions/matches/addrtype.ts';
import { comment } from '../../src/extensions/matches/comment.ts';
import { connmark } from '../../src/extensions/matches/connmark.ts';
import { conntrack } from '../../src/extensions/matches/conntrack.ts';
import { iprange } from '../../src/extensions/matches/iprange.ts';
import { ipvs } from '../../src/extensions/matches/ipvs.ts';
import { limit } from '../../src/extensions/matches/limit.ts';
import { mac } from '../../src/extensions/matches/mac.ts';
import { mark } from '../../src/extensions/matches/mark.ts';
import { owner } from '../../src/extensions/matches/owner.ts';
import { physdev } from '../../src/extensions/matches/physdev.ts';
import { pkttype } from '../../src/extensions/matches/pkttype.ts';
import { rpfilter } from '../../src/extensions/matches/rpfilter.ts';
import { set } from '../../src/extensions/matches/set.ts';
import { state } from '../../src/extensions/matches/state.ts';
import { statistic } from '../../src/extensions/matches/statistic.ts';

const context = { family: 'ip', numeric: true } as const;

describe('a listing of', () => {
  it.each([
    [mark, 'mark match 0x1', '--mark 0x1'],
    [mark, 'mark match ! 0x0/0x0', '! --mark 0x0/0x0'],
    [connmark, 'connmark match  0x1/0xff', '--mark 0x1/0xff'],
    [connmark, 'connmark match ! 0x1', '! --mark 0x1'],
    [state, '! state INVALID,NEW', '! --state INVALID,NEW'],
    [conntrack, 'ctstate NEW,DNAT', '--ctstate NEW,DNAT'],
    [
      conntrack,
      '! ctstate NEW ctproto 6 ! ctorigsrc 10.0.0.0/8 ctorigdstport 80:90 ctstatus SEEN_REPLY ctexpire 10:20 ctdir REPLY',
      '! --ctstate NEW --ctproto 6 ! --ctorigsrc 10.0.0.0/8 --ctorigdstport 80:90 --ctstatus SEEN_REPLY --ctexpire 10:20 --ctdir REPLY',
    ],
    [
      addrtype,
      'ADDRTYPE match src-type !UNICAST,LOCAL dst-type !BROADCAST',
      '! --src-type UNICAST,LOCAL ! --dst-type BROADCAST',
    ],
    [addrtype, 'ADDRTYPE match dst-type LOCAL limit-in', '--dst-type LOCAL --limit-iface-in'],
    [limit, 'limit: avg 3/hour burst 5', '--limit 3/hour --limit-burst 5'],
    [mac, 'MAC ! aa:bb:cc:dd:ee:ff', '! --mac-source aa:bb:cc:dd:ee:ff'],
    [
      owner,
      '! owner socket exists ! owner UID match 1-5 owner GID match 2',
      '! --socket-exists ! --uid-owner 1-5 --gid-owner 2',
    ],
    [owner, 'owner GID match 5 incl. suppl. groups', '--gid-owner 5 --suppl-groups'],
    [
      iprange,
      'source IP range ! 10.0.0.1-10.0.0.9 destination IP range 10.1.0.1-10.1.0.2',
      '! --src-range 10.0.0.1-10.0.0.9 --dst-range 10.1.0.1-10.1.0.2',
    ],
    [pkttype, 'PKTTYPE != broadcast', '! --pkt-type broadcast'],
    [statistic, 'statistic mode random ! probability 0.50000000000', '--mode random ! --probability 0.50000000000'],
    [statistic, 'statistic mode nth every 3', '--mode nth --every 3 --packet 0'],
    [statistic, 'statistic mode nth ! every 3 packet 2', '--mode nth ! --every 3 --packet 2'],
    [physdev, 'PHYSDEV match ! --physdev-in eth+ --physdev-is-bridged', '! --physdev-in eth+ --physdev-is-bridged'],
    [rpfilter, 'rpfilter', ''],
    [rpfilter, 'rpfilter loose validmark accept-local invert', '--loose --validmark --accept-local --invert'],
    [
      set,
      '! match-set foo src,dst return-nomatch ! update-counters ! packets-eq 3',
      '! --match-set foo src,dst --return-nomatch ! --update-counters ! --packets-eq 3',
    ],
    [
      ipvs,
      'vproto 6 ! vaddr 10.0.0.0/8 vdir REPLY vmethod GATE',
      '--vproto 6 ! --vaddr 10.0.0.0/8 --vdir REPLY --vmethod GATE',
    ],
    [ipvs, '! ipvs', '! --ipvs'],
  ] as const)('$0.name: %#', (extension, text, options) => {
    const expected = { words: options === '' ? [] : options.split(' '), length: text.length };
    expect(extension.listing?.(text, context)).toEqual(expected);
    expect(extension.listing?.(`${text} LOG flags 0 level 4`, context)).toEqual(expected);
    expect(extension.listing?.(`x${text}`, context)).toBeUndefined();
  });

  it('a comment ends at the first */, and says so if there is another', () => {
    expect(comment.listing?.('/* two words */ ctstate NEW', context)).toEqual({
      words: ['--comment', 'two words'],
      length: 15,
    });
    expect(comment.listing?.('/*  */', context)).toEqual({ words: ['--comment', ''], length: 6 });
    expect(comment.listing?.('/* a */ /* b */', context)).toMatchObject({
      words: ['--comment', 'a'],
      lost: [expect.anything()],
    });
  });

  it('an address that conntrack calls anywhere loses its mask', () => {
    expect(conntrack.listing?.('ctorigsrc anywhere', context)).toMatchObject({
      words: ['--ctorigsrc', '0.0.0.0/0'],
      lost: [expect.anything()],
    });
  });
});
