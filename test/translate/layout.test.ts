// Random formulas and actions in random chains, laid out in nft and walked as nft walks them, against the formulas
// themselves. A test is true, false or broken; a broken one fails whatever its operator, so that `!=` for `not` shows.
import { yes } from '../../src/packet/condition.ts';
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MatchExtension, Registry, TargetExtension } from '../../src/extensions/contract.ts';
import { defineMatch, defineTarget, statements, translated } from '../../src/extensions/contract.ts';
import { registry } from '../../src/extensions/registry.ts';
import type { Action, Chain, Given, Rule, Table } from '../../src/iptables/types.ts';
import { l4proto, limit, log, match, meta, redirect } from '../../src/nftables/build.ts';
import { all, always, any, type Formula, never, not, stateful, test } from '../../src/nftables/formula.ts';
import type { Match, RuleObject, Statement } from '../../src/nftables/types.ts';
import type { Entry } from '../../src/translate/report.ts';
import { translateTable } from '../../src/translate/table.ts';
import { seed } from '../generate.ts';

type Outcome = 'true' | 'false' | 'broken';

/** The outcome of every test, by its number. */
type Packet = readonly Outcome[];
const tests = 6;

interface Step {
  readonly formula: Formula;
  readonly hotdrop?: Formula;
}

interface Line {
  readonly steps: readonly Step[];
  readonly action: Action;
}

interface Input {
  readonly policy: 'ACCEPT' | 'DROP';
  /** The first is the base chain; a chain jumps only to later ones. */
  readonly chains: readonly (readonly Line[])[];
}

/** What became of a packet: its verdict, the marks that it left in order, and how often each memory was asked. */
interface Walk {
  readonly verdict: string;
  readonly trace: readonly string[];
}

const opaque = (number: number): Match => match(meta('mark'), '==', number);
const isTrue = ({ match: { op, right } }: Match, packet: Packet): boolean => {
  const outcome = packet[Number(right)];
  return op === '==' ? outcome === 'true' : outcome === 'false';
};

/** Whether the memory lets its `count`th packet pass: every period-th. */
const lets = (statement: Statement, count: number): boolean =>
  'limit' in statement && count % (statement.limit.burst ?? 1) === 0;

/** Counts per place in the ruleset: two rules never share one. */
const memories = (): ((place: unknown, statement: Statement) => boolean) => {
  const counts = new Map<unknown, number>();
  return (place, statement) => {
    const count = counts.get(place) ?? 0;
    counts.set(place, count + 1);
    return lets(statement, count);
  };
};
type Memory = ReturnType<typeof memories>;

const nameOf = (index: number): string => (index === 0 ? 'INPUT' : `user${index}`);

/** The formulas as they stand, evaluated from left to right. */
const walkInput = (input: Input, packet: Packet, memory: Memory): Walk => {
  const trace: string[] = [];
  const holds = (formula: Formula): boolean => {
    switch (formula.kind) {
      case 'always':
        return true;
      case 'never':
        return false;
      case 'test':
        return isTrue(formula.statement, packet);
      case 'stateful':
        trace.push(`memory ${JSON.stringify(formula.statement)}`);
        return memory(formula, formula.statement);
      case 'all':
        return formula.of.every((part) => holds(part));
      case 'any':
        return formula.of.some((part) => holds(part));
      case 'not':
        return !holds(formula.of);
    }
  };
  /** True if the line's steps hold, 'drop' if one of them drops the packet on the spot. */
  const meets = (line: Line): boolean | 'drop' => {
    for (const { formula, hotdrop } of line.steps) {
      if (hotdrop && holds(hotdrop)) return 'drop';
      if (!holds(formula)) return false;
    }
    return true;
  };
  const walk = (chain: string): string | undefined => {
    const lines = input.chains.find((_, index) => nameOf(index) === chain) ?? [];
    for (const line of lines) {
      const met = meets(line);
      if (met === 'drop') return 'drop';
      if (!met) continue;
      const { action } = line;
      switch (action.kind) {
        case 'none':
          break;
        case 'verdict':
          if (action.verdict === 'RETURN') return undefined;
          return action.verdict.toLowerCase();
        case 'goto':
          return walk(action.chain);
        case 'jump': {
          const verdict = walk(action.chain);
          if (verdict !== undefined) return verdict;
          break;
        }
        case 'target':
          if (action.use.name === 'REDIRECT') return 'redirect';
          trace.push(`log ${String(action.use.info['id']?.value)}`);
      }
    }
    return undefined;
  };
  return { verdict: walk('INPUT') ?? input.policy.toLowerCase(), trace };
};

