/**
 * Hosts that nobody has spoilt: rules as real engines programmed them (`n1` has containers, published ports and networks
 * of every kind, `n2` tasks of encrypted networks only; n3 has the same rules as n2), the same with an engine that
 * answers, and hosts without Docker.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareSource } from '../../src/audit/bare.ts';
import { sourceOfCapture } from '../../src/audit/captured.ts';
import type { Source } from '../../src/audit/source.ts';
import { readCapture } from '../../src/capture/read.ts';
import { type Era, fleet } from './captures.ts';

export interface UntouchedHost {
  readonly name: string;
  readonly source: () => Promise<Source>;
}

const root = join(import.meta.dirname, '../..');

const bare = (name: string, ...paths: readonly string[]): UntouchedHost => ({
  name,
  source: async () => {
    const inputs = paths.map((path) => ({ name: path.slice(path.lastIndexOf('/') + 1), text: readFileSync(join(root, path), 'utf8') })); // prettier-ignore
    const { value } = bareSource(inputs);
    if (!value) throw new Error(`${name} cannot be read`);
    return Promise.resolve(value);
  },
});

const captured = async (name: string, text: string): Promise<Source> => {
  const { value } = readCapture({ name, text });
  if (!value) throw new Error(`${name} cannot be read`);
  return sourceOfCapture(value, name);
};

const eras: readonly Era[] = ['20.10.5', '20.10.24', '20.10.24-legacy', '28.5.2'];
const steps = ['0-start', '1-bridges', '3-service'] as const;

const present = (...paths: readonly string[]): readonly string[] =>
  paths.filter((path) => existsSync(join(root, path)));

const first = (era: Era): readonly UntouchedHost[] =>
  steps.map((step) => {
    const file = `test/data/steps/docker-${era}/${step}`;
    return bare(`docker ${era}, n1, ${step}`, ...present(`${file}.iptables-save`, `${file}.ip6tables-save`));
  });

const second = (era: Era): UntouchedHost => {
  const file = `test/data/untouched/docker-${era}/3-service-n2`;
  return bare(`docker ${era}, n2 with what nft lists`, ...present(`${file}.iptables-save`, `${file}.ip6tables-save`, `${file}.nft.json`)); // prettier-ignore
};

const answering = (era: Era): UntouchedHost => ({
  name: `docker ${era}, a capture with answers of the engine`,
  source: async () => {
    const [node] = fleet(1, { eraOf: () => era });
    return captured('node.json', node?.text() ?? '');
  },
});

const rulesets = 'translations/rulesets';

export const untouchedHosts: readonly UntouchedHost[] = [
  ...eras.flatMap((era) => [...first(era), second(era), answering(era)]),
  bare('docker 20.10.24 with a published service', `${rulesets}/docker-20.10.24-ingress/node.iptables-save`, 'test/data/untouched/docker-20.10.24-ingress.nft.json'), // prettier-ignore
  bare('the ingress namespace', `${rulesets}/docker-20.10.24-ingress-sandbox/namespace.iptables-save`),
  bare('the namespace of a load balancer', `${rulesets}/docker-20.10.24-load-balancer/namespace.iptables-save`),
  bare('the namespace of a task', `${rulesets}/docker-20.10.24-task/namespace.iptables-save`),
  bare('the listing of INPUT of a first-era node', `${rulesets}/listing-first-era/input.iptables-nvL`),
  bare('an empty host', 'test/data/untouched/empty.iptables-save'),
  bare('a host without Docker', 'test/data/untouched/plain.iptables-save'),
  bare('a native firewall, policy drop', 'test/data/untouched/native.nft.json'),
  bare('ufw without Docker', `${rulesets}/operator-ufw/node.iptables-save`, `${rulesets}/operator-ufw/node.ip6tables-save`), // prettier-ignore
  {
    name: 'docker 28.5.2 with the guard',
    source: async () => captured('guarded.json', readFileSync(join(root, 'test/data/untouched/guarded.json'), 'utf8')),
  },
];
