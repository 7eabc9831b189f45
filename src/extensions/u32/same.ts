/** A u32 program as a condition over the packet: the same as run.ts says of every packet with a sound IP header. */
import type { Family } from '../../netfilter/family.ts';
import { all, any, type Condition, no } from '../../packet/condition.ts';
import { payload } from '../../packet/field.ts';
import {
  eachNumber,
  freeBits,
  inNumbers,
  masking,
  mostFreeBits,
  type NumberRanges,
  type Selection,
  selectAll,
  shiftLeft,
  shiftRight,
} from '../selection.ts';
import type { Step, U32Program, U32Test } from './program.ts';

/** Where `@` has gone so far. `th`: behind the IPv4 header, whose length the program itself has added. */
interface Place {
  readonly base: 'nh' | 'th';
  readonly plus: number;
}

/** No packet is longer, so that a load from beyond it fails. */
const longest = 2 ** 17;

/** More alternatives than that are left to the interpreter. */
const mostLoads = 4096;

interface Reader {
  readonly family: Family;
  loads: number;
}

const isHeaderLength = ({ field, mask, shift }: Selection): boolean =>
  field.kind === 'payload' && field.base === 'nh' && field.offset === 0 && mask === 0x0f00_0000 && shift === 22;

const loadAt = ({ base, plus }: Place, offset: number, reader: Reader): Selection | 'beyond' | 'too many' => {
  if (plus + offset + 4 > longest) return 'beyond';
  reader.loads += 1;
  return reader.loads > mostLoads ? 'too many' : selectAll(payload(base, (plus + offset) * 8, 32));
};

const apply = (value: Selection, { operator, number }: Step): Selection => {
  switch (operator) {
    case '&':
      return masking(value, number);
    case '<<':
      return shiftLeft(value, number);
    case '>>':
      return shiftRight(value, number);
    case '@':
      return value;
  }
};

/** The number loaded from `place` and what follows it up to the ranges; undefined if it cannot be said. */
const readFrom = (
  place: Place,
  offset: number,
  steps: readonly Step[],
  ranges: NumberRanges,
  reader: Reader,
): Condition | undefined => {
  const loaded = loadAt(place, offset, reader);
  if (loaded === 'beyond') return no;
  if (loaded === 'too many') return undefined;
  const jump = steps.findIndex(({ operator }) => operator === '@');
  const value = steps.slice(0, jump < 0 ? steps.length : jump).reduce(apply, loaded);
  const next = steps[jump];
  if (!next) return inNumbers(value, ranges);
  const rest = steps.slice(jump + 1);
  // The header length is there and at least 20: nothing else of the first 4 bytes is asked.
  if (reader.family === 'ip' && place.base === 'nh' && isHeaderLength(value))
    return readFrom({ base: 'th', plus: place.plus }, next.number, rest, ranges, reader);
  if (freeBits(value) > mostFreeBits) return undefined;
  const ways: Condition[] = [];
  for (const one of eachNumber(value)) {
    const to = { base: place.base, plus: place.plus + one.value };
    const further = readFrom(to, next.number, rest, ranges, reader);
    if (!further) return undefined;
    ways.push(all([one.condition, further]));
  }
  return any(ways);
};

const readTest = ({ offset, steps, ranges }: U32Test, reader: Reader): Condition | undefined =>
  readFrom({ base: 'nh', plus: 0 }, offset, steps, ranges, reader);

/** Undefined where a jump has too many targets. */
export const sameAsProgram = (program: U32Program, family: Family): Condition | undefined => {
  const reader: Reader = { family, loads: 0 };
  const tests: Condition[] = [];
  for (const test of program) {
    const read = readTest(test, reader);
    if (!read) return undefined;
    tests.push(read);
  }
  return all(tests);
};
