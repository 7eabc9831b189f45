import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translateProgram } from '../../src/extensions/bpf/execute.ts';
import { type BpfProgram, bytecode, parseProgram, printProgram } from '../../src/extensions/bpf/program.ts';
import { bpf } from '../../src/extensions/matches/bpf.ts';
import { bigEndian, contextOf, matches, type Packet, testCount } from './evaluate.ts';

const top = 0xffff_ffff;

/** The interpreter of net/core/filter.c for programs that its checker takes; without figures beside the packet. */
const run = (program: BpfProgram, { bytes, mark }: Packet): number => {
  let a = 0;
  let x = 0;
  const memory = Array.from({ length: 16 }, () => 0);
  const byte = (k: number): number | undefined => bigEndian(bytes, k, 1);
  for (let pc = 0; ; pc++) {
    const { code, jt, jf, k } = program[pc] ?? { code: 6, jt: 0, jf: 0, k: 0 };
    const group = code & 7;
    const operand = code & 8 ? x : k;
    if (group <= 1) {
      const size = [4, 2, 1][(code >> 3) & 3] ?? 4;
      const mode = code & 0xe0;
      let value: number | undefined;
      if (mode === 0) value = k;
      else if (mode === 0x20) value = k === top - 0xfff + 20 ? (mark ?? 0) : bigEndian(bytes, k, size);
      else if (mode === 0x40)
        value = x + k > top ? bigEndian(bytes, (x + k) % (top + 1), size) : bigEndian(bytes, x + k, size);
      else if (mode === 0x60) value = memory[k];
      else if (mode === 0x80) value = bytes.length;
      else value = byte(k) === undefined ? undefined : ((byte(k) ?? 0) & 15) * 4;
      if (value === undefined) return 0;
      if (group === 0) a = value;
      else x = value;
    } else if (group === 2) memory[k] = a;
    else if (group === 3) memory[k] = x;
    else if (group === 4) {
      const operation = code & 0xf0;
      if ((operation === 0x30 || operation === 0x90) && operand === 0) return 0;
      const shift = operand & 31;
      const results: Record<number, number> = {
        0x00: a + operand,
        0x10: a - operand,
        0x20: Math.imul(a, operand),
        0x30: Math.floor(a / operand),
        0x40: a | operand,
        0x50: a & operand,
        0x60: a << shift,
        0x70: a >>> shift,
        0x80: -a,
        0x90: a % operand,
        0xa0: a ^ operand,
      };
      a = (results[operation] ?? 0) >>> 0;
    } else if (group === 5) {
      const kind = code & 0xf0;
      if (kind === 0) pc += k;
      else {
        const taken =
          kind === 0x10
            ? a === operand
            : kind === 0x20
              ? a > operand
              : kind === 0x30
                ? a >= operand
                : (a & operand) !== 0;
        pc += taken ? jt : jf;
      }
    } else if (group === 6) return code & 0x10 ? a : k;
    else if (code & 0x80) a = x;
    else x = a;
  }
};

const packet: fc.Arbitrary<Packet> = fc
  .tuple(
    fc.integer({ min: 5, max: 15 }),
    fc.uint8Array({ minLength: 60, maxLength: 60 }),
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: 0, max: top }),
  )
  .map(([words, header, body, mark]) => {
    const start = Uint8Array.from(header.slice(0, words * 4));
    start[0] = 0x40 | words;
    return { bytes: Uint8Array.from([...start, ...body]), transport: words * 4, mark };
  });

const offset = fc.oneof(fc.constantFrom(0, 2, 6, 8, 9, 12, 16), fc.integer({ min: 0, max: 80 }));
const number = fc.oneof(
  fc.constantFrom(0, 1, 4, 6, 17, 64, 0xf0, 0x1fff),
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: top }),
);
const distance = fc.integer({ min: 0, max: 3 });
type Numbers = readonly [number, number, number, number];
const instruction: fc.Arbitrary<Numbers> = fc.oneof(
  fc.tuple(fc.constantFrom(32, 40, 48, 177), offset).map(([code, k]): Numbers => [code, 0, 0, k]),
  fc.tuple(fc.constantFrom(64, 72, 80), fc.integer({ min: 0, max: 30 })).map(([code, k]): Numbers => [code, 0, 0, k]),
  fc.constantFrom<Numbers>([7, 0, 0, 0], [135, 0, 0, 0], [128, 0, 0, 0], [32, 0, 0, top - 0xfff + 20], [132, 0, 0, 0]),
  fc.tuple(fc.constantFrom(4, 20, 36, 68, 84, 84, 164, 12, 28), number).map(([code, k]): Numbers => [code, 0, 0, k]),
  fc.tuple(fc.constantFrom(100, 116), fc.integer({ min: 0, max: 31 })).map(([code, k]): Numbers => [code, 0, 0, k]),
  fc.tuple(fc.constantFrom(21, 37, 53, 69, 29), distance, distance, number),
);
const program = fc.array(instruction, { minLength: 1, maxLength: 9 }).map((list) => {
  const all = [...list, [22, 0, 0, 0], [6, 0, 0, 0], [6, 0, 0, 1], [6, 0, 0, 0]];
  return `${all.length},${all.map((numbers) => numbers.join(' ')).join(',')}`;
});

