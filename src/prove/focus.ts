/** One chain by itself: what it does with packets that are sent into it, as a program of its own. */
import { type Hook, hooks } from '../netfilter/hooks.ts';
import type { Program, ProgramChain, ProgramTable, Step } from '../packet/program.ts';
import { baseChainsOf, calleesOf } from '../simulate/instances.ts';

/** Who takes a packet that leaves the chain at its end or by RETURN. */
export const callingChain = 'the calling chain';
const comesBack: Step = { kind: 'verdict', verdict: { kind: 'taken', by: callingChain } };

const nowhere = { file: '', line: 0, text: '' } as const;

const reaches = (table: ProgramTable, from: ProgramChain, name: string): boolean => {
  const seen = new Set<string>();
  const open = [from.name];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === name) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    const chain = table.chains.get(at);
    if (chain) open.push(...calleesOf(chain));
  }
  return false;
};

/** Tables that have a chain of that name. */
export const tablesWith = (program: Program, name: string): readonly ProgramTable[] =>
  program.tables.filter(({ chains }) => chains.has(name));

/** The hooks from which the chain is reached. */
export const hooksOf = (program: Program, name: string): ReadonlySet<Hook> =>
  new Set(
    baseChainsOf(program).flatMap(({ table, chain }) =>
      chain.base && table.chains.has(name) && reaches(table, chain, name) ? [chain.base.hook] : [],
    ),
  );

/** A program in which packets of the hooks go into the chain of that table, and nowhere else. */
export const focusOn = (program: Program, table: ProgramTable, name: string, at: ReadonlySet<Hook>): Program => {
  const isNat = [...table.chains.values()].some(({ base }) => base?.type === 'nat');
  const chains = new Map<string, ProgramChain>(
    [...table.chains.values()].map(({ name: other, rules }) => [other, { name: other, rules }]),
  );
  for (const hook of hooks) {
    if (!at.has(hook)) continue;
    const entrance = `${name} at ${hook}`;
    chains.set(entrance, {
      name: entrance,
      base: { hook, priority: 0, type: isNat ? 'nat' : 'filter', policy: 'accept' },
      rules: [
        { origin: nowhere, steps: [{ kind: 'verdict', verdict: { kind: 'jump', chain: name } }] },
        { origin: nowhere, steps: [comesBack] },
      ],
    });
  }
  return { ...program, tables: [{ ...table, chains }] };
};