/** nf_tables_core.c nft_do_chain: jump leaves a place to return to, goto none, and the end of a chain is a return. */
const walkRules = (rules: readonly RuleObject[], policy: string, packet: Packet, memory: Memory): Walk => {
  const trace: string[] = [];
  const run = (chain: string): string | undefined => {
    for (const { expr } of rules.filter((rule) => rule.chain === chain)) {
      for (const statement of expr) {
        if ('match' in statement) {
          if (typeof statement.match.left === 'object' && 'meta' in statement.match.left) {
            if (statement.match.left.meta.key !== 'mark') continue;
            if (!isTrue(statement, packet)) break;
          }
        } else if ('limit' in statement) {
          trace.push(`memory ${JSON.stringify(statement)}`);
          if (!memory(statement, statement)) break;
        } else if ('log' in statement) trace.push(`log ${statement.log?.prefix}`);
        else if ('accept' in statement) return 'accept';
        else if ('drop' in statement) return 'drop';
        else if ('redirect' in statement) return 'redirect';
        else if ('return' in statement) return undefined;
        else if ('goto' in statement) return run(statement.goto.target);
        else if ('jump' in statement) {
          const verdict = run(statement.jump.target);
          if (verdict !== undefined) return verdict;
        } else if (!('counter' in statement)) throw new Error(`no model of ${JSON.stringify(statement)}`);
      }
    }
    return undefined;
  };
  return { verdict: run('INPUT') ?? policy.toLowerCase(), trace };
};

/** Memories are told apart by their nodes. What stands in several rules is several memories; structuredClone keeps one. */
const apart = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

const given = <T>(value: T): Given<T> => ({ value, inverted: false, column: 1 });
const stepOf = (value: unknown): Step => value as Step;

const common = { families: ['ip'], about: '', kernel: '', support: 'exact', options: {} } as const;
const formulaMatch: MatchExtension = {
  ...defineMatch({
    ...common,
    name: 'formula',
    translate: () => translated(always),
    meaning: () => ({ condition: yes }),
  }),
  translate: (use) => {
    const { formula, hotdrop } = stepOf(use.info['step']?.value);
    return translated(formula, hotdrop ? { hotdrop } : {});
  },
};
const logTarget: TargetExtension = {
  ...defineTarget({ ...common, name: 'LOG', translate: () => statements([]), meaning: () => [] }),
  translate: (use) => statements([log({ prefix: String(use.info['id']?.value) })]),
};
const needed = l4proto(6);
const redirectTarget: TargetExtension = {
  ...defineTarget({ ...common, name: 'REDIRECT', translate: () => statements([]), meaning: () => [] }),
  translate: () => statements([redirect({ port: 80 })], { terminal: true, inside: [needed] }),
};
const opaqueRegistry: Registry = {
  ...registry,
  matches: new Map([['formula', formulaMatch]]),
  targets: new Map([
    ['LOG', logTarget],
    ['REDIRECT', redirectTarget],
  ]),
};

const ruleOf = ({ steps, action }: Line): Rule => ({
  origin: { file: 'x', line: 1, text: '' },
  selector:
    action.kind === 'target' && action.use.name === 'REDIRECT' ? { protocol: { number: 6, inverted: false } } : {},
  matches: steps.map((step) => ({ name: 'formula', info: { step: given<unknown>(step) }, column: 1 })),
  action,
});

const tableOf = ({ policy, chains }: Input): Table => ({
  name: 'filter',
  family: 'ip',
  backend: 'legacy',
  file: 'x',
  chains: chains.map((lines, index): Chain => ({
    name: nameOf(index),
    ...(index === 0 ? { policy } : {}),
    rules: lines.map(ruleOf),
  })),
});

const layOut = (table: Table): { readonly rules: readonly RuleObject[]; readonly entries: readonly Entry[] } => {
  let rules: RuleObject[] = [];
  const flags = { exactLegacy: true, counters: false };
  const { entries } = translateTable(
    table,
    't',
    opaqueRegistry,
    flags,
    () => {
      rules = [];
      return { rule: (rule) => rules.push(apart(rule)), declare: () => undefined };
    },
    0,
  );
  return { rules, entries };
};

/** Rules that were refused do not count: `noMemory` and too deep jumps. */
const without = (input: Input, entries: readonly Entry[]): Input => {
  let at = 0;
  const chains = input.chains.map((lines) => lines.filter(() => entries[at++]?.status !== 'refused'));
  return { ...input, chains };
};

