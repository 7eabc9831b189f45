// Whether a base chain of another priority is another chain, from the JSON alone: what the kernel does between, and
// what the rules ask.
import type { Json } from './mutants.ts';

const isObject = (node: Json | undefined): node is { readonly [name: string]: Json } =>
  typeof node === 'object' && node !== null && !Array.isArray(node);

const at = (node: Json | undefined, ...path: readonly string[]): Json | undefined =>
  path.reduce<Json | undefined>((inner, name) => (isObject(inner) ? inner[name] : undefined), node);

interface Chain {
  readonly hook: Json | undefined;
  readonly prio: Json | undefined;
}

const chainIn = (commands: readonly Json[], table: string, family: string, name: string): Chain | undefined => {
  const found = commands
    .map((command) => at(command, 'add', 'chain'))
    .find((one) => at(one, 'family') === family && at(one, 'table') === table && at(one, 'name') === name);
  return found === undefined || found === null ? undefined : { hook: at(found, 'hook'), prio: at(found, 'prio') };
};

/** All rules that packets can come to from a chain, as one text. */
const rulesFrom = (commands: readonly Json[], table: string, family: string, name: string): string => {
  const seen = new Set<string>();
  const texts: string[] = [];
  const open = [name];
  for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
    if (seen.has(chain)) continue;
    seen.add(chain);
    for (const command of commands) {
      const rule = at(command, 'add', 'rule');
      if (at(rule, 'family') !== family || at(rule, 'table') !== table || at(rule, 'chain') !== chain) continue;
      const text = JSON.stringify(at(rule, 'expr'));
      texts.push(text);
      for (const [, target] of text.matchAll(/"(?:jump|goto)":\{"target":"([^"]+)"/g)) open.push(target ?? '');
    }
  }
  return texts.join('\n');
};

const header = /"payload":\{(?!"protocol":"ether")|"fib"|"l4proto"|"exthdr"|"tcp option"/;
const connection = /"ct"|"ct |"notrack"/;

/** Priorities of include/uapi/linux/netfilter_ipv4.h by hook, with the rules that can tell before from after. */
const between: Readonly<Record<string, readonly (readonly [priority: number, asks: RegExp])[]>> = {
  prerouting: [[-400, header], [-200, connection], [-100, header], [-100, connection]], // prettier-ignore
  output: [[-400, header], [-200, connection], [-100, header], [-100, connection]], // prettier-ignore
  input: [[100, header], [100, connection]], // prettier-ignore
  postrouting: [[100, header], [100, connection]], // prettier-ignore
};

/** Whether the chain of the mutant stands on the other side of something that its rules can see. */
export const isMovedPast = (
  before: readonly Json[],
  after: readonly Json[],
  { table, family, chain }: { readonly table: string; readonly family: string; readonly chain: string },
): boolean => {
  const [from, to] = [before, after].map((commands) => chainIn(commands, table, family, chain));
  const [first, last] = [from?.prio, to?.prio];
  if (typeof from?.hook !== 'string' || typeof first !== 'number' || typeof last !== 'number') return false;
  const rules = rulesFrom(before, table, family, chain);
  return (between[from.hook] ?? []).some(
    ([priority, asks]) => first <= priority !== last <= priority && asks.test(rules),
  );
};
