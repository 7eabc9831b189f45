/** A finding that only several hosts together show: one file here, like those of one host in rules/. */
import type { FindingRule } from '../contract.ts';
import type { Evidence, Found, Severity } from '../finding.ts';
import type { HostSummary, NetworkFact } from './summary.ts';
import type { Swarm } from './swarms.ts';

export interface FleetRule extends Omit<FindingRule, 'needs' | 'find'> {
  readonly find: (swarm: Swarm) => readonly Found[];
}

/** The file of a host as evidence, with what it shows. */
export const hostEvidence = ({ name, files }: HostSummary, note: string): Evidence => ({
  file: files[0] ?? name,
  line: 0,
  text: name,
  note,
});

/** What is only supposed to be one Swarm gets less weight. */
export const weighed = ({ known }: Swarm, severity: Severity): { readonly severity: Severity } => ({
  severity: known === 'supposed' ? 'low' : severity,
});

/** Networks that at least two hosts of a Swarm have, with what each makes of them. */
export const sharedNetworks = ({
  hosts,
}: Swarm): readonly {
  readonly about: NetworkFact;
  readonly on: readonly (readonly [HostSummary, NetworkFact])[];
}[] => {
  const found = new Map<string, (readonly [HostSummary, NetworkFact])[]>();
  for (const host of hosts)
    for (const fact of host.networks) {
      const key = `${fact.family} ${fact.port} ${fact.vni}`;
      const some = found.get(key) ?? [];
      some.push([host, fact]);
      found.set(key, some);
    }
  return [...found.values()].flatMap((on) => {
    const about = on.find(([, { network }]) => network !== undefined)?.[1] ?? on[0]?.[1];
    return about && on.length > 1 ? [{ about, on }] : [];
  });
};

export const namesOf = (on: readonly (readonly [HostSummary, NetworkFact])[]): readonly string[] =>
  on.map(([{ name }]) => name);
