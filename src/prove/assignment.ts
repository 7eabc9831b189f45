/** One packet out of a set of packets: a value for every variable that matters, as natural as the set allows. */
import type { Node } from './diagram.ts';
import type { Space } from './space.ts';

/** What each variable that matters is; others may be anything. */
export type Assignment = ReadonlyMap<number, 0 | 1>;

/** A condition that a packet should meet, or several of which the first that can be met is taken. */
export type Preference = Node | readonly Node[];

/** As many of the preferences as can be met together, the earlier ones first. The set must not be empty. */
export const preferred = ({ d }: Space, packets: Node, preferences: readonly Preference[]): Node => {
  let left = packets;
  for (const preference of preferences)
    for (const one of typeof preference === 'number' ? [preference] : preference) {
      const met = d.and(left, one);
      if (met === d.no) continue;
      left = met;
      break;
    }
  return left;
};

/** One way through the diagram to true; where both children lead there, the variable is 0. */
export const assignmentOf = ({ d }: Space, packets: Node): Assignment => {
  const assignment = new Map<number, 0 | 1>();
  let node = packets;
  while (node !== d.yes) {
    if (node === d.no) throw new Error('there is no packet in an empty set');
    const bit = d.low(node) === d.no ? 1 : 0;
    assignment.set(d.level(node), bit);
    node = bit === 1 ? d.high(node) : d.low(node);
  }
  return assignment;
};

/** The number in a row of bits; undefined if none of them is assigned. */
export const numberAt = (assignment: Assignment, bits: readonly number[]): bigint | undefined => {
  let value = 0n;
  let known = false;
  for (const bit of bits) {
    const assigned = assignment.get(bit);
    if (assigned !== undefined) known = true;
    value = value * 2n + BigInt(assigned ?? (bit === -2 ? 1 : 0));
  }
  return known ? value : undefined;
};
