/** All findings of several hosts. A new one costs its file, a line here and its cases in test/audit/fleet. */
import { findingOf, inOrder } from '../inspect.ts';
import type { Finding } from '../finding.ts';
import type { FleetRule } from './contract.ts';
import type { HostSummary } from './summary.ts';
import { swarmBackendMixed } from './swarm-backend-mixed.ts';
import { swarmMarkMissing } from './swarm-mark-missing.ts';
import { swarmMixedEras } from './swarm-mixed-eras.ts';
import { swarmSpiMismatch } from './swarm-spi-mismatch.ts';
import { swarmVniPartial } from './swarm-vni-partial.ts';
import { swarmsOf } from './swarms.ts';

export const fleetRules: readonly FleetRule[] = [
  swarmVniPartial,
  swarmMarkMissing,
  swarmMixedEras,
  swarmSpiMismatch,
  swarmBackendMixed,
];

/** What hosts show together; `only`: the codes to look for. */
export const fleetFindings = (hosts: readonly HostSummary[], only?: ReadonlySet<string>): readonly Finding[] => {
  const rules = fleetRules.filter(({ code }) => only?.has(code) ?? true);
  const swarms = swarmsOf(hosts);
  return inOrder(swarms.flatMap((swarm) => rules.flatMap((rule) => rule.find(swarm).map((found) => findingOf(rule, found))))); // prettier-ignore
};
