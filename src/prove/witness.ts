/** A packet that shows a difference, chosen, checked by the simulators, and widened to all that are like it. */
import type { Hook } from '../netfilter/hooks.ts';
import type { Packet } from '../packet/packet.ts';
import type { Oracle } from '../packet/view.ts';
import { assignmentOf, preferred } from './assignment.ts';
import { disagree, type Seen, type Simulator } from './confirm.ts';
import { decode, type Decoded } from './decode.ts';
import type { Node } from './diagram.ts';
import type { NameTests } from './names.ts';
import type { Region } from './difference.ts';
import { type Named, preferencesOf } from './preferences.ts';
import { type ClassPart, widen } from './widen.ts';
import type { Workbench } from './workbench.ts';

/** `accepted`: B lets through what A does not. `dropped`: the other way round. `effect`: both do, with another effect. */
export type Direction = 'accepted' | 'dropped' | 'effect';

export interface Witness {
  readonly direction: Direction;
  readonly hook: Hook;
  readonly kind: 'filter' | 'nat';
  readonly packet: Packet;
  /** Answers that the simulator needs for it. */
  readonly oracle: Oracle;
  /** Answers of limits, sets and the like that the packet needs, by their words. */
  readonly answers: readonly (readonly [predicate: string, answer: boolean])[];
  readonly a: Seen;
  readonly b: Seen;
  /** What packets like this one have in common; every field that is not there may be anything. */
  readonly like: readonly ClassPart[];
}

/** Reject and drop both keep a packet out. */
const letsThrough = (end: string): boolean => !/^(drop|reject)/.test(end);

export const directionOf = ({ a, b }: Region): Direction => {
  const [before, after] = [letsThrough(a.end), letsThrough(b.end)];
  return before === after ? 'effect' : after ? 'accepted' : 'dropped';
};

const answersOf = ({ space }: Workbench, { oracle }: Decoded, seen: readonly Seen[]): Witness['answers'] => {
  const asked = new Set(seen.flatMap((one) => [...one.asked]));
  return space.unknowns().flatMap((unknown) => {
    if (unknown.kind !== 'predicate') return [];
    const { id, instance } = unknown;
    const key = asked.has(`${id}#${instance}`) ? `${id}#${instance}` : id;
    return asked.has(key)
      ? [[instance === 0 ? id : `${id} (number ${instance + 1})`, oracle.get(key) ?? false] as const]
      : [];
  });
};

/** How many packets of one region are tried before it is given up: the region is larger than what bytes can be. */
const tries = 12;

/** A packet of the region on which the simulators disagree as well, or undefined. */
export const witnessOf = (
  bench: Workbench,
  region: Region,
  /** Packets that can come to the hook at all. */
  care: Node,
  where: { readonly hook: Hook; readonly kind: 'filter' | 'nat' },
  names: NameTests,
  named: Named,
  simulators: { readonly a: Simulator; readonly b: Simulator },
): Witness | undefined => {
  const { d, space } = bench;
  const preferences = preferencesOf(space, named);
  let packets: Node = region.packets;
  for (let i = 0; i < tries && packets !== d.no; i++) {
    const chosen = preferred(space, packets, preferences);
    const assignment = assignmentOf(space, chosen);
    const decoded = decode(space, assignment, where.hook);
    if (decoded) {
      const a = simulators.a.see(decoded, where.hook, where.kind);
      const b = simulators.b.see(decoded, where.hook, where.kind);
      if (disagree(a, b))
        return {
          direction: directionOf(region),
          ...where,
          packet: decoded.packet,
          oracle: decoded.oracle,
          answers: answersOf(bench, decoded, [a, b]),
          a,
          b,
          like: widen(space, region.packets, care, names, assignment),
        };
    }
    packets = d.and(packets, d.not(chosen));
  }
  return undefined;
};
