/**
 * What would become of packets that the host needs, by simulation of all its rules with the guard beside them, against
 * what becomes of them today. Pure.
 */
import { isError } from '../diagnostics/diagnostic.ts';
import { registry } from '../extensions/registry.ts';
import type { Family } from '../netfilter/family.ts';
import { readNftables } from '../nftables/read.ts';
import type { NftRuleset } from '../nftables/ruleset.ts';
import { readPacket } from '../packet/words.ts';
import { hostOf, type Host as SimulatedHost } from '../simulate/host.ts';
import { iptablesProgram } from '../simulate/iptables-program.ts';
import { nftProgram } from '../simulate/nft-program.ts';
import { printSimulation } from '../simulate/print.ts';
import { simulate, type Simulation } from '../simulate/simulate.ts';
import type { HostFacts } from './facts.ts';
import type { Host } from './host.ts';
import { factsFor } from './network.ts';
import type { Policy } from './policy.ts';
import { type Probe, serviceProbes, type ServiceProbe, vitalProbes } from './probes.ts';
import { type Published, publishedPorts } from './published.ts';

/** `depends`: on something that is not known of the packet, such as a rate limit. */
export type Fate = 'passes' | 'lost' | 'depends';

export interface Checked {
  readonly probe: Probe;
  readonly today: Fate;
  readonly after: Fate;
  /** What the guard alone would do. */
  readonly guard: Fate;
  /** What happens with the guard, hook by hook, as text. */
  readonly trace: string;
}

export interface Preflight {
  /** Everything that was asked. */
  readonly checked: readonly Checked[];
  /** Vital packets that would be lost and are not lost today: reasons not to install. */
  readonly stops: readonly Checked[];
  /** Others that would be lost. */
  readonly warnings: readonly Checked[];
  /** Services that can be reached from anywhere today, and then not. */
  readonly closed: readonly ServiceProbe[];
  /** Forwarded: no policy of the guard is about them. */
  readonly published: readonly Published[];
  /** Why some answers cannot be had. */
  readonly gaps: readonly string[];
}

export interface PreflightInput {
  readonly host: Host;
  readonly policy: Policy;
  readonly facts: HostFacts;
  /** What is going to be loaded: a document of commands, as text. */
  readonly document: string;
}

interface Worlds {
  readonly today: SimulatedHost;
  readonly after: SimulatedHost;
  /** Nothing but the guard. */
  readonly guard: SimulatedHost;
}

/** A host's rules of one family, with either ruleset of nft. */
const worldsOf = (host: Host, ruleset: NftRuleset, guard: NftRuleset): ((family: Family) => Worlds) => {
  const made = new Map<Family, Worlds>();
  return (family) => {
    const known = made.get(family);
    if (known) return known;
    const iptables = iptablesProgram(host.iptables, registry, family);
    const facts = factsFor(host, family);
    const world = (nft: NftRuleset): SimulatedHost => hostOf([iptables, nftProgram(nft, family)], family, facts);
    const alone = hostOf([nftProgram(guard, family)], family, facts);
    const worlds = { today: world(host.nft), after: world(ruleset), guard: alone };
    made.set(family, worlds);
    return worlds;
  };
};

const fateOf = ({ verdict, ways }: Simulation): Fate => {
  if (verdict === 'accept') return 'passes';
  if (verdict !== 'unknown') return 'lost';
  const ends = new Set(ways.map((way) => (way.verdict === 'unknown' ? 'unknown' : way.verdict === 'accept')));
  return ends.size === 1 && ends.has(true) ? 'passes' : ends.size === 1 && ends.has(false) ? 'lost' : 'depends';
};

/** Where it depends on something today already, the guard itself has to be sure. */
const isWorse = ({ today, after, guard }: Checked): boolean =>
  (after === 'lost' && today !== 'lost') ||
  (after === 'depends' && (today === 'passes' || (today === 'depends' && guard !== 'passes')));

type Ask = (probe: Probe) => Checked;

const askIn =
  (worlds: (family: Family) => Worlds): Ask =>
  (probe) => {
    const { value, diagnostics } = readPacket(probe.words);
    if (!value || diagnostics.some(isError))
      throw new Error(`the packet "${probe.words}" cannot be read: ${diagnostics[0]?.what ?? ''}`);
    const { today, after, guard } = worlds(probe.family);
    const found = simulate(after, value.packet);
    return {
      probe,
      today: fateOf(simulate(today, value.packet)),
      after: fateOf(found),
      guard: fateOf(simulate(guard, value.packet)),
      trace: printSimulation(found, { all: false, packet: value.given.join(' '), assumed: value.assumed }),
    };
  };

const isPublished = (published: readonly Published[], { protocol, port }: ServiceProbe): boolean =>
  published.some((one) => one.protocol === protocol && one.port === String(port));

export const preflight = ({ host, policy, facts, document }: PreflightInput): Preflight => {
  const then = readNftables('the guard', document, host.nft);
  const ask = askIn(worldsOf(host, then.value, readNftables('the guard', document).value));
  const checked = vitalProbes(host, policy, facts).map(ask);
  const published = publishedPorts(host);
  const closed = serviceProbes(host, policy)
    .filter((probe) => !isPublished(published, probe))
    .filter((probe) => {
      const { today, after } = ask(probe);
      return today !== 'lost' && after === 'lost';
    });
  const worse = checked.filter(isWorse);
  return {
    checked,
    stops: worse.filter(({ probe }) => probe.vital),
    // That pings are limited is what was asked for.
    warnings: worse.filter(({ probe, after }) => !probe.vital && after === 'lost'),
    closed,
    published,
    gaps: [
      ...host.gaps.map(({ what, why }) => `${what}: ${why}`),
      ...[...host.diagnostics, ...then.diagnostics].filter(isError).map(({ what }) => what),
    ],
  };
};
