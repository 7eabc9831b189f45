/** What a register of a classic BPF program may hold while nothing is known of the packet. */
import type { RuleContext } from '../contract.ts';
import { type Header, mostFreeBits, valuesOf } from '../header.ts';
import { type Path, withConstraint } from '../path.ts';
import { top } from '../ranges.ts';
import { freeBits, type Value } from '../word.ts';

export type Register = Value | Header;

/** A result and the path on which it is that. */
export interface Outcome<T> {
  readonly value: T;
  readonly path: Path;
}

/** Why an instruction cannot be followed. */
export interface Blocked {
  readonly why: string;
  readonly help?: string;
}

export const isBlocked = (result: readonly unknown[] | Blocked): result is Blocked => 'why' in result;

/** Every constant that a register may hold, if they are few. */
const constants = (register: Register, path: Path, context: RuleContext): readonly Outcome<number>[] | Blocked => {
  if (register.kind === 'constant') return [{ value: register.value, path }];
  const plus = register.kind === 'header' ? register.plus : 0;
  const word = register.kind === 'header' ? register.word : register;
  if (!word) return { why: 'nft has the payload offset only as the start of a load' };
  if (freeBits(word) > mostFreeBits)
    return {
      why: `the number may have 2^${freeBits(word)} values; nft cannot compute it, and dnfw writes out at most 2^${mostFreeBits}`,
    };
  return valuesOf(word, context).flatMap(({ masked, value }) => {
    const branch = withConstraint(path, { load: word.load, mask: word.mask, values: [[masked, masked]] });
    return branch ? [{ value: (value + plus) % (top + 1), path: branch }] : [];
  });
};

/** For each constant of a register what `next` makes of it. */
export const forEach = <T>(
  register: Register,
  path: Path,
  context: RuleContext,
  next: (value: number, path: Path) => readonly Outcome<T>[] | Blocked,
): readonly Outcome<T>[] | Blocked => {
  const values = constants(register, path, context);
  if (isBlocked(values)) return values;
  const out: Outcome<T>[] = [];
  for (const { value, path: branch } of values) {
    const results = next(value, branch);
    if (isBlocked(results)) return results;
    out.push(...results);
  }
  return out;
};
