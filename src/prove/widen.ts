/** From one packet to all that are like it: how far each field may go while both sides keep doing what they do. */
import type { Assignment } from './assignment.ts';
import { numberAt } from './assignment.ts';
import { udp } from '../netfilter/protocols.ts';
import { inRanges } from './bits.ts';
import type { Literal, Node } from './diagram.ts';
import { isAmong } from './fields.ts';
import { levels, protocolBits, run, transportBit, transportLengthBits } from './layout.ts';
import type { NameTests } from './names.ts';
import type { Space } from './space.ts';

/** `fragment`: where the data of a fragment starts, in units of 8 bytes. `length`: bytes from the transport header on. */
export type NumberField = 'sport' | 'dport' | 'vni' | 'protocol' | 'fragment' | 'length';

/** What a field may be. Without a part for a field, it may be anything. */
export type ClassPart =
  | { readonly field: 'saddr' | 'daddr'; readonly address: bigint; readonly length: number }
  | { readonly field: NumberField; readonly low: number; readonly high: number }
  /** `other`: every name but these. A name that ends in `*` stands for all with that beginning that no rule names. */
  | { readonly field: 'iifname' | 'oifname'; readonly names: readonly string[]; readonly other: boolean }
  /** An IPv6 authentication header, behind which only ip6_tables looks. */
  | { readonly field: 'authenticated' }
  | { readonly field: 'ct.state'; readonly states: readonly number[] };

const transport = (offset: number, length = 16): readonly number[] =>
  Array.from({ length }, (_, i) => transportBit(offset + i));

/**
 * Fields one after the other, in an order in which people read them. `packets` is widened greedily: what an earlier
 * field has gained holds for all values that the later ones gain. What cannot be a packet may be part of it, so that
 * nothing is said about fields that have no choice.
 */
export const widen = (
  space: Space,
  packets: Node,
  care: Node,
  tests: NameTests,
  assignment: Assignment,
): readonly ClassPart[] => {
  const { d, family, fields } = space;
  const addressLength = family === 'ip' ? 32 : 128;
  const parts: ClassPart[] = [];
  let left = d.or(packets, d.not(care));

  /** The packets of `left` that have every other field as the packet has it. */
  const onlyBy = (bits: readonly number[]): Node => {
    const free = new Set(bits);
    const literals = new Map<number, Literal>();
    for (const [level, value] of assignment) if (!free.has(level)) literals.set(level, { value });
    return d.substitute(left, literals);
  };
  /** Keeps what holds for all values of the field that lie in `values`. */
  const keep = (bits: readonly number[], values: Node): void => {
    const own = new Set(bits);
    left = d.not(d.exists(d.and(values, d.not(left)), (level) => own.has(level)));
    // The field's own value no longer matters; the packet's other fields still do.
  };
  const holdsFor = (allowed: Node, values: Node): boolean => d.and(values, d.not(allowed)) === d.no;

  const widenAddress = (field: 'saddr' | 'daddr'): void => {
    const bits = run(levels[field], addressLength);
    const address = numberAt(assignment, bits) ?? 0n;
    const allowed = onlyBy(bits);
    const block = (length: number): Node => {
      const size = 1n << BigInt(addressLength - length);
      const low = (address / size) * size;
      return inRanges(d, bits, [{ low, high: low + size - 1n }]);
    };
    let length = 0;
    while (length < addressLength && !holdsFor(allowed, block(length))) length++;
    keep(bits, block(length));
    if (length > 0) parts.push({ field, address, length });
  };

  const widenNumber = (field: NumberField, bits: readonly number[]): void => {
    const value = Number(numberAt(assignment, bits) ?? 0n);
    const last = 2 ** bits.length - 1;
    const allowed = onlyBy(bits);
    const among = (low: number, high: number): Node => inRanges(d, bits, [{ low: BigInt(low), high: BigInt(high) }]);
    /** The furthest end towards `limit`, by halving the distance. */
    const furthest = (limit: number, holds: (end: number) => boolean): number => {
      let [near, far] = [value, limit];
      if (holds(far)) return far;
      while (Math.abs(far - near) > 1) {
        const middle = Math.trunc((near + far) / 2);
        if (holds(middle)) near = middle;
        else far = middle;
      }
      return near;
    };
    const low = furthest(0, (end) => holdsFor(allowed, among(end, value)));
    const high = furthest(last, (end) => holdsFor(allowed, among(value, end)));
    keep(bits, among(low, high));
    if (low > 0 || high < last) parts.push({ field, low, high });
  };

  const widenNames = (field: 'iifname' | 'oifname'): void => {
    const codes = fields.names(field);
    const allowed = onlyBy(codes.bits);
    const names = codes.values.filter((name) =>
      holdsFor(
        allowed,
        isAmong(d, codes, (one) => one === name),
      ),
    );
    keep(
      codes.bits,
      isAmong(d, codes, (name) => names.includes(name)),
    );
    const possible = (name: string): boolean =>
      d.and(
        care,
        isAmong(d, codes, (one) => one === name),
      ) !== d.no;
    if (names.length === codes.values.length) return;
    const strangers = tests.get(field)?.strangers ?? new Map<string, string>();
    const spoken = (list: readonly string[]): readonly string[] =>
      list.filter(possible).map((name) => (strangers.has(name) ? `${strangers.get(name)}*` : name));
    const other = names.some((name) => strangers.get(name) === '');
    parts.push({
      field,
      other,
      names: spoken(other ? codes.values.filter((name) => !names.includes(name)) : names),
    });
  };

  const widenState = (): void => {
    const codes = fields.choices('ct.state');
    const allowed = onlyBy(codes.bits);
    const states = codes.values.filter((state) =>
      holdsFor(
        allowed,
        isAmong(d, codes, (one) => one === state),
      ),
    );
    keep(
      codes.bits,
      isAmong(d, codes, (state) => states.includes(state)),
    );
    if (states.length < codes.values.length) parts.push({ field: 'ct.state', states });
  };

  if (family === 'ip6' && assignment.get(levels.authenticated) === 1) parts.push({ field: 'authenticated' });
  widenAddress('saddr');
  widenAddress('daddr');
  widenNumber('sport', transport(0));
  widenNumber('dport', transport(16));
  // The network identifier of VXLAN (RFC 7348 section 5); elsewhere no rule asks for these bits.
  const protocol = Number(numberAt(assignment, protocolBits) ?? 0n);
  if (protocol === udp) widenNumber('vni', transport(96, 24));
  widenNames('iifname');
  widenNames('oifname');
  widenState();
  widenNumber('length', transportLengthBits);
  // Ports are those of one protocol.
  if (parts.some(({ field }) => field === 'sport' || field === 'dport' || field === 'vni'))
    parts.push({ field: 'protocol', low: protocol, high: protocol });
  else widenNumber('protocol', protocolBits);
  widenNumber('fragment', run(levels.fragmentOffset, 13));
  return parts;
};
