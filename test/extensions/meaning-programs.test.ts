// u32 and BPF programs: their interpreters against the conditions that say the same, and both against what the kernel
// does. The answers in the tables were given by xt_u32 and xt_bpf.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MeaningContext } from '../../src/extensions/contract.ts';
import { parseProgram as parseBpf } from '../../src/extensions/bpf/program.ts';
import { runProgram as runBpf } from '../../src/extensions/bpf/run.ts';
import { sameAsProgram as sameAsBpf } from '../../src/extensions/bpf/same.ts';
import { parseProgram as parseU32 } from '../../src/extensions/u32/program.ts';
import { runProgram as runU32 } from '../../src/extensions/u32/run.ts';
import { sameAsProgram as sameAsU32 } from '../../src/extensions/u32/same.ts';
import { udp } from '../../src/netfilter/protocols.ts';
import type { Family } from '../../src/netfilter/family.ts';
import type { Condition } from '../../src/packet/condition.ts';
import { answer, conditionOf, says } from './meanings.ts';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

/** VXLAN with the number 0x1006 to port 4789; behind a header of 20 bytes, of 24, and as a later fragment. */
const vxlan = '9c40 12b5 0018 0000 0800 0000 0010 0600';
const vxlanOf = (header: string): Uint8Array => bytesOf(header + vxlan);
const plain = vxlanOf('45000024 00000000 40110000 0a000002 0a000001');
const optional = vxlanOf('46000028 00000000 40110000 0a000002 0a000001 01010100');
const later = vxlanOf('45000024 00000002 40110000 0a000002 0a000001');

describe('u32', () => {
  it.each<readonly [string, Uint8Array, string]>([
    ['0>>22&0x3C@12&0xFFFFFF00=0x100600', plain, 'yes'],
    ['0>>22&0x3C@12&0xFFFFFF00=0x100600', optional, 'yes'],
    ['0>>22&0x3C@12&0xFFFFFF00=0x100600', later, 'yes'],
    ['0>>22&0x3C@12&0xFFFFFF00=0x100600', plain.slice(0, 35), 'no'],
    ['0>>22&0x3C@12&0xFFFFFF00=0x100500', plain, 'no'],
    ['32=0x100600', plain, 'yes'],
    ['33=0x100600', plain, 'no'],
    ['0&0=0', plain, 'yes'],
    ['0&0=1', plain, 'no'],
    ['6&0xff=5:1', plain, 'no'],
    ['6&0xff=0x11,0x06&&4&0x1fff=0', plain, 'yes'],
    ['6&0xff=0x11,0x06&&4&0x1fff=0', later, 'no'],
    ['0@0=0', plain, 'no'],
    ['0>>24@0xfffffff0=0:0xffffffff', plain, 'no'],
    ['0<<28=0x00000000:0x40000000', plain, 'yes'],
  ])('%s', (text, bytes, wanted) => {
    expect(says(`-m u32 --u32 "${text}" -j ACCEPT`, { bytes })).toBe(wanted);
    expect(says(`-m u32 ! --u32 "${text}" -j ACCEPT`, { bytes })).toBe(wanted === 'yes' ? 'no' : 'yes');
  });

  it('says nothing where a jump has too many targets', () => {
    const condition = conditionOf('-m u32 --u32 "0&0x1ff@0=0" -j ACCEPT');
    expect(condition).toMatchObject({ kind: 'program', same: undefined });
  });

  it('takes the IPv6 header length for nothing', () => {
    const condition = conditionOf('-m u32 --u32 "0>>22&0x3C@12=0" -j ACCEPT', { family: 'ip6' });
    expect(
      JSON.stringify(condition, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)),
    ).not.toMatch(/"th"/);
  });
});

const oldDocker = '6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 1 0 1050112,6 0 0 0,6 0 0 4294967295';
const newDocker = '7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4102,6 0 0 0,6 0 0 4294967295';

