/** Which chains of iptables' tables packets can come to. */
import type { Chain, Rule, Table } from '../iptables/types.ts';

export const calleeOf = ({ action }: Rule): string | undefined =>
  action.kind === 'jump' || action.kind === 'goto' ? action.chain : undefined;

export interface Calls {
  /** Chains that a way of jumps leads to from a built-in chain; those as well. */
  readonly reached: ReadonlySet<string>;
  /** Chains that any rule jumps to, reached or not. */
  readonly called: ReadonlySet<string>;
}

export const callsIn = ({ chains }: Pick<Table, 'chains'>): Calls => {
  const byName = new Map<string, Chain>(chains.map((chain) => [chain.name, chain]));
  const callees = (chain: Chain): readonly string[] => chain.rules.flatMap((rule) => calleeOf(rule) ?? []);
  const reached = new Set<string>();
  const open = chains.filter(({ policy }) => policy !== undefined).map(({ name }) => name);
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (reached.has(at)) continue;
    reached.add(at);
    const chain = byName.get(at);
    if (chain) open.push(...callees(chain));
  }
  return { reached, called: new Set(chains.flatMap(callees)) };
};
