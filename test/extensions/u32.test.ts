import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuleContext } from '../../src/extensions/contract.ts';
import { u32 } from '../../src/extensions/matches/u32.ts';
import { parseProgram, printProgram, type U32Program, u32Program } from '../../src/extensions/u32/program.ts';
import { translateProgram } from '../../src/extensions/u32/translate.ts';
import type { Formula } from '../../src/nftables/formula.ts';
import { bigEndian, contextOf, matches, type Packet, testCount } from './evaluate.ts';

const top = 0xffff_ffff;

const programOf = (text: string): U32Program => {
  const program = parseProgram(text);
  if ('bad' in program) throw new Error(`${text}: ${program.bad}`);
  return program;
};

const formulaOf = (text: string, context: RuleContext = contextOf()): Formula => {
  const formula = translateProgram(programOf(text), context);
  if ('code' in formula) throw new Error(`${text}: ${formula.what}`);
  return formula;
};

/** The evaluation of net/netfilter/xt_u32.c, step by step. */
const evaluate = (program: U32Program, bytes: Uint8Array): boolean =>
  program.every(({ offset, steps, ranges }) => {
    let at = 0;
    let value = bigEndian(bytes, offset, 4);
    for (const { operator, number } of steps) {
      if (value === undefined) return false;
      if (operator === '&') value = (value & number) >>> 0;
      else if (operator === '<<') value = (value << number) >>> 0;
      else if (operator === '>>') value >>>= number;
      else {
        if (at + value > top) return false;
        at += value;
        value = bigEndian(bytes, at + number, 4);
      }
    }
    return value !== undefined && ranges.some(([low, high]) => low <= (value ?? 0) && (value ?? 0) <= high);
  });

/** Packets with a sound IPv4 header; the rest may be short. */
const packet: fc.Arbitrary<Packet> = fc
  .tuple(
    fc.integer({ min: 5, max: 15 }),
    fc.uint8Array({ minLength: 60, maxLength: 60 }),
    fc.uint8Array({ maxLength: 90 }),
  )
  .map(([words, header, body]) => {
    const start = Uint8Array.from(header.slice(0, words * 4));
    start[0] = 0x40 | words;
    return { bytes: Uint8Array.from([...start, ...body]), transport: words * 4 };
  });

const number = fc.oneof(
  fc.constantFrom(0, 1, 5, 6, 17, 0x45, 0xff, 0xffff, 0xffffff00),
  fc.integer({ min: 0, max: top }),
);
const offset = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 0, 4, 6, 8, 12, 20) },
  fc.integer({ min: 0, max: 90 }),
);
const operation = fc.oneof(
  fc.tuple(fc.constantFrom('<<', '>>'), fc.integer({ min: 0, max: 31 })).map(([sign, by]) => `${sign}${by}`),
  number.map((mask) => `&${mask}`),
);
const jump = fc
  .tuple(
    fc.constantFrom('>>22&0x3C', '>>22&0x3C', '>>24&0xF<<2', '>>26&0x3C', '&0x7', '<<4>>28'),
    fc.integer({ min: 0, max: 24 }),
  )
  .map(([bits, by]) => `${bits}@${by}`);
const range = fc
  .tuple(number, fc.oneof(fc.constant(0), number))
  .map(([low, more]) => `${low}:${Math.min(top, low + more)}`);
const test = fc
  .tuple(
    offset,
    fc.array(jump, { maxLength: 1 }),
    fc.array(operation, { maxLength: 3 }),
    fc.array(range, { minLength: 1, maxLength: 4 }),
  )
  .map(
    ([start, jumps, operations, ranges]) =>
      `${jumps.length > 0 ? 0 : start}${jumps.join('')}${operations.join('')}=${ranges.join(',')}`,
  );
const program = fc.array(test, { minLength: 1, maxLength: 3 }).map((tests) => tests.join('&&'));

