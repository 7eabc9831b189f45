// What the real iptables makes of rules: takes and saves them, or refuses them.
import type { TableName } from '../../src/netfilter/hooks.ts';
import { dumpOf } from '../generate.ts';
import {
  inNamespace,
  iptablesRestore,
  iptablesSave,
  type Result,
  savedRules,
  type Step,
  type Tool,
} from './namespace.ts';

export interface Sample {
  readonly tool: Tool;
  readonly table: TableName;
  /** User chains that exist. */
  readonly chains: readonly string[];
  readonly rule: string;
  /** What iptables is thought to save; nothing if it is thought to refuse the rule. */
  readonly saved?: readonly string[];
  /** Whether it may well be that iptables refuses it: it is then tried by itself from the start. */
  readonly doubtful?: boolean;
}

export interface Outcome {
  readonly accepted: boolean;
  readonly stderr: string;
  readonly saved: readonly string[];
}

/** The rules chain by chain: in a dump of many rules those of one chain stand together. */
const byChain = (lines: readonly string[]): string =>
  lines
    .map((line, index) => [line.split(' ')[1] ?? '', index, line] as const)
    .toSorted(([a, i], [b, j]) => (a < b ? -1 : a > b ? 1 : i - j))
    .map(([, , line]) => line)
    .join('\n');

const attempt = (samples: readonly Sample[]): readonly Step[] => {
  const { tool, table } = samples[0] as Sample;
  const chains = [...new Set(samples.flatMap((sample) => sample.chains))];
  const dump = dumpOf(
    table,
    samples.map(({ rule }) => rule),
    chains,
  );
  return [iptablesRestore(tool, dump), iptablesSave(tool, table)];
};

const outcome = (restored: Result, saved: Result): Outcome => ({
  accepted: restored.status === 0,
  stderr: restored.stderr.trim(),
  saved: restored.status === 0 ? savedRules(saved.stdout) : [],
});

const oneByOne = (samples: readonly Sample[]): readonly Outcome[] => {
  const results = inNamespace(samples.flatMap((sample) => attempt([sample])));
  return samples.map((_, index) => outcome(results[2 * index] as Result, results[2 * index + 1] as Result));
};

/** Fewer rules than this are not cut in half once more. */
const few = 24;

/** Tries rules of one table together, which is many times faster; where it is not as thought, each by itself. */
const together = (samples: readonly Sample[]): readonly Outcome[] => {
  const [restored, saved] = inNamespace(attempt(samples)) as [Result, Result];
  const { accepted, stderr, saved: lines } = outcome(restored, saved);
  const wanted = samples.flatMap((sample) => sample.saved ?? []);
  if (!accepted || byChain(wanted) !== byChain(lines)) {
    if (samples.length < few) return oneByOne(samples);
    const middle = Math.ceil(samples.length / 2);
    return [...together(samples.slice(0, middle)), ...together(samples.slice(middle))];
  }
  return samples.map((sample) => ({ accepted, stderr, saved: sample.saved ?? [] }));
};

/** What becomes of each sample. */
export const tryAll = <T extends Sample>(samples: readonly T[]): ReadonlyMap<T, Outcome> => {
  const groups = new Map<string, T[]>();
  for (const sample of samples) {
    const { tool, table, chains, rule, saved, doubtful } = sample;
    const good = saved && !doubtful && rule.startsWith('-A');
    const key = good ? [tool.family, tool.backend, table, ...chains].join(' ') : 'alone';
    const group = groups.get(key) ?? [];
    group.push(sample);
    groups.set(key, group);
  }
  const outcomes = new Map<T, Outcome>();
  for (const [key, group] of groups) {
    const found = key === 'alone' ? oneByOne(group) : together(group);
    for (const [index, sample] of group.entries()) outcomes.set(sample, found[index] as Outcome);
  }
  return outcomes;
};
