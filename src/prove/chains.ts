/** What whole chains make of packets. A chain is summarised once, however often it is called; nothing is unfolded. */
import type { ProgramChain, ProgramRule, ProgramTable } from '../packet/program.ts';
import type { Literal, Node } from './diagram.ts';
import { ended, type Outcome, type Outcomes } from './outcome.ts';
import type { RuleEncoder } from './rules.ts';
import { levels } from './layout.ts';
import type { Space } from './space.ts';

/** A ruleset's chains as diagrams. */
export interface Chains {
  /** What one rule makes of a packet. */
  readonly rule: (table: ProgramTable, rule: ProgramRule) => Node;
  /** What a chain makes of a packet that enters it; where it passes, the packet leaves it at its end or by RETURN. */
  readonly summary: (table: ProgramTable, name: string) => Node;
  /** What a base chain makes of a packet: its policy where its rules do not decide. */
  readonly base: (table: ProgramTable, chain: ProgramChain) => Node;
}

/** A terminal to put in place of a chain's summary, where both sides are known to have the same chain. */
export type Shortcut = (table: ProgramTable, name: string) => Node | undefined;

/** The whole row joined in order; joining is associative, so that halves can be joined first. */
export const fold = (nodes: readonly Node[], { pass, sequence }: Outcomes): Node => {
  let row = [...nodes];
  while (row.length > 1) {
    const next: Node[] = [];
    for (let i = 0; i < row.length; i += 2)
      next.push(i + 1 < row.length ? sequence(row[i] as Node, row[i + 1] as Node) : (row[i] as Node));
    row = next;
  }
  return row[0] ?? pass;
};

const addressBits = 128;

/** A change after which the kernel looks for the route anew (ip_route_me_harder): mark, addresses, type of service. */
const reroutes = ({ fields }: Space, outcome: Outcome): boolean => {
  const mark = fields.keyLevel('mark');
  const near = (level: number, from: number, count: number): boolean => level >= from && level < from + count;
  return outcome.changes.some(
    ([level]: readonly [number, Literal]) =>
      near(level, mark + 1, 32) ||
      near(level, levels.daddr, addressBits) ||
      near(level, levels.saddr, addressBits) ||
      near(level, levels.header + 4, 12),
  );
};

export const createChains = (
  space: Space,
  outcomes: Outcomes,
  encoder: RuleEncoder,
  shortcut: Shortcut = () => undefined,
): Chains => {
  const known = new Map<ProgramTable, Map<string, Node>>();
  const open = new Set<ProgramChain>();

  const rule = (table: ProgramTable, one: ProgramRule): Node =>
    encoder.encode(one, (name) => shortcut(table, name) ?? summary(table, name));

  const unfinished = (what: string): Node => outcomes.node(ended(`unknown ${what}`));

  const summarise = (table: ProgramTable, name: string): Node => {
    const chain = table.chains.get(name);
    if (!chain) return unfinished(`chain ${name}, which does not exist`);
    if (open.has(chain)) return unfinished(`chain ${name}, which jumps to itself`);
    open.add(chain);
    const nodes = chain.rules.map((one) => rule(table, one));
    open.delete(chain);
    return outcomes.ends(fold(nodes, outcomes), ({ end }) =>
      end === 'return' ? 'pass' : end.replace(/^goto /, 'call '),
    );
  };

  const summary = (table: ProgramTable, name: string): Node => {
    const inTable = known.get(table) ?? new Map<string, Node>();
    known.set(table, inTable);
    const found = inTable.get(name);
    if (found !== undefined) return found;
    const made = summarise(table, name);
    inTable.set(name, made);
    return made;
  };

  const base = (table: ProgramTable, chain: ProgramChain): Node => {
    const decided = outcomes.ends(summary(table, chain.name), ({ end }) =>
      end === 'pass' ? (chain.base?.policy ?? 'accept') : end,
    );
    if (chain.base?.type !== 'route') return decided;
    return space.d.map(decided, (terminal) => {
      const outcome = outcomes.of(terminal);
      return outcome.end === 'accept' && reroutes(space, outcome)
        ? outcomes.node({ ...outcome, observed: [...outcome.observed, 'route anew'] })
        : terminal;
    });
  };

  return { rule, summary, base };
};