describe('u32 programs', () => {
  it.each([
    ['from whole packets', contextOf()],
    ['where later fragments pass', contextOf({ hooks: new Set(['forward']), fragmentsVisible: true })],
    ['where a port is read', contextOf({ hooks: new Set(['output']), fragmentsVisible: true, readsTransport: true })],
    ['in IPv6', contextOf({ family: 'ip6' })],
  ])('mean what the kernel does with them, %s', (_name, context) => {
    fc.assert(
      fc.property(program, fc.array(packet, { minLength: 3, maxLength: 10 }), (text, packets) => {
        const formula = formulaOf(text, context);
        // No hook sees an IPv6 packet without its 40 bytes of header.
        const seen = packets.filter(({ bytes }) => context.family === 'ip' || bytes.length >= 40);
        for (const one of seen) expect(matches(formula, one)).toBe(evaluate(programOf(text), one.bytes));
      }),
      { numRuns: 400 },
    );
  });
  it('are printed so that they read as the same program', () =>
    fc.assert(
      fc.property(program, (text) => {
        const printed = printProgram(programOf(text));
        expect(printProgram(programOf(printed))).toBe(printed);
        expect(printed).not.toMatch(/\s/);
      }),
    ));
  it('take all samples', () => {
    for (const sample of u32Program.samples('ip')) expect(programOf(sample).length).toBeGreaterThan(0);
  });
  it('say where they are wrong', () => {
    const places = (text: string): unknown => {
      const bad = parseProgram(text);
      return 'bad' in bad ? [bad.at, bad.length] : undefined;
    };
    expect(places('0=1 && 0 << 40 = 2')).toEqual([12, 2]);
    expect(places('0=1,')).toEqual([4, 1]);
    expect(places('')).toEqual([0, 1]);
    expect(places('0 & 5 # 3')).toEqual([6, 1]);
  });
});

describe('the IPv4 header length', () => {
  const vni = '@12&0xFFFFFF00=1050112';
  it.each(['0>>22&0x3C', '0>>24&0xF<<2', '0&0x0F000000>>22', '0<<4>>26&0x3C', '0<<4>>28<<2'])(
    'is recognised in %s',
    (text) => {
      expect(formulaOf(text + vni)).toEqual({
        kind: 'test',
        statement: {
          match: {
            op: '==',
            left: { '&': [{ payload: { base: 'th', offset: 96, len: 32 } }, 4294967040] },
            right: 1050112,
          },
        },
      });
    },
  );
  it.each(['0>>22&0x38', '4>>22&0x3C', '0>>23&0x1E', '0>>20&0x3C'])('is not recognised in %s', (text) => {
    expect(JSON.stringify(formulaOf(text + vni))).not.toContain('"th"');
  });
  it('becomes one test for each length where later fragments pass', () => {
    const forward = contextOf({ hooks: new Set(['forward']), fragmentsVisible: true });
    expect(testCount(formulaOf(`0>>22&0x3C${vni}`, forward))).toBe(22);
    expect(testCount(formulaOf(`0>>22&0x3C${vni}`, { ...forward, hooks: new Set(['output']) }))).toBe(32);
    expect(testCount(formulaOf(`4&0x1FFF=0&&0>>22&0x3C${vni}`, forward))).toBe(2);
  });
});

describe('u32 in a listing', () => {
  it.each([
    ['u32 "0x0=0x1" mark match', ['--u32', '0x0=0x1'], 13],
    ['u32 ! "0x0=0x1:0x3,0x5"', ['!', '--u32', '0x0=0x1:0x3,0x5'], 23],
  ])('%s', (text, words, length) => {
    expect(u32.listing?.(text, { family: 'ip', numeric: true })).toEqual({ words, length });
  });
  it('leaves other text alone', () => {
    expect(u32.listing?.('udp dpt:53', { family: 'ip', numeric: true })).toBeUndefined();
  });
});
