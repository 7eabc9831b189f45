// A sample of every form of statement that the types of nft JSON can say, in the family and the hook where the kernel
// takes it.
import {
  accept,
  and,
  concat,
  counter,
  ct,
  ctHelper,
  dnat,
  drop,
  field,
  goto,
  jump,
  limit,
  log,
  mangle,
  map,
  masquerade,
  meta,
  notrack,
  numgen,
  or,
  prefix,
  queue,
  quota,
  range,
  raw,
  redirect,
  reject,
  returnVerdict,
  shiftLeft,
  shiftRight,
  rt,
  snat,
  tcpOption,
  xor,
} from '../../src/nftables/build.ts';
import { form, type FormSample, ip, ip6, tcp } from './form.ts';

const verdicts: readonly FormSample[] = [
  ip(accept),
  ip(drop),
  ip(returnVerdict),
  ip({ continue: null }),
  ip(jump('other')),
  ip(goto('other')),
  ip(counter(), drop),
  ip(counter({ packets: 5, bytes: 400 })),
  ...(['second', 'minute', 'hour', 'day', 'week'] as const).map((per) => ip(limit({ rate: 3, per, burst: 5 }))),
  ip(limit({ rate: 3, per: 'second' })),
  ip(limit({ rate: 3, per: 'second', burst: 7, inv: true })),
  ip(limit({ rate: 3, per: 'second', rate_unit: 'packets', burst: 7, burst_unit: 'packets' })),
  ip(limit({ rate: 10, per: 'second', rate_unit: 'kbytes' })),
  ip(limit({ rate: 10, per: 'second', rate_unit: 'kbytes', burst: 7 })),
  ip(limit({ rate: 10, per: 'minute', rate_unit: 'kbytes', burst: 5, burst_unit: 'mbytes', inv: true })),
  ip(limit({ rate: 1024, per: 'second', rate_unit: 'bytes', burst: 6, burst_unit: 'kbytes' })),
  ip(quota(1000)),
  ip(quota(2 ** 30, true)),
];

const mangling: readonly FormSample[] = [
  ip(mangle(meta('mark'), 0x10)),
  ip(mangle(meta('mark'), and(meta('mark'), 0xffffff00))),
  ip(mangle(meta('mark'), or(meta('mark'), 0x1))),
  ip(mangle(meta('mark'), xor(meta('mark'), 0xff))),
  ip(mangle(meta('mark'), xor(and(meta('mark'), 0xffff0000), 0x12))),
  ip(mangle(meta('mark'), or(and(meta('mark'), 0xffff0000), 0x12))),
  ip(mangle(meta('mark'), ct('mark'))),
  ip(mangle(meta('mark'), and(ct('mark'), 0xff))),
  ip(mangle(ct('mark'), meta('mark'))),
  ip(mangle(ct('mark'), xor(and(ct('mark'), 0xffffff00), 0x5))),
  ip(mangle(meta('mark'), shiftLeft(ct('mark'), 8))),
  ip(mangle(ct('mark'), shiftRight(and(meta('mark'), 0xffff00), 10))),
  ip(mangle(ct('mark'), and(shiftRight(meta('mark'), 16), 0xff))),
  ip(mangle(ct('mark'), xor(shiftLeft(shiftRight(meta('mark'), 16), 12), 0xff))),
  ip(mangle(meta('priority'), 0x10001)),
  ip(mangle(meta('priority'), '1:20')),
  ip(mangle(meta('nftrace'), 1)),
  ip(mangle(meta('pkttype'), 'host')),
  form('ip', 'raw')(mangle(ct('zone'), 5)),
  form('ip', 'raw')(mangle(ct('zone', 'original'), 5)),
  ip(mangle(ct('label'), 5)),
  ip(mangle(ct('event'), ['new', 'destroy'])),
  ip(mangle(ct('event'), 'assured')),
  ip(mangle(field('ip', 'dscp'), 46)),
  ip(mangle(field('ip', 'dscp'), 'cs3')),
  ip(mangle(field('ip', 'ecn'), 0)),
  ip(mangle(field('ip', 'ttl'), 64)),
  ip(mangle(field('ip', 'daddr'), '10.0.0.1')),
  ip6(mangle(field('ip6', 'hoplimit'), 64)),
  ip6(mangle(field('ip6', 'dscp'), 46)),
  ip(mangle(field('tcp', 'dport'), 8080)),
  ip(mangle(raw('nh', 8, 8), 16)),
  ip(mangle(raw('nh', 8, 8), or(and(raw('nh', 8, 8), 3), 16))),
  form('ip', 'forward')(mangle(tcpOption('maxseg', 'size'), rt('mtu'))),
  ip(mangle(tcpOption('maxseg', 'size'), 1200)),
  form('ip', 'raw')(notrack),
  ip(tcp, ctHelper('ftp-1')),
  ip(mangle(meta('mark'), numgen('inc', 4))),
];

