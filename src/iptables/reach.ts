/** From which hooks the chains of a table can be reached, and whether jumps go in circles. */
import { type Hook, hookOf, isBuiltInChain } from '../netfilter/hooks.ts';
import { compactRules, likenessOf } from './shape.ts';
import type { Chain, Table } from './types.ts';

const jumpsOf = (chain: Chain): ReadonlySet<string> => {
  const names = new Set<string>();
  for (const rule of compactRules(chain)) {
    const { action } = likenessOf(rule);
    if (action.kind === 'jump' || action.kind === 'goto') names.add(action.chain);
  }
  return names;
};

export interface Reach {
  /** Hooks per chain; an empty set for a chain that nothing reaches. */
  readonly hooks: ReadonlyMap<string, ReadonlySet<Hook>>;
  /** A chain on a circle of jumps, with the circle; the kernel refuses such a table. */
  readonly loop?: readonly string[];
}

const findLoop = (jumps: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined => {
  const done = new Set<string>();
  for (const start of jumps.keys()) {
    const path: string[] = [];
    const stack: { readonly name: string; readonly rest: Iterator<string> }[] = [];
    const enter = (name: string): void => {
      path.push(name);
      stack.push({ name, rest: (jumps.get(name) ?? new Set<string>()).values() });
    };
    if (!done.has(start)) enter(start);
    while (stack.length > 0) {
      const top = stack.at(-1) as (typeof stack)[number];
      const step = top.rest.next();
      if (step.done) {
        done.add(top.name);
        stack.pop();
        path.pop();
      } else if (path.includes(step.value)) return [...path.slice(path.indexOf(step.value)), step.value];
      else if (!done.has(step.value)) enter(step.value);
    }
  }
  return undefined;
};

export const reachOf = (table: Table): Reach => {
  const jumps = new Map(table.chains.map((chain) => [chain.name, jumpsOf(chain)]));
  const hooks = new Map<string, Set<Hook>>(table.chains.map((chain) => [chain.name, new Set<Hook>()]));
  for (const chain of table.chains) {
    if (chain.policy === undefined || !isBuiltInChain(chain.name)) continue;
    const hook = hookOf[chain.name];
    const open = [chain.name as string];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const seen = hooks.get(name);
      if (!seen || seen.has(hook)) continue;
      seen.add(hook);
      open.push(...(jumps.get(name) ?? []));
    }
  }
  const loop = findLoop(jumps);
  return loop ? { hooks, loop } : { hooks };
};
