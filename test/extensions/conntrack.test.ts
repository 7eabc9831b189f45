// The conntrack match against xt_conntrack.c, written down once more as a predicate over abstract packets.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleContext } from '../../src/extensions/contract.ts';
import { conntrack } from '../../src/extensions/matches/conntrack.ts';
import type { Given, Info } from '../../src/iptables/types.ts';
import type { Formula } from '../../src/nftables/formula.ts';
import type { Expression, Match } from '../../src/nftables/types.ts';

interface Entry {
  readonly status: readonly string[];
  readonly direction: 'original' | 'reply';
  readonly protocol: number;
  readonly port: number;
  readonly seconds: number;
}

interface Packet {
  readonly state: string;
  /** The packet's own protocol: that of its connection, or ICMP for an error that belongs to it. */
  readonly l4proto: number;
  readonly entry?: Entry;
}

const numbers: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  dccp: 33,
  esp: 50,
  sctp: 132,
  udplite: 136,
};

/** Undefined if the load fails. */
const valueOf = (packet: Packet, left: Expression): number | string | readonly string[] | undefined => {
  if (typeof left !== 'object') throw new Error('not a load');
  if ('meta' in left && left.meta.key === 'l4proto') return packet.l4proto;
  if (!('ct' in left)) throw new Error(`${JSON.stringify(left)} is not modelled`);
  const { key } = left.ct;
  if (key === 'state') return [packet.state];
  const { entry } = packet;
  if (!entry) return undefined;
  switch (key) {
    case 'status':
      return entry.status;
    case 'direction':
      return entry.direction;
    case 'protocol':
      return entry.protocol;
    case 'expiration':
      return entry.seconds;
    case 'proto-dst':
      return entry.port;
    default:
      throw new Error(`ct ${key} is not modelled`);
  }
};

const numberOf = (value: Expression): number | string => {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return numbers[value] ?? value;
  throw new Error(`${JSON.stringify(value)} is not modelled`);
};

const equals = (value: number | string, right: Expression): boolean => {
  if (typeof right === 'object' && 'range' in right)
    return Number(value) >= Number(right.range[0]) && Number(value) <= Number(right.range[1]);
  return value === numberOf(right);
};

/** A test whose load fails is neither true nor false; in a rule that is the same as false. */
const holds = (packet: Packet, { match: { left, op, right } }: Match): boolean => {
  const value = valueOf(packet, left);
  if (value === undefined) return false;
  if (op === 'in' || op === '!') {
    const wanted = typeof right === 'string' ? [right] : right;
    if (!Array.isArray(value) || !Array.isArray(wanted)) throw new Error('bits are lists');
    return value.some((bit) => wanted.includes(bit)) === (op === 'in');
  }
  if (typeof value !== 'number' && typeof value !== 'string') throw new Error(`${op} of bits is not modelled`);
  if (op === '==' || op === '!=') return equals(value, right) === (op === '==');
  if (op === '<') return Number(value) < Number(right);
  if (op === '>=') return Number(value) >= Number(right);
  throw new Error(`${op} is not modelled`);
};

const evaluate = (packet: Packet, formula: Formula): boolean => {
  if (formula.kind === 'test') return holds(packet, formula.statement);
  if (formula.kind === 'all') return formula.of.every((part) => evaluate(packet, part));
  if (formula.kind === 'any') return formula.of.some((part) => evaluate(packet, part));
  if (formula.kind === 'not') return !evaluate(packet, formula.of);
  expect(formula.kind).not.toBe('stateful');
  return formula.kind === 'always';
};

interface Asked {
  readonly ctstate?: { readonly words: readonly string[]; readonly inverted: boolean };
  readonly ctproto?: { readonly number: number; readonly inverted: boolean };
  readonly ctstatus?: { readonly words: readonly string[]; readonly inverted: boolean };
  readonly ctorigdstport?: { readonly low: number; readonly high: number; readonly inverted: boolean };
  readonly ctexpire?: { readonly low: number; readonly high: number; readonly inverted: boolean };
  readonly ctdir?: 'ORIGINAL' | 'REPLY';
}

/** conntrack_mt in the order of the kernel. */
const kernel = (packet: Packet, asked: Asked): boolean => {
  const { entry } = packet;
  if (asked.ctstate) {
    const bits = [packet.state.toUpperCase()];
    for (const bit of ['snat', 'dnat']) if (entry?.status.includes(bit)) bits.push(bit.toUpperCase());
    if (bits.some((bit) => asked.ctstate?.words.includes(bit)) === asked.ctstate.inverted) return false;
  }
  if (!entry) return asked.ctstate !== undefined;
  if (asked.ctdir && asked.ctdir.toLowerCase() !== entry.direction) return false;
  if (asked.ctproto && (entry.protocol === asked.ctproto.number) === asked.ctproto.inverted) return false;
  if (asked.ctorigdstport) {
    const { low, high, inverted } = asked.ctorigdstport;
    if ((entry.port >= low && entry.port <= high) === inverted) return false;
  }
  if (asked.ctstatus) {
    const wanted = new Set(asked.ctstatus.words.map((word) => word.toLowerCase().replace('_', '-')));
    if (entry.status.some((bit) => wanted.has(bit)) === asked.ctstatus.inverted) return false;
  }
  if (asked.ctexpire) {
    const { low, high, inverted } = asked.ctexpire;
    if ((entry.seconds >= low && entry.seconds <= high) === inverted) return false;
  }
  return true;
};

const given = (key: string, text: string, inverted: boolean): Given<unknown> => {
  const value = conntrack.options[key]?.value.parse(text, 'ip');
  return { value, inverted, column: 1 };
};