const dnat4 = form('ip', 'dnat');
const snat4 = form('ip', 'snat');
const nat: readonly FormSample[] = [
  dnat4(dnat({ addr: '10.0.0.1' })),
  dnat4(dnat({ family: 'ip', addr: '10.0.0.1' })),
  dnat4(tcp, dnat({ addr: '10.0.0.1', port: 80 })),
  dnat4(tcp, dnat({ addr: range('10.0.0.1', '10.0.0.9'), port: range(80, 90) })),
  dnat4(tcp, dnat({ port: 80 })),
  dnat4(tcp, dnat({ port: range(80, 90), flags: ['random'] })),
  dnat4(dnat({ addr: range('10.0.0.1', '10.0.0.9'), flags: ['random', 'persistent'] })),
  dnat4(dnat({ addr: prefix('10.1.0.0', 16), flags: ['netmap'] })),
  dnat4(dnat({ addr: prefix('10.1.0.0', 16), flags: ['netmap'], type_flags: ['prefix'] })),
  dnat4(dnat({ addr: prefix('10.1.0.0', 16) })),
  dnat4(
    dnat({
      addr: map(field('ip', 'saddr'), [
        ['10.0.0.1', '10.0.0.2'],
        ['10.0.0.3', '10.0.0.4'],
      ]),
    }),
  ),
  dnat4(
    dnat({
      family: 'ip',
      addr: map(field('tcp', 'dport'), [
        [80, concat(['10.0.0.2', 8080])],
        [81, concat(['10.0.0.3', 8081])],
      ]),
    }),
  ),
  dnat4(
    dnat({
      family: 'ip',
      type_flags: ['concat'],
      addr: map(field('tcp', 'dport'), [
        [80, concat(['10.0.0.2', 8080])],
        [81, concat(['10.0.0.3', 8081])],
      ]),
    }),
  ),
  dnat4(
    dnat({
      type_flags: ['interval'],
      addr: map(field('ip', 'daddr'), [
        ['10.0.0.1', range('10.0.0.2', '10.0.0.5')],
        ['10.0.0.9', range('10.0.1.2', '10.0.1.5')],
      ]),
    }),
  ),
  dnat4(
    dnat({
      flags: ['netmap'],
      type_flags: ['prefix'],
      addr: map(field('ip', 'daddr'), [
        [prefix('10.0.1.0', 24), prefix('10.0.2.0', 24)],
        [prefix('10.1.1.0', 24), prefix('10.1.2.0', 24)],
      ]),
    }),
  ),
  dnat4(
    dnat({
      addr: map(numgen('inc', 2), [
        [0, '10.0.0.2'],
        [1, '10.0.0.4'],
      ]),
    }),
  ),
  dnat4(
    tcp,
    redirect({
      port: map(field('tcp', 'dport'), [
        [80, 8080],
        [81, 8081],
      ]),
    }),
  ),
  snat4(snat({ addr: '10.0.0.1' })),
  snat4(tcp, snat({ port: 53 })),
  snat4(tcp, snat({ addr: '10.0.0.1', port: range(1000, 2000), flags: ['fully-random', 'persistent'] })),
  snat4(snat({ addr: prefix('10.1.0.0', 16), flags: ['netmap'] })),
  snat4(masquerade()),
  snat4(tcp, masquerade({ port: range(1000, 2000), flags: ['random'] })),
  snat4(masquerade({ flags: ['fully-random'] })),
  form('ip', 'redirect')(redirect()),
  form('ip', 'redirect')(tcp, redirect({ port: 80 })),
  form('ip', 'redirect')(tcp, redirect({ port: range(80, 90), flags: ['random', 'persistent'] })),
  form('ip6', 'dnat')(dnat({ addr: 'fd00::1' })),
  form('ip6', 'dnat')(tcp, dnat({ addr: 'fd00::1', port: 80 })),
  form('ip6', 'dnat')(tcp, dnat({ addr: range('fd00::1', 'fd00::9'), port: range(80, 90) })),
  form('ip6', 'dnat')(dnat({ addr: range('fd00::1', 'fd00::9') })),
  form('ip6', 'snat')(snat({ addr: prefix('fd00:1::', 64), flags: ['netmap'] })),
  form('inet', 'dnat')(tcp, dnat({ family: 'ip', addr: '10.0.0.1', port: 80 })),
  form('inet', 'dnat')(tcp, dnat({ family: 'ip6', addr: 'fd00::1', port: 80 })),
  form('inet', 'snat')(masquerade({ flags: ['random'] })),
];