const formula: Arbitrary<Formula> = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'formula' },
    { weight: 6, arbitrary: fc.nat({ max: tests - 1 }).map((number) => test(opaque(number))) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 1, max: 3 }).map((burst) => stateful(limit({ rate: 1, per: 'day', burst }))),
    },
    { weight: 1, arbitrary: fc.constantFrom(always, never) },
    { weight: 3, arbitrary: fc.array(tie('formula'), { minLength: 2, maxLength: 4 }).map(all) },
    { weight: 3, arbitrary: fc.array(tie('formula'), { minLength: 2, maxLength: 4 }).map(any) },
    { weight: 3, arbitrary: tie('formula').map(not) },
  ),
})).formula;

/** What drops on the spot has no memory. */
const test1: Arbitrary<Formula> = fc.nat({ max: tests - 1 }).map((number) => test(opaque(number)));
const hotdrop: Arbitrary<Formula> = fc.oneof(
  test1.map(not),
  fc.tuple(test1, test1).map(([left, right]) => all([left, not(right)])),
);

/** `never` makes all of a rule's memories idle, which the formulas alone do not say: it stands by itself. */
const possible = formula.filter(({ kind }) => kind !== 'never');

const step: Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: possible.map((one): Step => ({ formula: one })) },
  { weight: 1, arbitrary: fc.record({ formula: possible, hotdrop }) },
);
const steps: Arbitrary<readonly Step[]> = fc.oneof(
  { weight: 15, arbitrary: fc.array(step, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constant([{ formula: never }]) },
);

const target = (name: string, id: string): Action => ({
  kind: 'target',
  use: { name, info: { id: given(id) }, column: 1 },
});

const action = (later: readonly string[]): Arbitrary<Action> =>
  fc.oneof(
    fc
      .constantFrom('ACCEPT' as const, 'DROP' as const, 'RETURN' as const, 'RETURN' as const)
      .map((verdict): Action => ({ kind: 'verdict', verdict })),
    fc.constant<Action>({ kind: 'none' }),
    fc.constantFrom('a', 'b', 'c').map((id) => target('LOG', id)),
    fc.constant(target('REDIRECT', '')),
    ...(later.length === 0
      ? []
      : [
          fc
            .tuple(fc.constantFrom('jump' as const, 'goto' as const), fc.constantFrom(...later))
            .map(([kind, chain]): Action => ({ kind, chain, column: 1 })),
        ]),
  );

const ends: Line = { steps: [], action: target('LOG', 'end') };

const input: Arbitrary<Input> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.array(steps, { minLength: 1, maxLength: 3 }))
  .chain(([size, pool]) =>
    fc.record({
      policy: fc.constantFrom('ACCEPT' as const, 'DROP' as const),
      chains: fc.tuple(
        ...Array.from({ length: size }, (_, index) => {
          const later = Array.from({ length: size }, (__, other) => nameOf(other)).slice(index + 1);
          // Half of the lines take their conditions from a few, so that chains are shared.
          const conditions = fc.oneof(steps, fc.constantFrom(...pool));
          const line = fc.record({ steps: conditions, action: action(later) });
          return fc.array(line, { minLength: 1, maxLength: 5 }).map((lines) => [...lines, ends]);
        }),
      ),
    }),
  );

const packets: Arbitrary<readonly Packet[]> = fc.array(
  fc.array(fc.constantFrom<Outcome>('true', 'false', 'broken'), { minLength: tests, maxLength: tests }),
  { minLength: 3, maxLength: 12 },
);

describe('the layout of rules', () => {
  it('means the formulas and actions', () => {
    fc.assert(
      fc.property(input.map(apart), packets, (whole, sent) => {
        const { rules, entries } = layOut(tableOf(whole));
        const kept = without(whole, entries);
        const [left, right] = [memories(), memories()];
        for (const packet of sent)
          expect(walkRules(rules, kept.policy, packet, right)).toEqual(walkInput(kept, packet, left));
      }),
      { numRuns: 4000, seed },
    );
  });

  it('keeps what a statement needs in its own rule', () => {
    fc.assert(
      fc.property(input.map(apart), (whole) => {
        for (const { expr } of layOut(tableOf(whole)).rules)
          if (expr.some((statement) => 'redirect' in statement)) expect(expr).toContainEqual(needed);
      }),
      { numRuns: 1000, seed },
    );
  });
});
