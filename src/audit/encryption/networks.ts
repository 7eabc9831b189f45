/** The encrypted networks of a host: those that it has rules for, and those that the engine says are encrypted. */
import type { DockerNetwork } from '../../docker/networks.ts';
import type { Peer } from '../../guard/docker-info.ts';
import { printAddress } from '../../netfilter/address.ts';
import type { Family } from '../../netfilter/family.ts';
import { vxlanPort } from '../../packet/layout.ts';
import type { AuditHost } from '../host.ts';
import { perHost } from '../lazy.ts';
import { type Overlay, overlayWords } from '../overlays.ts';

export interface EncryptedNetwork extends Overlay {
  /** What the engine says of the network that has this VNI. */
  readonly network: DockerNetwork | undefined;
  /**
   * `yes`: the engine has an encrypted network of this VNI with something attached to it on this host. `no`: it has
   * none that is encrypted. `unknown`: nobody has asked it, or nothing is attached here.
   */
  readonly isUsed: 'yes' | 'no' | 'unknown';
}

const isOverlay = ({ driver }: DockerNetwork): boolean => driver === 'overlay';

export const networkOf = (host: AuditHost, vni: number): DockerNetwork | undefined =>
  host.around.networks?.find((network) => isOverlay(network) && network.vnis.includes(vni));

/**
 * Whether a network may still be there: not if the engine has told all of its networks and none has the number. Of an
 * overlay whose numbers it does not tell nobody knows.
 */
export const stillUsed = ({ around: { networks } }: AuditHost, { vni }: Pick<Overlay, 'vni'>): boolean =>
  networks?.every((network) => !isOverlay(network) || network.vnis.length > 0) !== true ||
  networks.some((network) => isOverlay(network) && network.vnis.includes(vni));

const useOf = (host: AuditHost, overlay: Overlay, network: DockerNetwork | undefined): EncryptedNetwork['isUsed'] => {
  if (!network) return stillUsed(host, overlay) ? 'unknown' : 'no';
  if (!network.encrypted) return 'no';
  return network.members.length > 0 ? 'yes' : 'unknown';
};

/** The port of the data path: by the rules, else by the engine, else the usual one. */
export const dataPathPort = (host: AuditHost): number => {
  const ports = new Set(host.overlays().map(({ port }) => port));
  const [only] = ports;
  return (ports.size === 1 ? only : host.host.docker?.dataPathPort) ?? vxlanPort;
};

/** By family, port and VNI. */
export const encryptedNetworks: (host: AuditHost) => readonly EncryptedNetwork[] = perHost(
  (host: AuditHost): readonly EncryptedNetwork[] => {
    const byRules = host.overlays();
    const known = new Set(byRules.map(({ vni }) => vni));
    const family = host.host.docker?.own?.family ?? byRules[0]?.family ?? 'ip';
    const withoutRules = (host.around.networks ?? [])
      .filter((network) => isOverlay(network) && network.encrypted && network.members.length > 0)
      .flatMap(({ vnis }) => vnis)
      .filter((vni) => !known.has(vni))
      .map((vni): Overlay => ({
        family,
        port: dataPathPort(host),
        vni,
        marks: [],
        accepts: [],
        drops: [],
        dropsAny: [],
        nativeMarks: [],
        nativeDrops: [],
      }));
    return [...byRules, ...withoutRules].map((overlay) => {
      const network = networkOf(host, overlay.vni);
      return { ...overlay, network, isUsed: useOf(host, overlay, network) };
    });
  },
);

/** `VNI 4097 (0x1001), port 4789, network encA`. */
export const networkWords = (overlay: EncryptedNetwork): string =>
  `${overlayWords(overlay)}${overlay.network ? `, network ${overlay.network.name}` : ''}`;

export const hasMark = ({ marks, nativeMarks }: Overlay): boolean => marks.length + nativeMarks.length > 0;
export const hasDrop = ({ drops, dropsAny, nativeDrops }: Overlay): boolean =>
  drops.length + dropsAny.length + nativeDrops.length > 0;

/** Other nodes of the Swarm, as far as the engine says: a worker knows the managers only. */
export const peersOf = ({ host }: AuditHost, { family }: Pick<Overlay, 'family'>): readonly Peer[] =>
  (host.docker?.peers ?? []).filter((peer) => peer.family === family).slice(0, 64);

/** RFC 5737 and RFC 3849. */
const documentation: Readonly<Record<Family, readonly [peer: string, own: string]>> = {
  ip: ['203.0.113.10', '198.51.100.7'],
  ip6: ['2001:db8:2::10', '2001:db8:1::7'],
};

/** The addresses of another node and of this one, as far as the engine says; else addresses for examples. */
export const exampleAddresses = (host: AuditHost, family: Family): readonly [peer: string, own: string] => {
  const own = host.host.docker?.own;
  const [peer] = peersOf(host, { family });
  const [anotherPeer, anotherOwn] = documentation[family];
  return [
    peer ? printAddress(peer.address, family) : anotherPeer,
    own?.family === family ? printAddress(own.address, family) : anotherOwn,
  ];
};
