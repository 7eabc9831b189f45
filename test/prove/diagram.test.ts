// Diagrams against truth tables: every operation on random functions of a few variables, all assignments.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BudgetError, createDiagrams, type Diagrams, type Literal, type Node } from '../../src/prove/diagram.ts';

const count = 5;
/** Levels need not be dense. */
const levelOf = (index: number): number => index * 7 + 3;
const rows = Array.from({ length: 2 ** count }, (_, row) => row);
const bit = (row: number, index: number): 0 | 1 => ((row >> (count - 1 - index)) & 1) as 0 | 1;

/** A function as its values for all assignments. */
const build = (d: Diagrams, values: readonly number[], index = 0, from = 0): Node => {
  if (index === count) return d.terminal(values[from] as number);
  const half = 2 ** (count - 1 - index);
  return d.make(levelOf(index), build(d, values, index + 1, from), build(d, values, index + 1, from + half));
};

const evaluate = (d: Diagrams, node: Node, row: number): number => {
  let here = node;
  for (;;) {
    const number = d.numberOf(here);
    if (number !== undefined) return number;
    here = bit(row, (d.level(here) - 3) / 7) === 1 ? d.high(here) : d.low(here);
  }
};

const table = (d: Diagrams, node: Node): readonly number[] => rows.map((row) => evaluate(d, node, row));
const boolean = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 32, maxLength: 32 });
const outcome = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 32, maxLength: 32 });

describe('diagrams', () => {
  it('make equal functions equal nodes', () => {
    fc.assert(
      fc.property(outcome, outcome, (f, g) => {
        const d = createDiagrams();
        expect(build(d, f) === build(d, g)).toBe(f.join() === g.join());
      }),
    );
  });

  it('combine conditions as their truth tables do', () => {
    fc.assert(
      fc.property(boolean, boolean, outcome, outcome, (f, g, x, y) => {
        const d = createDiagrams();
        const [nf, ng, nx, ny] = [build(d, f), build(d, g), build(d, x), build(d, y)];
        expect(table(d, d.and(nf, ng))).toEqual(rows.map((row) => (f[row] as number) & (g[row] as number)));
        expect(table(d, d.or(nf, ng))).toEqual(rows.map((row) => (f[row] as number) | (g[row] as number)));
        expect(table(d, d.not(nf))).toEqual(f.map((value) => 1 - value));
        expect(table(d, d.choose(nf, nx, ny))).toEqual(rows.map((row) => (f[row] === 1 ? x[row] : y[row])));
        const pass = d.terminal(2);
        expect(table(d, d.override(nx, ny, pass))).toEqual(rows.map((row) => (x[row] === 2 ? y[row] : x[row])));
        // Results are canonical: the same function is the same node.
        expect(d.not(d.and(nf, ng))).toBe(d.or(d.not(nf), d.not(ng)));
      }),
    );
  });

  it('substitute several variables at the same time', () => {
    const literal = fc.oneof(
      fc.constantFrom<Literal>({ value: 0 }, { value: 1 }),
      fc.record({ level: fc.integer({ min: 0, max: count - 1 }).map(levelOf), negated: fc.boolean() }),
    );
    const literals = fc.dictionary(fc.constantFrom('0', '1', '2', '3', '4'), literal);
    fc.assert(
      fc.property(outcome, literals, (f, given) => {
        const d = createDiagrams();
        const map = new Map(Object.entries(given).map(([index, one]) => [levelOf(Number(index)), one]));
        const value = (row: number, index: number): 0 | 1 => {
          const one = map.get(levelOf(index));
          if (!one) return bit(row, index);
          if ('value' in one) return one.value;
          const source = bit(row, (one.level - 3) / 7);
          return one.negated ? ((1 - source) as 0 | 1) : source;
        };
        const expected = rows.map((row) => {
          const other = Array.from({ length: count }, (_, index) => value(row, index)).reduce<number>(
            (n, b) => n * 2 + b,
            0,
          );
          return f[other];
        });
        expect(table(d, d.substitute(build(d, f), map))).toEqual(expected);
      }),
    );
  });

  it('quantify, map and join', () => {
    fc.assert(
      fc.property(boolean, outcome, outcome, fc.integer({ min: 0, max: count - 1 }), (f, x, y, index) => {
        const d = createDiagrams();
        const flip = 1 << (count - 1 - index);
        const level = levelOf(index);
        const nf = build(d, f);
        expect(
          table(
            d,
            d.forAll(nf, (one) => one === level),
          ),
        ).toEqual(rows.map((row) => (f[row] as number) & (f[row ^ flip] as number)));
        expect(
          table(
            d,
            d.exists(nf, (one) => one === level),
          ),
        ).toEqual(rows.map((row) => (f[row] as number) | (f[row ^ flip] as number)));
        const nx = build(d, x);
        expect(
          table(
            d,
            d.map(nx, (terminal) => d.terminal((d.numberOf(terminal) as number) % 2)),
          ),
        ).toEqual(x.map((value) => value % 2));
        const joined = d.join(nx, build(d, y), (a, b) =>
          d.terminal((d.numberOf(a) as number) * 5 + (d.numberOf(b) as number)),
        );
        expect(table(d, joined)).toEqual(rows.map((row) => (x[row] as number) * 5 + (y[row] as number)));
        expect(new Set(d.terminalsOf(nx))).toEqual(new Set(x.map((value) => d.terminal(value))));
      }),
    );
  });

  it('end at the budget, not in memory', () => {
    const d = createDiagrams(5_000);
    const parity = (): void => {
      let node = d.no;
      for (let level = 100_000; level > 0; level--) node = d.make(level, node, d.not(node));
    };
    expect(parity).toThrow(BudgetError);
  });
});