const icmpTypes =
  'net-unreachable host-unreachable prot-unreachable port-unreachable net-prohibited host-prohibited admin-prohibited';
const icmp6Types = 'no-route admin-prohibited addr-unreachable port-unreachable policy-fail reject-route';
const input = form('ip', 'input');

const rejections: readonly FormSample[] = [
  input(reject(null)),
  input(reject({ type: 'tcp reset' })),
  input(tcp, reject({ type: 'tcp reset' })),
  ...icmpTypes.split(' ').map((expr) => input(reject({ type: 'icmp', expr }))),
  ...icmp6Types.split(' ').map((expr) => form('ip6', 'input')(reject({ type: 'icmpv6', expr }))),
  ...['admin-prohibited', 'port-unreachable', 'no-route', 'host-unreachable'].map((expr) =>
    form('inet', 'input')(reject({ type: 'icmpx', expr })),
  ),
  form('inet', 'input')(reject({ type: 'icmp', expr: 'host-unreachable' })),
  form('inet', 'input')(reject({ type: 'icmpv6', expr: 'no-route' })),
];

const logs: readonly FormSample[] = [
  ip(log(null)),
  ip(log({})),
  ...["it's \\ {#} ; é %s", 'a\\', 'x'.repeat(127), ' ', '@'].map((text) => ip(log({ prefix: text }))),
  ...(['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug', 'audit'] as const).map((level) =>
    ip(log({ level })),
  ),
  ip(log({ prefix: 'p: ', level: 'debug', flags: ['tcp sequence', 'ip options'] })),
  ip(log({ flags: ['tcp options'] })),
  ip(log({ flags: ['tcp sequence', 'tcp options', 'ip options', 'skuid', 'ether'] })),
  ip(log({ flags: ['all'] })),
  ip(log({ group: 0 })),
  ip(log({ prefix: 'x', group: 7, snaplen: 100, 'queue-threshold': 5 })),
];

/** What the kernel may lack; nft says then the last word to it. */
export const queues: readonly FormSample[] = [
  ip(queue(null)),
  ip(queue({ num: 5 })),
  ip(queue({ num: range(0, 3) })),
  ip(queue({ num: range(0, 3), flags: ['bypass', 'fanout'] })),
  ip(queue({ num: 1, flags: ['bypass'] })),
  ip(queue({ flags: ['bypass'] })),
];

export const statementForms: readonly FormSample[] = [...verdicts, ...mangling, ...nat, ...rejections, ...logs];