const programOf = (text: string): BpfProgram => {
  const result = parseProgram(text);
  if ('bad' in result) throw new Error(`${text}: ${result.bad}`);
  return result;
};

describe('BPF programs', () => {
  it.each([
    ['from whole packets', contextOf()],
    ['where later fragments pass', contextOf({ hooks: new Set(['forward']), fragmentsVisible: true })],
    ['in IPv6', contextOf({ family: 'ip6' })],
  ])('mean what the kernel does with them, %s', (_name, context) => {
    let translated = 0;
    fc.assert(
      fc.property(program, fc.array(packet, { minLength: 3, maxLength: 8 }), (text, packets) => {
        const result = translateProgram(programOf(text), context);
        if ('code' in result) return;
        translated++;
        // No hook sees an IPv6 packet without its 40 bytes of header.
        const seen = packets.filter(({ bytes }) => context.family === 'ip' || bytes.length >= 40);
        for (const one of seen) expect(matches(result.formula, one)).toBe(run(programOf(text), one) !== 0);
      }),
      { numRuns: 800 },
    );
    expect(translated).toBeGreaterThan(400);
  });
  it('are printed so that they read as the same program', () => {
    for (const sample of bytecode.samples('ip')) expect(printProgram(programOf(sample))).toBe(sample);
  });
  it('end soon when they go too many ways', () => {
    const many = [
      ...Array.from({ length: 20 }, (_, i) => [`48 0 0 ${2 * i}`, '69 0 1 1', '4 0 0 1']).flat(),
      '6 0 0 0',
    ];
    expect(translateProgram(programOf(`${many.length},${many.join(',')}`), contextOf())).toMatchObject({
      code: 'too-many-rules',
    });
  });
});

describe("Docker's programs", () => {
  const payload = '7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4102,6 0 0 0,6 0 0 4294967295';
  const header = '6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 1 0 1050112,6 0 0 0,6 0 0 4294967295';
  const selector = { protocol: { number: 17, inverted: false } };
  const vni = {
    kind: 'test',
    statement: {
      match: {
        op: '==',
        left: { '&': [{ payload: { base: 'th', offset: 96, len: 32 } }, 4294967040] },
        right: 1050112,
      },
    },
  };
  it.each([payload, header])('become the one VNI test: %s', (text) => {
    for (const context of [
      contextOf({ selector }),
      contextOf({ selector, fragmentsVisible: true, readsTransport: true, hooks: new Set(['output']) }),
    ])
      expect(translateProgram(programOf(text), context)).toMatchObject({ formula: vni });
  });
  it('names what the payload offset does with later fragments', () => {
    const context = contextOf({ selector, fragmentsVisible: true, readsTransport: true, hooks: new Set(['forward']) });
    expect(translateProgram(programOf(payload), context)).toMatchObject({ differences: [{ code: 'payload-offset' }] });
    expect(translateProgram(programOf(header), context)).toMatchObject({ differences: [] });
    expect(translateProgram(programOf(payload), contextOf({ selector }))).toMatchObject({ differences: [] });
  });
  it('are exact where later fragments pass and nothing looks at them', () => {
    const context = contextOf({ selector, fragmentsVisible: true, hooks: new Set(['forward']) });
    const result = translateProgram(programOf(payload), context);
    if ('code' in result) throw new Error(result.what);
    expect(result.differences).toEqual([]);
    expect(testCount(result.formula)).toBe(2 + 11 * 3);
    for (const fragment of [0, 1, 0x1fff])
      for (const words of [5, 6, 15]) {
        const bytes = new Uint8Array(words * 4 + 24);
        bytes.set([0x40 | words, 0, 0, 0, 0, 0, fragment >> 8, fragment]);
        const wanted = words * 4 + (fragment === 0 ? 12 : 4);
        bytes.set([0, 0x10, 0x06, 0x55], wanted);
        expect(matches(result.formula, { bytes, transport: words * 4 })).toBe(true);
        expect(matches(result.formula, { bytes: bytes.slice(0, wanted + 3), transport: words * 4 })).toBe(false);
      }
  });
});

describe('bpf in a listing', () => {
  const read = (text: string): unknown => bpf.listing?.(text, { family: 'ip', numeric: true });
  it('counts the instructions, which are not listed', () => {
    expect(read('match bpf 48 0 0 9,22 0 0 0  /* hi */')).toEqual({
      words: ['--bytecode', '2,48 0 0 9,22 0 0 0'],
      length: 'match bpf 48 0 0 9,22 0 0 0 '.length,
      lost: [expect.any(String)],
    });
  });
  it('reads one program after the other', () => {
    expect(read('match bpf 6 0 0 1 match bpf 6 0 0 0 ')).toMatchObject({
      words: ['--bytecode', '1,6 0 0 1'],
      length: 18,
    });
  });
  it('leaves other text alone', () => {
    expect(read('match-set x src')).toBeUndefined();
  });
});
