/**
 * The quick proof: two chains are the same if their rules can be cut into pieces that are the same one by one. No
 * diagram of a whole chain is ever built, so that it grows with the number of rules alone. What it cannot show may
 * still be true: then the whole chains are compared.
 */
import type { Assumption } from '../packet/assumption.ts';
import type { Hook } from '../netfilter/hooks.ts';
import type { ProgramChain } from '../packet/program.ts';
import type { Node } from './diagram.ts';
import { calleesOf, type Place } from '../simulate/instances.ts';
import type { Outcomes } from './outcome.ts';
import { createWorkbench, type Pair, type Workbench } from './workbench.ts';

export interface SegmentProof {
  /** Whether the two chains were shown to do the same with every packet of the hook. */
  readonly same: (a: Place, b: Place) => boolean;
  /** Assumptions that the proofs so far rest on. */
  readonly assumed: ReadonlySet<Assumption>;
  readonly nodes: () => number;
}

/** An arena is given back when it has more nodes than this; nothing is carried over from one piece to the next. */
const arenaNodes = 100_000;

/** How many rules a piece may grow by without getting closer. */
const patience = 48;

/** One side of a comparison: a row of rules, of which a piece is taken together. */
interface Row {
  readonly length: number;
  /** What a rule makes of every packet, and of those that count. */
  readonly whole: (index: number) => Node;
  readonly node: (index: number) => Node;
  /** The first rule that is not in the piece. */
  next: number;
  piece: Node;
}

/** Takes one more rule into the piece; its node, or undefined at the end. */
const extend = (row: Row, outcomes: Outcomes): Node | undefined => {
  if (row.next >= row.length) return undefined;
  const node = row.node(row.next);
  row.piece = outcomes.sequence(row.piece, node);
  row.next++;
  return node;
};

/** Whether `b` decides all that `a` decides, in the same way. */
const covers = ({ d, outcomes }: Workbench, a: Node, b: Node): boolean => d.override(a, b, outcomes.pass) === b;

/** Lets the two pieces grow until they are the same; false if they do not seem to meet. */
const meet = (a: Row, b: Row, bench: Workbench): boolean => {
  const { outcomes } = bench;
  let waits = 0;
  while (a.piece !== b.piece) {
    // Whoever decides only a part of what the other decides is behind, and catches up.
    const [behind, ahead] = covers(bench, a.piece, b.piece) ? [a, b] : covers(bench, b.piece, a.piece) ? [b, a] : [];
    if (behind && ahead) {
      let added = extend(behind, outcomes);
      while (added !== undefined && behind.piece !== ahead.piece && covers(bench, added, ahead.piece))
        added = extend(behind, outcomes);
      if (added === undefined && behind.piece !== ahead.piece) return false;
    } else {
      const turn = waits % 2 === 0 ? [a, b] : [b, a];
      if (waits++ > patience || !turn.some((row) => extend(row, outcomes) !== undefined)) return false;
    }
    if (outcomes.calledInTheMiddle()) return false;
  }
  return !outcomes.calledInTheMiddle();
};

/** Whether both rows can be cut into pieces that are the same. `boundary` is called between pieces. */
const samePieces = (a: Row, b: Row, bench: () => Workbench, boundary: () => void): boolean => {
  for (;;) {
    boundary();
    if (a.next >= a.length && b.next >= b.length) return true;
    // Most rules are the same one by one, whatever the packet.
    if (a.next < a.length && b.next < b.length && a.whole(a.next) === b.whole(b.next)) {
      // A chain without a number may hold calls that come back in its middle, which its summary leaves out.
      if (bench().outcomes.calledInTheMiddle()) return false;
      a.next++;
      b.next++;
      continue;
    }
    const now = bench();
    a.piece = now.outcomes.pass;
    b.piece = now.outcomes.pass;
    extend(a, now.outcomes);
    extend(b, now.outcomes);
    if (!meet(a, b, now)) return false;
  }
};

export const createSegmentProof = (pair: Pair, hook: Hook, assume: ReadonlySet<Assumption>): SegmentProof => {
  const numbers = new Map<ProgramChain, number>();
  const done = new Map<string, boolean>();
  const ids = new Map<ProgramChain, number>();
  const assumed = new Set<Assumption>();
  const open = new Set<ProgramChain>();
  let nodes = 0;
  let current: Workbench | undefined;

  const idOf = (chain: ProgramChain): number => {
    const found = ids.get(chain) ?? ids.size;
    ids.set(chain, found);
    return found;
  };

  const release = (): void => {
    if (!current) return;
    nodes += current.d.size();
    for (const assumption of current.space.assumed) assumed.add(assumption);
    current = undefined;
  };
  const bench = (): Workbench => {
    current ??= createWorkbench(
      pair,
      assume,
      (_side, table, name) => {
        const chain = table.chains.get(name);
        return chain && numbers.get(chain);
      },
      // The first one is small, for most rulesets are.
      nodes > arenaNodes ? 1 << 17 : 1 << 12,
    );
    return current;
  };

  const compare = (a: Place, b: Place): boolean => {
    for (const name of new Set(calleesOf(a.chain))) {
      const [left, right] = [a.table.chains.get(name), b.table.chains.get(name)];
      if (left && right) same({ table: a.table, chain: left }, { table: b.table, chain: right });
    }
    // What was encoded before the last chain was numbered holds its summary in place of the call.
    release();
    const rowOf = (side: 'a' | 'b', { table, chain }: Place): Row => {
      const whole = (index: number): Node => {
        const { outcomes, ...both } = bench();
        const rule = chain.rules[index];
        return rule ? both[side].rule(table, rule) : outcomes.pass;
      };
      const node = (index: number): Node => {
        const { d, outcomes, care } = bench();
        return d.choose(care(hook), whole(index), outcomes.pass);
      };
      return { length: chain.rules.length, next: 0, piece: 0, whole, node };
    };
    return samePieces(rowOf('a', a), rowOf('b', b), bench, () => {
      if ((current?.d.size() ?? 0) > arenaNodes) release();
    });
  };

  const same = (a: Place, b: Place): boolean => {
    const key = `${idOf(a.chain)} ${idOf(b.chain)}`;
    const found = done.get(key);
    if (found !== undefined) return found;
    if (open.has(a.chain)) return false;
    open.add(a.chain);
    const result = compare(a, b);
    open.delete(a.chain);
    done.set(key, result);
    const [left, right] = [numbers.get(a.chain), numbers.get(b.chain)];
    // Two chains that are the same as two different ones are not worth joining.
    if (result && (left === undefined || right === undefined)) {
      const number = left ?? right ?? idOf(a.chain);
      numbers.set(a.chain, number);
      numbers.set(b.chain, number);
    }
    return result;
  };

  return {
    same: (a, b) => {
      const result = same(a, b);
      release();
      return result;
    },
    assumed,
    nodes: () => nodes,
  };
};
