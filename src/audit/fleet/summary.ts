/** What is kept of each host to compare hosts with each other: little, because there may be thousands. */
import { commonVersions } from '../../docker/recognise.ts';
import type { VersionRange } from '../../docker/versions.ts';
import type { Peer } from '../../guard/docker-info.ts';
import type { Backend, Family } from '../../netfilter/family.ts';
import { clearWay } from '../encryption/clear.ts';
import { leavingOf } from '../encryption/leaving.ts';
import { encryptedNetworks } from '../encryption/networks.ts';
import type { AuditHost } from '../host.ts';
import { rulesOf } from '../overlays.ts';

/** One encrypted network on one host. */
export interface NetworkFact {
  readonly family: Family;
  readonly port: number;
  readonly vni: number;
  readonly network?: string;
  /** What a clear packet of it gets here. */
  readonly clear: 'accept' | 'drop' | 'unknown';
  /** How packets of it leave from here. */
  readonly leaves: 'encrypted' | 'clear' | 'unknown';
}

export interface HostSummary {
  readonly name: string;
  readonly files: readonly string[];
  readonly version?: string;
  /** The identifier of the Swarm, where the engine says it. */
  readonly cluster?: string;
  /** The node's own address in the Swarm, and those of others that it knows: `ip 3221225985`. */
  readonly own?: string;
  readonly peers: readonly string[];
  /** Backends that have rules of Docker's. */
  readonly backends: readonly Backend[];
  /** Releases that write the rules of encrypted overlays that there are; none if they are of several. */
  readonly written: readonly VersionRange[];
  readonly networks: readonly NetworkFact[];
}

const addressOf = ({ family, address }: Peer): string => `${family} ${address}`;

export const summaryOf = (host: AuditHost): HostSummary => {
  const { docker } = host.host;
  const networks = encryptedNetworks(host).filter(({ isUsed }) => isUsed !== 'no');
  const isDockers = host.rules().filter((rule) => rule.docker !== undefined && rule.docker.part !== 'operator');
  return {
    name: host.name,
    files: host.files,
    ...(docker?.version === undefined ? {} : { version: docker.version }),
    ...(host.around.cluster === undefined ? {} : { cluster: host.around.cluster }),
    ...(docker?.own ? { own: addressOf(docker.own) } : {}),
    peers: (docker?.peers ?? []).map(addressOf),
    backends: [...new Set(isDockers.map(({ table }) => table.backend))],
    written: commonVersions(networks.flatMap(rulesOf).flatMap(({ docker: rule }) => rule ?? [])),
    networks: networks.map((overlay): NetworkFact => {
      const leaving = leavingOf(host, overlay);
      return {
        family: overlay.family,
        port: overlay.port,
        vni: overlay.vni,
        ...(overlay.network ? { network: overlay.network.name } : {}),
        clear: clearWay(host, overlay).verdict,
        leaves: leaving.kind === 'clear' && leaving.isSpecial ? 'unknown' : leaving.kind,
      };
    }),
  };
};