const infoOf = (asked: Asked): Info => ({
  ...(asked.ctstate ? { ctstate: given('ctstate', asked.ctstate.words.join(','), asked.ctstate.inverted) } : {}),
  ...(asked.ctproto ? { ctproto: given('ctproto', String(asked.ctproto.number), asked.ctproto.inverted) } : {}),
  ...(asked.ctstatus ? { ctstatus: given('ctstatus', asked.ctstatus.words.join(','), asked.ctstatus.inverted) } : {}),
  ...(asked.ctorigdstport
    ? {
        ctorigdstport: given(
          'ctorigdstport',
          `${asked.ctorigdstport.low}:${asked.ctorigdstport.high}`,
          asked.ctorigdstport.inverted,
        ),
      }
    : {}),
  ...(asked.ctexpire
    ? { ctexpire: given('ctexpire', `${asked.ctexpire.low}:${asked.ctexpire.high}`, asked.ctexpire.inverted) }
    : {}),
  ...(asked.ctdir ? { ctdir: given('ctdir', asked.ctdir, false) } : {}),
});

const context = (protocol: number | undefined): RuleContext => ({
  family: 'ip',
  table: 'filter',
  nftTable: 't',
  chain: 'FORWARD',
  hooks: new Set(['forward']),
  backend: 'nft',
  exactLegacy: false,
  selector: protocol === undefined ? {} : { protocol: { number: protocol, inverted: false } },
  fragmentsVisible: true,
  readsTransport: false,
  destinationPorts: undefined,
});

const translateAsked = (asked: Asked, protocol?: number): Formula => {
  const result = conntrack.translate({ name: 'conntrack', info: infoOf(asked), column: 1 }, context(protocol));
  if (result.kind === 'refused') throw new Error(result.what);
  return result.formula;
};

const withPorts = [1, 6, 17, 33, 47, 58, 132, 136];
const someOf = <T>(values: readonly T[]): fc.Arbitrary<readonly T[]> => fc.subarray([...values], { minLength: 1 });

// nf_conntrack_core.c nf_ct_get_tuple: other protocols have no ports.
const portless = (entry: Entry): Entry => (withPorts.includes(entry.protocol) ? entry : { ...entry, port: 0 });

const entries = fc
  .record({
    status: fc.subarray(['snat', 'dnat', 'seen-reply', 'assured', 'confirmed', 'expected']),
    direction: fc.constantFrom('original' as const, 'reply' as const),
    protocol: fc.constantFrom(...withPorts, 50, 200),
    port: fc.constantFrom(0, 1, 79, 80, 90, 91, 1024, 65535),
    seconds: fc.constantFrom(0, 9, 10, 20, 21, 4294967),
  })
  .map(portless);

const packets: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({ state: fc.constantFrom('invalid', 'untracked'), l4proto: fc.constantFrom(6, 17, 47, 200) }),
  fc
    .tuple(fc.constantFrom('new', 'related', 'established'), entries, fc.boolean())
    .map(([state, entry, error]) => ({ state, entry, l4proto: error && state === 'related' ? 1 : entry.protocol })),
);

const range = fc.tuple(fc.constantFrom(0, 1, 10, 80, 1024), fc.constantFrom(0, 20, 79, 90, 65535), fc.boolean());

const questions: fc.Arbitrary<Asked> = fc.record(
  {
    ctstate: fc.record({
      words: someOf(['INVALID', 'NEW', 'RELATED', 'ESTABLISHED', 'UNTRACKED', 'SNAT', 'DNAT']),
      inverted: fc.boolean(),
    }),
    ctproto: fc.record({ number: fc.constantFrom(...withPorts, 50), inverted: fc.boolean() }),
    ctstatus: fc.record({
      words: someOf(['NONE', 'EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED']),
      inverted: fc.boolean(),
    }),
    ctorigdstport: range.map(([low, high, inverted]) => ({ low, high, inverted })),
    ctexpire: range.map(([low, high, inverted]) => ({ low, high: high === 65535 ? 4294967295 : high, inverted })),
    ctdir: fc.constantFrom('ORIGINAL' as const, 'REPLY' as const),
  },
  { requiredKeys: [] },
);

const isAsked = (asked: Asked): boolean => Object.values(asked).some((one) => one !== undefined);

describe('conntrack', () => {
  it('matches the packets that the kernel matches', () => {
    fc.assert(
      fc.property(questions.filter(isAsked), packets, (asked, packet) => {
        expect(evaluate(packet, translateAsked(asked))).toBe(kernel(packet, asked));
      }),
      { numRuns: 20_000 },
    );
  });

  it('matches the packets that the kernel matches behind -p', () => {
    fc.assert(
      fc.property(questions.filter(isAsked), packets, (asked, packet) => {
        expect(evaluate(packet, translateAsked(asked, packet.l4proto))).toBe(kernel(packet, asked));
      }),
      { numRuns: 5000 },
    );
  });

  it('keeps a mask with holes, which iptables-save forgets', () => {
    const { value } = conntrack.options['ctorigdst'] ?? {};
    const parsed = value?.parse('10.1.2.3/255.0.255.0', 'ip');
    expect(value?.print(parsed, 'ip')).toBe('10.1.2.3/255.0.255.0');
    const result = conntrack.translate(
      { name: 'conntrack', info: { ctorigdst: { value: parsed, inverted: false, column: 1 } }, column: 1 },
      context(undefined),
    );
    expect(result).toMatchObject({
      formula: {
        kind: 'test',
        statement: {
          match: {
            op: '==',
            left: { '&': [{ ct: { key: 'ip daddr', dir: 'original' } }, '255.0.255.0'] },
            right: '10.0.2.0',
          },
        },
      },
    });
  });
});