describe('bpf', () => {
  it.each<readonly [string, Uint8Array, string]>([
    [oldDocker, plain, 'yes'],
    [oldDocker, optional, 'yes'],
    [oldDocker, later, 'yes'],
    [oldDocker, plain.slice(0, 35), 'no'],
    [newDocker, plain, 'yes'],
    [newDocker, optional, 'yes'],
    // Of a later fragment everything behind the IP header is payload.
    [newDocker, later, 'no'],
    [newDocker, plain.slice(0, 35), 'no'],
    ['1,22 0 0 0', plain, 'no'],
    ['2,128 0 0 0,22 0 0 0', plain, 'yes'],
    ['4,32 0 0 4294963200,21 0 1 2048,6 0 0 1,6 0 0 0', plain, 'yes'],
    ['3,1 0 0 0,60 0 0 0,6 0 0 1', plain, 'no'],
    ['2,32 0 0 33,6 0 0 1', plain, 'no'],
    ['2,48 0 0 4293918720,22 0 0 0', plain, 'yes'],
  ])('%s', (text, bytes, wanted) => {
    expect(says(`-p udp -m bpf --bytecode "${text}" -j ACCEPT`, { bytes })).toBe(wanted);
  });

  it('asks for the mark, and says that it does not know what is beside the packet', () => {
    const marked = '4,32 0 0 4294963220,21 0 1 7,6 0 0 1,6 0 0 0';
    expect(says(`-m bpf --bytecode "${marked}" -j ACCEPT`, { keys: { mark: 7 }, bytes: plain })).toBe('yes');
    expect(says(`-m bpf --bytecode "${marked}" -j ACCEPT`, { keys: { mark: 8 }, bytes: plain })).toBe('no');
    for (const figure of ['4294963208', '4294963256', '4292870144'])
      expect(says(`-m bpf --bytecode "2,32 0 0 ${figure},22 0 0 0" -j ACCEPT`, { bytes: plain })).toBe('unknown');
    expect(says(`-m bpf --bytecode "${newDocker}" -j ACCEPT`, { bytes: plain })).toBe('unknown');
    expect(says('-m bpf --object-pinned /sys/fs/bpf/x -j ACCEPT', {})).toBe('unknown');
  });

  it('says nothing of numbers with too many bits', () => {
    const difference = '4,128 0 0 0,7 0 0 0,28 0 0 0,22 0 0 0';
    expect(conditionOf(`-m bpf --bytecode "${difference}" -j ACCEPT`)).toMatchObject({ same: undefined });
  });

  it('finds the payload of UDP over IPv6 under an assumption', () => {
    const rule = `-p udp -m bpf --bytecode "${newDocker}" -j ACCEPT`;
    expect(conditionOf(rule, { family: 'ip6' })).toMatchObject({ assumptions: ['whole-headers'] });
    const header = '60000000 0010 1140' + '00'.repeat(32);
    expect(says(rule, { bytes: bytesOf(header + vxlan) }, { family: 'ip6' })).toBe('yes');
    const behind = '60000000 0018 3c40' + '00'.repeat(32) + '1100010400000000';
    expect(says(rule, { bytes: bytesOf(behind + vxlan) }, { family: 'ip6' })).toBe('yes');
    // Behind the fragment header the kernel looks no further: it takes the next header for the payload.
    const fragment = '60000000 0020 2c40' + '00'.repeat(32) + '3c000001000000011100010400000000';
    expect(says(rule, { bytes: bytesOf(fragment + vxlan) }, { family: 'ip6' })).toBe('no');
  });
});

const interesting = [0, 1, 4, 6, 8, 9, 12, 16, 20, 22, 24, 28, 36, 40, 52];
const number = fc.oneof(fc.constantFrom(...interesting), fc.nat(0xffff_ffff));
const small = fc.oneof(fc.constantFrom(...interesting), fc.nat(80));
const mask = fc.constantFrom(0xff, 0x3c, 0x0f, 0xf0, 0xffff, 0x1fff, 0xffff_ff00, 0xff00_0000, 0x8000_0001);
const shift = fc.constantFrom(0, 1, 2, 4, 8, 16, 22, 24, 26, 28, 31);

const packetOf = (family: Family) =>
  fc
    .record({
      words: fc.oneof(fc.constant(5), fc.integer({ min: 5, max: 15 })),
      fragment: fc.oneof(fc.constant(0), fc.constantFrom(1, 2, 0x2000, 0x1fff)),
      protocol: fc.constantFrom(6, 17, 1, 47),
      body: fc.uint8Array({ minLength: 0, maxLength: 80 }),
      zero: fc.boolean(),
      fixed: fc.uint8Array({ minLength: 40, maxLength: 40 }),
    })
    .map(({ words, fragment, protocol, body, zero, fixed }) => {
      const header = fixed.slice(0, family === 'ip' ? 20 : 40);
      if (family === 'ip') {
        header.set([0x40 | words], 0);
        header.set([fragment >> 8, fragment & 0xff], 6);
        header.set([protocol], 9);
      } else header.set([0x60 | ((header[0] ?? 0) % 16), ...header.slice(1, 6), protocol], 0);
      const options = new Uint8Array(family === 'ip' ? (words - 5) * 4 : 0).fill(1);
      return Uint8Array.from([...header, ...options, ...(zero ? body.map(() => 0) : body)]);
    });

