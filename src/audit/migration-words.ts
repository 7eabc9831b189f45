/** Words and evidence that the findings of migrations share. */
import type { AuditHost } from './host.ts';
import type { HostRule } from './host-rules.ts';
import { shellWord } from './shell-words.ts';

/** Enough to see what they are. */
const shown = 6;

export const shownRules = (rules: readonly HostRule[]): readonly HostRule[] => rules.slice(0, shown);

export const countOf = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

/** Of a rule that dnfw has no model of, only its words are known. */
export const actionOf = ({ rule: { action, unmodelled }, text, table }: HostRule): string => {
  if (unmodelled) {
    const target = / -j (\S+)/.exec(` ${text}`)?.[1];
    if (target === undefined) return 'rule without a target';
    return table.chains.some(({ name }) => name === target) ? `jump to ${target}` : target;
  }
  switch (action.kind) {
    case 'none':
      return 'rule without a target';
    case 'verdict':
      return action.verdict;
    case 'target':
      return action.use.name;
    case 'jump':
    case 'goto':
      return `jump to ${action.chain}`;
  }
};

/** `3 DROP and 1 MARK`. */
export const actionWords = (rules: readonly HostRule[]): string => {
  const counts = new Map<string, number>();
  for (const rule of rules) counts.set(actionOf(rule), (counts.get(actionOf(rule)) ?? 0) + 1);
  const words = [...counts].map(([action, count]) => `${count} ${action}`);
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
};

/** What dnfw translate is to read; nothing for the live host. */
export const filesOf = ({ kind, files }: AuditHost): string => (kind === 'live' ? '' : files.map(shellWord).join(' '));
