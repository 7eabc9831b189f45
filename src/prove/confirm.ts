/**
 * One packet through one hook of a program, by the simulators: an answer that owes nothing to diagrams. A difference is
 * only shown if they see it too.
 */
import type { Hook } from '../netfilter/hooks.ts';
import type { Effect } from '../packet/effect.ts';
import { payload } from '../packet/field.ts';
import type { Program, RuleOrigin } from '../packet/program.ts';
import { slotOf, type View, valueAt, valueOf, viewOf } from '../packet/view.ts';
import { iptablesRunners } from '../simulate/iptables.ts';
import { instancesOf } from '../simulate/instances.ts';
import { nftablesRunners } from '../simulate/nftables.ts';
import { type BaseRunner, type Ending, newRun, type Recorder } from '../simulate/run.ts';
import type { Decoded } from './decode.ts';
import { mappedFrom, observedAs } from './rules.ts';

/** What a simulator saw one side do. */
export interface Seen {
  readonly ending: Ending;
  /** The rule that decided, or the base chain whose policy did. */
  readonly decidedBy: { readonly rule: RuleOrigin } | { readonly policyOf: string } | undefined;
  /** What rules did to the packet and beside it, in order. */
  readonly effects: readonly Effect[];
  /** The part of it that others can observe, as it is compared. */
  readonly observed: readonly string[];
  /** Keys that rules have set. */
  readonly keys: ReadonlySet<string>;
  /** A key's value in the end. */
  readonly valueOf: (key: string) => unknown;
  readonly bytes: Uint8Array;
  /** Predicates that were asked. */
  readonly asked: ReadonlySet<string>;
}

export interface Simulator {
  readonly see: (decoded: Decoded, hook: Hook, kind: 'filter' | 'nat') => Seen;
}

const runnersOf = (program: Program): readonly BaseRunner[] => {
  const instancesFor = instancesOf(program);
  return program.tables
    .flatMap((table) => (table.runs === 'nft' ? nftablesRunners : iptablesRunners)(table, instancesFor))
    .toSorted((a, b) => a.base.priority - b.base.priority);
};

const dport = payload('th', 16, 16);

const portOf = (view: View): number => Number(valueOf(view, dport) ?? 0);

const touchedKey = (effect: Effect): string | undefined =>
  effect.kind === 'set' || effect.kind === 'copy' ? effect.key : effect.kind === 'notrack' ? 'ct.state' : undefined;

/** Runs nothing that nobody watches: rules that do not match leave no trace here. */
const recorderInto = (decided: (by: Seen['decidedBy']) => void, effected: (effect: Effect) => void): Recorder => ({
  failed: () => undefined,
  unmodelled: () => undefined,
  effect: (_site, effect) => effected(effect),
  matched: ({ rule }, verdict) => {
    if (
      verdict &&
      verdict.kind !== 'jump' &&
      verdict.kind !== 'goto' &&
      verdict.kind !== 'return' &&
      verdict.kind !== 'continue'
    )
      decided({ rule: rule.origin });
  },
  hotdrop: ({ rule }) => decided({ rule: rule.origin }),
  policy: (chain) => decided({ policyOf: chain }),
});

export const createSimulator = (program: Program): Simulator => {
  const runners = runnersOf(program);
  return {
    see: ({ packet, oracle }, hook, kind) => {
      const asked = new Set<string>();
      const watched = new Map(oracle);
      watched.get = (key) => {
        asked.add(key);
        return oracle.get(key);
      };
      const view: View = viewOf(packet, watched);
      let decidedBy: Seen['decidedBy'];
      const observed: string[] = [];
      const effects: Effect[] = [];
      const keys = new Set<string>();
      const recorder = recorderInto(
        (by) => {
          decidedBy = by;
        },
        (effect) => {
          effects.push(effect);
          const key = touchedKey(effect);
          if (key !== undefined) keys.add(key);
          if (effect.kind !== 'set' && effect.kind !== 'copy' && effect.kind !== 'write')
            observed.push(observedAs(effect.kind === 'nat' ? mappedFrom(effect, portOf(view)) : effect));
        },
      );
      const run = newRun(view, undefined, recorder);
      let ending: Ending = { kind: 'accept' };
      for (const runner of runners) {
        if (runner.base.hook !== hook || (runner.base.type === 'nat') !== (kind === 'nat')) continue;
        const before = runner.base.type === 'route' ? routedBy(view) : undefined;
        ending = runner.run(run);
        if (ending.kind !== 'accept') break;
        if (before !== undefined && before !== routedBy(view)) observed.push('route anew');
        // The first chain that maps a connection is the last one to be asked.
        if (kind === 'nat' && run.mapping) break;
      }
      return {
        ending,
        decidedBy,
        effects,
        observed,
        keys,
        valueOf: (key) => valueAt(view, slotOf(key)),
        bytes: view.bytes,
        asked,
      };
    },
  };
};

const markSlot = slotOf('mark');

/** What ip_route_me_harder looks at again behind a chain of type route: mark, addresses and type of service. */
const routedBy = (view: View): string => {
  const [first, last] = view.family === 'ip' ? [12, 20] : [8, 40];
  return [valueAt(view, markSlot), ...view.bytes.subarray(0, 2), ...view.bytes.subarray(first, last)].join(' ');
};

const endingWords = (ending: Ending): string => JSON.stringify(ending);

/** Whether the two sides did something else with the packet, as far as anybody outside could tell. */
export const disagree = (a: Seen, b: Seen): boolean => {
  if (a.ending.kind === 'unknown' || b.ending.kind === 'unknown') return false;
  if (endingWords(a.ending) !== endingWords(b.ending)) return true;
  if (a.observed.join('\n') !== b.observed.join('\n')) return true;
  if ([...a.asked].toSorted().join('\n') !== [...b.asked].toSorted().join('\n')) return true;
  if (a.ending.kind === 'drop') return false;
  if (a.bytes.length !== b.bytes.length || a.bytes.some((byte, i) => byte !== b.bytes[i])) return true;
  return [...a.keys, ...b.keys].some((key) => a.valueOf(key) !== b.valueOf(key));
};
