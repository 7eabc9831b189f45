/** One way through a u32 or BPF program that ends in a match: what has to hold of the packet's bytes on it. */
import type { Family } from '../netfilter/family.ts';
import { all, type Formula } from '../nftables/formula.ts';
import { rangesOf, within } from './ranges.ts';
import { type Constraint, impossible, isOpen, isPayload, type Load, meet, sameLoad } from './word.ts';
import { constraintTest, present } from './wordtest.ts';

export interface Path {
  /** At most one for the same bits. */
  readonly constraints: readonly Constraint[];
  /** Loads that were made, whatever came of them: their bytes have to be there. */
  readonly loads: readonly Load[];
}

export const start: Path = { constraints: [], loads: [] };

export const withLoad = (path: Path, load: Load): Path =>
  isPayload(load) && !path.loads.some((other) => sameLoad(other, load))
    ? { ...path, loads: [...path.loads, load] }
    : path;

const sameBits = (a: Constraint, b: Constraint): boolean => a.mask === b.mask && sameLoad(a.load, b.load);

/** The path on which the constraint holds too, or undefined if no packet goes there. */
export const withConstraint = (path: Path, constraint: Constraint): Path | undefined => {
  const known = path.constraints.find((other) => sameBits(other, constraint));
  const both = known ? meet(known, constraint) : constraint;
  if (impossible(both)) return undefined;
  const constraints = known
    ? path.constraints.map((other) => (other === known ? both : other))
    : isOpen(both)
      ? path.constraints
      : [...path.constraints, both];
  return { ...withLoad(path, constraint.load), constraints };
};

const endOf = (load: Load): number => load.offset + load.size;

/**
 * Loads whose bytes no test of the path reads to the end: one for each base suffices, the one that ends last. Bytes of
 * the transport header stand behind as many of the network header.
 */
const untested = (path: Path): Load[] => {
  const reach = (base: Load['base']): number =>
    Math.max(0, ...path.constraints.filter(({ load }) => load.base === base).map(({ load }) => endOf(load)));
  const lastOf = (base: Load['base'], from: number): Load[] => {
    const beyond = path.loads.filter((load) => load.base === base && endOf(load) > from);
    return beyond.length === 0 ? [] : [beyond.reduce((last, load) => (endOf(load) > endOf(last) ? load : last))];
  };
  const transport = lastOf('th', reach('th'));
  return [...lastOf('nh', Math.max(reach('nh'), reach('th'), ...transport.map(endOf))), ...transport];
};

export const pathFormula = (path: Path, family: Family): Formula =>
  all([...path.constraints.map((constraint) => constraintTest(constraint, family)), ...untested(path).map(present)]);

/** How many nft tests the path is. */
export const testsOf = (path: Path): number => path.constraints.length + untested(path).length;

/** Whether the packet cannot be a later fragment on this path: some test wants an IPv4 fragment offset of 0. */
export const isFirstFragment = (path: Path): boolean =>
  path.constraints.some(({ load, mask, values }) => {
    const lowest = 8 * (load.offset + load.size - 8);
    if (load.base !== 'nh' || load.offset > 6 || lowest < 0) return false;
    const bits = (0x1fff << lowest) >>> 0;
    return (mask & bits) >>> 0 === bits && values.every(([low, high]) => low === high && (low & bits) === 0);
  });

const merged = (a: Path, b: Path): Path | undefined => {
  if (a.constraints.length !== b.constraints.length || a.loads.length !== b.loads.length) return undefined;
  if (!a.loads.every((load) => b.loads.some((other) => sameLoad(load, other)))) return undefined;
  let differing: readonly [Constraint, Constraint] | undefined;
  for (const one of a.constraints) {
    const other = b.constraints.find((candidate) => sameBits(candidate, one));
    if (!other) return undefined;
    if (JSON.stringify(one.values) === JSON.stringify(other.values)) continue;
    if (differing) return undefined;
    differing = [one, other];
  }
  if (!differing) return a;
  const [one, other] = differing;
  const both: Constraint = { ...one, values: within(rangesOf([...one.values, ...other.values]), one.mask) };
  return {
    ...a,
    constraints: a.constraints.flatMap((constraint) =>
      constraint !== one ? [constraint] : isOpen(both) ? [] : [both],
    ),
  };
};

/** Fewer paths that mean the same: those that differ in the values of one constraint become one. */
export const mergePaths = (paths: readonly Path[]): readonly Path[] => {
  const out: Path[] = [];
  for (let path of paths) {
    for (let i = 0; i < out.length;) {
      const both = merged(out[i] as Path, path);
      if (!both) i++;
      else {
        path = both;
        out.splice(i, 1);
        i = 0;
      }
    }
    out.push(path);
  }
  return out;
};