const step = fc.oneof(
  mask.map((n) => `&${n}`),
  shift.map((n) => `<<${n}`),
  shift.map((n) => `>>${n}`),
  fc.oneof(small, number).map((n) => `@${n}`),
);
const start = fc.oneof(
  fc.tuple(small, fc.array(step, { maxLength: 4 })).map(([n, steps]) => `${n}${steps.join('')}`),
  fc.tuple(small, fc.array(step, { maxLength: 3 })).map(([n, steps]) => `0>>22&0x3c@${n}${steps.join('')}`),
  small.map((n) => `0>>22&0x3c@12>>26&0x3c@${n}`),
);
const range = fc.oneof(
  number.map(String),
  fc.tuple(number, number).map(([a, b]) => `${Math.min(a, b)}:${Math.max(a, b)}`),
);
const u32Text = fc
  .array(
    fc.tuple(start, fc.array(range, { minLength: 1, maxLength: 3 })).map(([at, list]) => `${at}=${list.join(',')}`),
    { minLength: 1, maxLength: 2 },
  )
  .map((tests) => tests.join('&&'));

const k = fc.oneof(small, mask, number, fc.constantFrom(0xffff_fff8, 0xfff0_0004));
type Line = readonly [code: number, jt: number, jf: number, k: number];
const line = (left: number): fc.Arbitrary<Line> => {
  const jump = fc.nat(Math.max(0, left - 1));
  return fc.oneof<fc.Arbitrary<Line>[]>(
    fc.tuple(fc.constantFrom(0x20, 0x28, 0x30, 0x40, 0x48, 0x50), fc.constant(0), fc.constant(0), small),
    fc.tuple(fc.constantFrom(0xb1, 0x80, 0x81, 0x07, 0x87), fc.constant(0), fc.constant(0), fc.constantFrom(0, 0, 4)),
    fc.tuple(fc.constantFrom(0x00, 0x01, 0x04, 0x14, 0x24, 0x44, 0x54, 0xa4), fc.constant(0), fc.constant(0), k),
    fc.tuple(fc.constantFrom(0x34, 0x94), fc.constant(0), fc.constant(0), fc.constantFrom(1, 3, 4, 256)),
    fc.tuple(fc.constantFrom(0x64, 0x74), fc.constant(0), fc.constant(0), fc.constantFrom(1, 2, 4, 8, 31)),
    fc.tuple(fc.constantFrom(0x0c, 0x1c, 0x5c, 0x3c, 0x9c, 0x7c, 0x84), fc.constant(0), fc.constant(0), fc.constant(0)),
    fc.tuple(fc.constantFrom(0x15, 0x25, 0x35, 0x45, 0x1d, 0x2d), jump, jump, k),
  );
};
const bpfText = fc
  .integer({ min: 1, max: 9 })
  .chain((count) =>
    fc.tuple(
      fc.constantFrom<readonly Line[]>([], [[0xb1, 0, 0, 0]]),
      ...Array.from({ length: count }, (_, i) => line(count - i)),
      fc.constantFrom<Line>([6, 0, 0, 1], [6, 0, 0, 0], [0x16, 0, 0, 0]),
    ),
  )
  .map(([first, ...rest]) => {
    const lines = [...first, ...(rest as readonly Line[])];
    return `${lines.length},${lines.map((one) => one.join(' ')).join(',')}`;
  });

const agree = (same: Condition | undefined, ran: boolean, bytes: Uint8Array, family: Family): void => {
  if (same) expect(answer(same, { bytes, keys: { fragquirk: 0 } }, family)).toBe(ran ? 'yes' : 'no');
};

describe.each<Family>(['ip', 'ip6'])('programs over %s', (family) => {
  const runs = { numRuns: 500 };
  const packets = fc.array(packetOf(family), { minLength: 8, maxLength: 8 });
  const context: MeaningContext = {
    family,
    table: 'mangle',
    backend: 'legacy',
    selector: { protocol: { number: udp, inverted: false } },
    hooks: new Set(['prerouting']),
  };

  it('u32: the condition says what the interpreter says', () => {
    fc.assert(
      fc.property(u32Text, packets, (text, list) => {
        const program = parseU32(text);
        if ('bad' in program) throw new Error(`${text}: ${program.bad}`);
        const same = sameAsU32(program, family);
        for (const bytes of list) agree(same, runU32(program, bytes), bytes, family);
      }),
      runs,
    );
  });

  it('bpf: the condition says what the interpreter says', () => {
    fc.assert(
      fc.property(bpfText, packets, (text, list) => {
        const program = parseBpf(text);
        if ('bad' in program) throw new Error(`${text}: ${program.bad}`);
        const { condition, onlyBytes } = sameAsBpf(program, context);
        // A computed place can lie in the link layer, of which the bytes say nothing.
        fc.pre(onlyBytes);
        for (const bytes of list) agree(condition, runBpf(program, bytes, family), bytes, family);
      }),
      runs,
    );
  });
});
