/**
 * Which packet of a set an operator would want to see: new, whole, TCP or UDP, to a port that a rule names, between
 * addresses that a rule names or that are there for examples (RFC 5737, RFC 3849).
 */
import { visitConditions } from './names.ts';
import type { Program } from '../packet/program.ts';
import { parseAddress } from '../netfilter/address.ts';
import { inRanges, isNumber, reaches } from './bits.ts';
import type { Node } from './diagram.ts';
import { isAmong } from './fields.ts';
import { headerLengthBits, levels, protocolBits, run, transportBit, transportLengthBits } from './layout.ts';
import type { Preference } from './assignment.ts';
import type { Space } from './space.ts';

/** Constants that the rules name, most of them ports and addresses. */
export interface Named {
  readonly ports: readonly number[];
  readonly saddrs: readonly bigint[];
  readonly daddrs: readonly bigint[];
  /** Whether rules ask for devices at all. */
  readonly devices: ReadonlySet<string>;
}

const most = 200;

/** What the rules compare ports and addresses with, in their order. */
export const namedIn = (programs: readonly Program[]): Named => {
  const ports = new Set<number>();
  const saddrs = new Set<bigint>();
  const daddrs = new Set<bigint>();
  const devices = new Set<string>();
  const [family] = programs.map((program) => program.family);
  const [saddrAt, daddrAt] = family === 'ip6' ? [64, 192] : [96, 128];
  visitConditions(programs, (condition) => {
    if (condition.kind === 'name') devices.add(condition.key);
    if (condition.kind !== 'test' || condition.field.kind !== 'payload') return;
    const { base, offset, length } = condition.field;
    const lows = condition.ranges.map(({ low }) => low);
    if ((base === 'th' || base === 'xt') && offset === 16 && length === 16)
      for (const low of lows) ports.add(Number(low));
    if (base === 'nh' && length >= 32 && offset === saddrAt) for (const low of lows) saddrs.add(low);
    if (base === 'nh' && length >= 32 && offset === daddrAt) for (const low of lows) daddrs.add(low);
  });
  return {
    ports: [...ports].slice(0, most),
    saddrs: [...saddrs].slice(0, most),
    daddrs: [...daddrs].slice(0, most),
    devices,
  };
};

const transport = (offset: number, length: number): readonly number[] =>
  Array.from({ length }, (_, i) => transportBit(offset + i));

const tcp = 6;
const udp = 17;

export const preferencesOf = (space: Space, named: Named): readonly Preference[] => {
  const { d, family, fields } = space;
  const is = (bits: readonly number[], value: number): Node => isNumber(d, bits, value);
  const isProtocol = (protocol: number): Node => is(protocolBits, protocol);
  const echo = family === 'ip' ? { protocol: 1, type: 8 } : { protocol: 58, type: 128 };
  const state = (value: number): Node => isAmong(d, fields.choices('ct.state'), (one) => one === value);
  const of = (protocol: number, then: Node): Node => d.or(d.not(isProtocol(protocol)), then);
  const none = (level: number): Node => d.not(d.variable(level));
  const length = (bytes: number): Node => is(transportLengthBits, bytes);
  const atLeast = (bytes: number): Node => reaches(d, transportLengthBits, bytes);

  const predicates = space.unknowns().map((_, i) => none(levels.opaque + i));
  const whole: readonly Preference[] =
    family === 'ip'
      ? [is(run(levels.fragmentOffset, 13), 0), is(run(levels.fragmentFlags, 3), 0), is(headerLengthBits, 5)]
      : [
          is(run(levels.fragmentOffset, 13), 0),
          none(levels.extended),
          none(levels.authenticated),
          d.variable(levels.chainParsed),
        ];
  const address = (from: number, texts: readonly string[], names: readonly bigint[]): Preference => {
    const bits = run(from, family === 'ip' ? 32 : 128);
    const values = [
      ...texts.map((text) => parseAddress(text, family) ?? 0n),
      // The address of a network is seldom a host's.
      ...names.map((name) => name + 2n),
      ...names,
    ];
    return values.map((value) => inRanges(d, bits, [{ low: value, high: value }]));
  };
  const [from, to] = family === 'ip' ? ['198.51.100.7', '203.0.113.10'] : ['2001:db8:1::7', '2001:db8:2::10'];
  const device = (key: 'iifname' | 'oifname'): Preference => {
    if (!named.devices.has(key)) return d.yes;
    const codes = fields.names(key);
    // The last one is a device that no rule names: what comes from outside.
    return codes.values.toReversed().map((name) => isAmong(d, codes, (one) => one === name));
  };

  return [
    ...predicates.slice(0, most),
    [state(8), state(2), state(4), state(64), state(1)],
    ...whole,
    d.variable(levels.fragquirk),
    [isProtocol(tcp), isProtocol(udp), isProtocol(echo.protocol)],
    // The shortest that shows it.
    [d.and(isProtocol(tcp), length(20)), ...[8, 12, 16, 20, 24, 28, 32, 40, 64, 128].map(length)],
    [atLeast(20), atLeast(8)],
    // Without options, where none is asked for.
    [5, 6, 7, 8].map((words) => of(tcp, is(transport(96, 4), words))),
    of(tcp, is(transport(104, 8), 0x02)),
    of(echo.protocol, is(transport(0, 16), echo.type * 256)),
    // A datagram of the length of a VXLAN header is one: its flag says that there is a network identifier.
    of(udp, d.or(length(8), is(transport(64, 32), 0x08000000))),
    [...named.ports, 80, 443, 22, 53, 4789].map((port) => is(transport(16, 16), port)),
    is(transport(0, 16), 49152),
    device('iifname'),
    device('oifname'),
    address(levels.saddr, [from], named.saddrs),
    address(levels.daddr, [to], named.daddrs),
  ];
};
