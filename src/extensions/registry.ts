/** Every extension that dnfw has a model of. A new one costs its file, an import and a name here. */
import type { MatchExtension, Registry, TargetExtension } from './contract.ts';
import { unmodelledTargets } from './unmodelled.ts';
import { udp } from './matches/udp.ts';

const matches: readonly MatchExtension[] = [udp];

const targets: readonly TargetExtension[] = [];

export const registry: Registry = {
  matches: new Map(matches.map((match) => [match.name, match])),
  targets: new Map(targets.map((target) => [target.name, target])),
  unmodelledTargets,
};
