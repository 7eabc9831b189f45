/** A status as a text file for Prometheus' node exporter (its textfile collector). */
import { isSound, type Status } from './status.ts';

const label = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', ' ');

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  /** Labels and value. */
  readonly samples: readonly (readonly [string, number])[];
}

const gauge = (name: string, help: string, value: number): Metric => ({
  name,
  help,
  type: 'gauge',
  samples: [['', value]],
});

const bit = (yes: boolean): number => (yes ? 1 : 0);

/** Rules with one comment in one chain are one figure. */
const summed = (status: Status, of: 'packets' | 'bytes'): Metric['samples'] => {
  const sums = new Map<string, number>();
  for (const counter of status.counters) {
    const labels = `{chain="${label(counter.chain)}",rule="${label(counter.comment)}"}`;
    sums.set(labels, (sums.get(labels) ?? 0) + counter[of]);
  }
  return [...sums];
};

const metricsOf = (status: Status): readonly Metric[] => [
  gauge('dnfw_guard_active', 'Whether the guard is loaded.', bit(status.guard === 'loaded')),
  gauge('dnfw_guard_enforcing', 'Whether it is loaded and enforces.', bit(status.guard === 'loaded' && status.mode === 'enforce')), // prettier-ignore
  gauge('dnfw_guard_confirmed', 'Whether the loaded guard was confirmed.', bit(status.confirmed)),
  gauge('dnfw_generation', 'The generation that is loaded, 0 for none.', status.generation ?? 0),
  gauge('dnfw_drift', 'How many lines of what is loaded are not as installed.', status.drift.reduce((sum, { changes }) => sum + Math.max(1, changes.length), 0)), // prettier-ignore
  gauge('dnfw_sound', 'Whether dnfw status ends with 0.', bit(isSound(status))),
  gauge('dnfw_vni_enforced', 'Encrypted networks that the guard enforces.', status.docker.enforced.length),
  gauge('dnfw_vni_missing', 'Encrypted networks that the guard does not know.', status.docker.missing.length),
  gauge('dnfw_vni_stale', 'Networks that the guard enforces and that are not encrypted any more.', status.docker.stale.length), // prettier-ignore
  gauge('dnfw_vni_unruled', 'Encrypted networks for which rules of Docker are gone.', status.docker.unruled.length),
  gauge('dnfw_published_ports', 'Ports that Docker publishes, which never meet the guard.', status.published.length),
  { name: 'dnfw_rule_packets_total', help: 'Packets that a rule of the guard has matched.', type: 'counter', samples: summed(status, 'packets') }, // prettier-ignore
  { name: 'dnfw_rule_bytes_total', help: 'Bytes of these packets.', type: 'counter', samples: summed(status, 'bytes') },
];

export const metricsText = (status: Status): string =>
  metricsOf(status)
    .filter(({ samples }) => samples.length > 0)
    .map(
      ({ name, help, type, samples }) =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map(([labels, value]) => `${name}${labels} ${value}`), ''].join('\n'), // prettier-ignore
    )
    .join('');
