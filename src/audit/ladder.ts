/** The base chains of every hook, in the order in which packets meet them, for the report's picture of them. */
import { type IsDocker, ladderAt } from '../guard/ladder.ts';
import { hooks } from '../netfilter/hooks.ts';
import type { AuditHost } from './host.ts';
import type { HookLadder } from './report/types.ts';

const isDockerOn = (host: AuditHost): IsDocker => {
  const theirs = new Set(host.rules().flatMap(({ rule, docker }) => (docker && docker.part !== 'operator' ? [rule] : []))); // prettier-ignore
  return () => (rule) => theirs.has(rule);
};

/** Hooks without base chains are left out. */
export const laddersOf = (host: AuditHost): readonly HookLadder[] => {
  const { listed, iptables } = host.host;
  const isDocker = isDockerOn(host);
  return hooks
    .map((hook) => ({ hook, rungs: ladderAt(hook, listed, iptables, isDocker) }))
    .filter(({ rungs }) => rungs.length > 0);
};
