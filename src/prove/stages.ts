/**
 * What the kernel itself does with packets between the base chains of one hook. A chain that stands in front of it sees
 * other packets than one behind it, although no other chain lies between them.
 */
import type { Hook } from '../netfilter/hooks.ts';
import type { Effect } from '../packet/effect.ts';
import type { Field } from '../packet/field.ts';
import type { ProgramTable, Step } from '../packet/program.ts';
import { calleesOf, type Place } from '../simulate/instances.ts';
import { fieldsOf } from './names.ts';

export interface Work {
  /** Chains of this priority and before run in front of it; one of equal priority where nobody knows. */
  readonly priority: number;
  readonly what: string;
  /** Whether rules that ask the field can tell what the packet was from what it becomes. */
  readonly changes: (field: Field) => boolean;
  readonly disturbedBy: (effect: Effect) => boolean;
}

const isHeader = (field: Field): boolean =>
  field.kind === 'payload' ? field.base !== 'll' : /^(length|l4proto|xtproto|fragoff|xtfragoff|fib\.)/.test(field.key);
const isConnection = (field: Field): boolean => field.kind === 'key' && field.key.startsWith('ct.');

const defragmentation: Work = {
  priority: -400,
  what: 'fragments are put together',
  changes: isHeader,
  disturbedBy: () => false,
};

const connections: Work = {
  priority: -200,
  what: 'the connection of the packet is looked up',
  changes: isConnection,
  disturbedBy: (effect) =>
    effect.kind === 'notrack' ||
    (effect.kind === 'other' && effect.text.startsWith('ct ')) ||
    ((effect.kind === 'set' || effect.kind === 'copy') && effect.key.startsWith('ct.')) ||
    (effect.kind === 'copy' && effect.from.startsWith('ct.')),
};

const translation = (priority: number): Work => ({
  priority,
  what: 'addresses are translated',
  changes: (field) => isHeader(field) || isConnection(field),
  disturbedBy: (effect) => effect.kind === 'write',
});

/** Priorities of uapi/linux/netfilter_ipv4.h; the same for IPv6. */
const works: Readonly<Record<Hook, readonly Work[]>> = {
  prerouting: [defragmentation, connections, translation(-100)],
  input: [translation(100)],
  forward: [],
  output: [defragmentation, connections, translation(-100)],
  postrouting: [translation(100)],
};

export const worksAt = (hook: Hook): readonly Work[] => works[hook];

/** The table with the chains that packets can come to from the base chain. */
const reachedFrom = ({ table, chain }: Place): ProgramTable => {
  const chains = new Map([[chain.name, chain]]);
  const open = [chain];
  for (let at = open.pop(); at; at = open.pop())
    for (const name of calleesOf(at)) {
      const callee = table.chains.get(name);
      if (!callee || chains.has(name)) continue;
      chains.set(name, callee);
      open.push(callee);
    }
  return { ...table, chains };
};

const effectsIn = (steps: readonly Step[]): readonly Effect[] =>
  steps.flatMap((step) =>
    step.kind === 'effect'
      ? [step.effect]
      : step.kind === 'choose'
        ? step.arms.flatMap((arm) => effectsIn(arm.steps))
        : [],
  );

/** Whether it matters on which side of the work the base chain stands. */
export const isConcerned = (place: Place, { changes, disturbedBy }: Work): boolean => {
  const table = reachedFrom(place);
  const effects = [...table.chains.values()].flatMap(({ rules }) => rules.flatMap(({ steps }) => effectsIn(steps)));
  return fieldsOf([{ family: 'ip', tables: [table] }]).some(changes) || effects.some(disturbedBy);
};
