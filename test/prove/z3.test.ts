// The prover against z3, which knows nothing of diagrams: random small programs, both verdicts.
import { type BitVec, type Bool, type Context, init } from 'z3-solver';
import { describe, expect, it } from 'vitest';
import type { Condition } from '../../src/packet/condition.ts';
import { bitsOf, type Field } from '../../src/packet/field.ts';
import type { Program, ProgramRule, Step } from '../../src/packet/program.ts';
import { check } from '../../src/prove/check.ts';
import { random, randomProgram, variant } from './programs.ts';

const seed = Number(process.env['DNFW_TEST_SEED'] ?? 20260817);
const pairs = Number(process.env['DNFW_Z3_PAIRS'] ?? 60);

/** A program as a formula over one packet: 1 if it lets the packet through, else 0, and the mark it leaves. */
const formulas = (z3: Context<'z3'>) => {
  const { BitVec, Bool, If, And, Or, Not, UGE, ULE } = z3;
  type Vec = BitVec<number, 'z3'>;
  type Truth = Bool<'z3'>;
  const variables = new Map<string, Vec>();
  const variable = (name: string, bits: number): Vec => {
    const found = variables.get(name) ?? BitVec.const(name, bits);
    variables.set(name, found);
    return found;
  };
  const transport = variable('transport', 128);
  const length = variable('length', 16);

  const value = (field: Field, mark: Vec): { readonly value: Vec; readonly there: Truth } => {
    const always = Bool.val(true);
    if (field.kind === 'key')
      return { value: field.key === 'mark' ? mark : variable(field.key, bitsOf(field)), there: always };
    const { base, offset, length: bits } = field;
    if (base === 'nh') return { value: variable(`nh${offset}`, bits), there: always };
    const high = 127 - offset;
    return {
      value: transport.extract(high, high - bits + 1),
      there: UGE(length, Math.ceil((offset + bits) / 8)),
    };
  };

  const truth = (condition: Condition, mark: Vec): Truth => {
    switch (condition.kind) {
      case 'constant':
        return Bool.val(condition.value);
      case 'test': {
        const { value: whole, there } = value(condition.field, mark);
        const seen =
          condition.mask === undefined ? whole : whole.and(BitVec.val(condition.mask, bitsOf(condition.field)));
        const ranges = condition.ranges.map(({ low, high }) => And(UGE(seen, low), ULE(seen, high)));
        return And(there, Or(...ranges));
      }
      case 'present':
        return value(condition.field, mark).there;
      case 'not':
        return Not(truth(condition.of, mark));
      case 'all':
        return And(...condition.of.map((part) => truth(part, mark)));
      case 'any':
        return Or(...condition.of.map((part) => truth(part, mark)));
      default:
        throw new Error(condition.kind);
    }
  };

  interface End {
    /** 0 drop, 1 accept, 2 undecided. */
    readonly verdict: Vec;
    readonly mark: Vec;
  }
  const ends = (verdict: number, mark: Vec): End => ({ verdict: BitVec.val(verdict, 2), mark });
  const either = (condition: Truth, a: End, b: End): End => ({
    verdict: If(condition, a.verdict, b.verdict),
    mark: If(condition, a.mark, b.mark),
  });

  const program = ({ tables }: Program): End => {
    const chains = tables[0]?.chains;
    /** What becomes of a packet from rule `at` on; `back` is what happens when it leaves the chain. */
    const from = (rules: readonly ProgramRule[], at: number, mark: Vec, back: (mark: Vec) => End): End => {
      const rule = rules[at];
      if (!rule) return back(mark);
      const next = (left: Vec): End => from(rules, at + 1, left, back);
      const steps = (list: readonly Step[], now: Vec): End => {
        const [first, ...rest] = list;
        if (!first) return next(now);
        switch (first.kind) {
          case 'test':
            return either(truth(first.condition, now), steps(rest, now), next(now));
          case 'hotdrop':
            return either(truth(first.condition, now), ends(0, now), steps(rest, now));
          case 'effect': {
            if (first.effect.kind !== 'set') throw new Error(first.effect.kind);
            const kept = now.and(BitVec.val(first.effect.keep, 32));
            return steps(rest, kept.xor(BitVec.val(first.effect.flip, 32)));
          }
          case 'verdict': {
            const { verdict } = first;
            if (verdict.kind === 'accept') return ends(1, now);
            if (verdict.kind === 'drop') return ends(0, now);
            if (verdict.kind === 'return') return back(now);
            if (verdict.kind !== 'jump' && verdict.kind !== 'goto') throw new Error(verdict.kind);
            const callee = chains?.get(verdict.chain)?.rules ?? [];
            return from(callee, 0, now, verdict.kind === 'jump' ? next : back);
          }
          default:
            throw new Error(first.kind);
        }
      };
      return steps(rule.steps, mark);
    };
    const base = chains?.get('FORWARD');
    return from(base?.rules ?? [], 0, variable('mark', 32), (mark) =>
      ends(base?.base?.policy === 'accept' ? 1 : 0, mark),
    );
  };
  return { program };
};

describe('the prover and z3', () => {
  it(`agree on ${pairs} pairs of random programs, seed ${seed}`, { timeout: 300_000 }, async () => {
    const { Context: createContext, em } = await init();
    const z3 = createContext('z3');
    const { program } = formulas(z3);
    const next = random(seed);
    const found = { proven: 0, refuted: 0 };
    for (let i = 0; i < pairs; i++) {
      const a = randomProgram(next);
      const b = variant(next, a);
      const solver = new z3.Solver();
      const [x, y] = [program(a), program(b)];
      const accepted = x.verdict.eq(z3.BitVec.val(1, 2));
      solver.add(z3.Or(x.verdict.neq(y.verdict), z3.And(accepted, x.mark.neq(y.mark))));
      const differs = (await solver.check()) === 'sat';
      const result = check([[a, b]], { assume: new Set() });
      expect({ pair: i, verdict: result.verdict }).toEqual({ pair: i, verdict: differs ? 'refuted' : 'proven' });
      found[differs ? 'refuted' : 'proven']++;
    }
    // A source of pairs that only ever differ, or never do, would show nothing.
    expect(Math.min(found.proven, found.refuted)).toBeGreaterThan(pairs / 10);
    em.PThread.terminateAllThreads();
  });
});
