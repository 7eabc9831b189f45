/** A host as finding rules see it: what was read, and what follows from it, each made when it is first asked for. */
import { commonVersions } from '../docker/recognise.ts';
import type { VersionRange } from '../docker/versions.ts';
import { registry } from '../extensions/registry.ts';
import { factsFor } from '../guard/network.ts';
import { type Published, publishedPorts } from '../guard/published.ts';
import { families, type Family } from '../netfilter/family.ts';
import type { Packet } from '../packet/packet.ts';
import type { Program, ProgramRule, RuleOrigin } from '../packet/program.ts';
import type { Oracle } from '../packet/view.ts';
import type { Decoded } from '../prove/decode.ts';
import { hostOf, type Host as SimulatedHost } from '../simulate/host.ts';
import { departures } from '../simulate/ipsec.ts';
import { iptablesProgram } from '../simulate/iptables-program.ts';
import { nftProgram } from '../simulate/nft-program.ts';
import type { BuiltInChain, Hook, TableName } from '../netfilter/hooks.ts';
import { type Bridge, bridgesIn } from './bridges.ts';
import { type Exposure, exposureOf } from './exposure.ts';
import { type HostRule, hostRules } from './host-rules.ts';
import { lazy, lazyBy } from './lazy.ts';
import { type Overlay, overlaysIn } from './overlays.ts';
import { type Probes, probesOf } from './probe.ts';
import { type Proof, proofOf } from './proof.ts';
import { type Sent, sendDecoded, sendWords } from './send.ts';
import type { Source } from './source.ts';

export interface AuditHost extends Source {
  /** Every iptables rule, in the order of the tables. */
  readonly rules: () => readonly HostRule[];
  /** The rule of iptables that a rule of a program was made from; undefined for native ones. */
  readonly ruleOf: (rule: Pick<ProgramRule, 'origin'>) => HostRule | undefined;
  /** Encrypted overlays by the rules about them. */
  readonly overlays: () => readonly Overlay[];
  readonly published: () => readonly Published[];
  /** Whether it is known what a chain has in it: then one that is not there is empty. */
  readonly knows: (family: Family, table: TableName, chain: BuiltInChain) => boolean;
  /** Devices that Docker made bridges of. */
  readonly bridges: () => ReadonlySet<string>;
  /** The same with networks and containers of one family. */
  readonly bridgesOf: (family: Family) => readonly Bridge[];
  /** Who sends packets to this host from where, and what becomes of them. */
  readonly probes: (family: Family) => Probes;
  /** Which ports of this host and of its containers are reached, and from where. */
  readonly exposure: () => Exposure;
  /** The engine's own word, or undefined. */
  readonly version: string | undefined;
  /** The releases that write all of the rules that there are; none if they are of several, one open range if there are none. */
  readonly versionsByRules: () => readonly VersionRange[];
  /** All rules of a family, of iptables and native, side by side. */
  readonly program: (family: Family) => Program;
  readonly proof: (family: Family) => Proof;
  /** A packet through all of its way, or from the hook on that its words say. */
  readonly send: (family: Family, words: string) => Sent;
  readonly sendDecoded: (decoded: Decoded, hook: Hook) => Sent;
  /** The ways of a packet of this host itself, and where the kernel looks for an IPsec policy on them. */
  readonly departures: (packet: Packet, oracle?: Oracle) => ReturnType<typeof departures>;
  /** What would become of it on this host with other rules. */
  readonly sendThrough: (other: Program, decoded: Decoded, hook: Hook) => Sent;
  /** Families with any rule or base chain. */
  readonly families: () => readonly Family[];
  /** Questions that would have taken too much to be answered. */
  readonly unsure: () => readonly string[];
}

const rulesIn = ({ iptables, nft }: Source['host'], family: Family): number => {
  const chains = [
    ...iptables.tables.filter((table) => table.family === family).flatMap((table) => table.chains),
    ...nft.tables.flatMap((table) => [...table.chains.values()]),
  ];
  return chains.reduce((sum, { rules }) => sum + rules.length, 0);
};

export const auditHost = (source: Source): AuditHost => {
  const { host } = source;
  const found = lazy(() => hostRules(host.iptables));
  const program = lazyBy((family: Family): Program => ({
    family,
    tables: [...iptablesProgram(host.iptables, registry, family).tables, ...nftProgram(host.nft, family).tables],
  }));
  const simulated = lazyBy((family: Family): SimulatedHost =>
    hostOf([program(family)], family, factsFor(host, family)),
  );
  const byOrigin = lazy(() => new Map<RuleOrigin, HostRule>(found().all.map((rule) => [rule.rule.origin, rule])));
  const unsure: string[] = [];
  const knows: AuditHost['knows'] = (family, table, chain) =>
    !source.absent.has(family === 'ip' ? 'iptables' : 'ip6tables') &&
    (source.chains?.has(`${family} ${table} ${chain}`) ?? true);
  const published = lazy(() => publishedPorts(host));
  const bridges = lazyBy((family: Family) => bridgesIn(source, found().all, family));
  const docker = lazy(() => found().all.flatMap((rule) => rule.docker ?? []));
  const audited: AuditHost = {
    ...source,
    rules: () => found().all,
    ruleOf: ({ origin }) => byOrigin().get(origin),
    overlays: lazy(() => overlaysIn(found().all, host.nft)),
    published,
    knows,
    bridges: () => found().bridges,
    bridgesOf: bridges,
    probes: lazyBy((family: Family) =>
      probesOf({
        source,
        rules: found().all,
        published: published(),
        bridges: bridges(family),
        program: program(family),
        knows,
        family,
      }),
    ),
    version: host.docker?.version,
    versionsByRules: lazy(() => commonVersions(docker())),
    program,
    proof: lazyBy((family: Family) =>
      proofOf(program(family), rulesIn(host, family), (question) => {
        const said = `${family === 'ip' ? 'IPv4' : 'IPv6'}: ${question}`;
        if (!unsure.includes(said)) unsure.push(said);
      }),
    ),
    send: (family, words) => sendWords(simulated(family), words),
    sendDecoded: (decoded, hook) => sendDecoded(simulated(decoded.packet.family), decoded, hook),
    departures: (packet, oracle) => departures(simulated(packet.family), packet, oracle),
    sendThrough: (other, decoded, hook) =>
      sendDecoded(hostOf([other], other.family, factsFor(host, other.family)), decoded, hook),
    families: lazy(() =>
      families.filter((family) =>
        program(family).tables.some(({ chains }) => [...chains.values()].some(({ base }) => base)),
      ),
    ),
    unsure: () => unsure,
    exposure: lazy(() => exposureOf(audited)),
  };
  return audited;
};
