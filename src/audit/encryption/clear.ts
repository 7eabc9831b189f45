/** What becomes of clear packets of encrypted networks that come to a host, asked once for all of its networks. */
import type { ProgramRule } from '../../packet/program.ts';
import type { AuditHost } from '../host.ts';
import { perHost } from '../lazy.ts';
import type { Overlay } from '../overlays.ts';
import type { Sent } from '../send.ts';
import { arrivals } from './arrival.ts';
import { type EncryptedNetwork, encryptedNetworks, exampleAddresses } from './networks.ts';
import { clearVxlan, unmarked } from './packets.ts';

export interface Clear {
  readonly verdict: 'accept' | 'drop' | 'unknown';
  /** The packet that gets in, and its way. */
  readonly sent?: Sent;
  /** Rules of iptables' INPUT and its chains that accept some of these packets. */
  readonly accepts: readonly ProgramRule[];
}

const nameOf = ({ family, port, vni }: Pick<Overlay, 'family' | 'port' | 'vni'>): string => `${family} ${port} ${vni}`;

const ofFamily = (host: AuditHost, some: readonly EncryptedNetwork[]): readonly (readonly [string, Clear])[] => {
  const [first] = some;
  if (!first) return [];
  const marks = (['raw', 'mangle'] as const).every((table) => host.knows(first.family, table, 'PREROUTING'));
  const answers = arrivals(host, first.family, some.map((one) => [...clearVxlan(one), ...(marks ? unmarked : [])])); // prettier-ignore
  return some.map((overlay, index) => {
    const answer = answers?.[index];
    const name = nameOf(overlay);
    if (!answer) return [name, { verdict: 'unknown', accepts: [] }];
    if (!answer.example) return [name, { verdict: 'drop', accepts: [] }];
    const sent = host.sendDecoded(answer.example, 'prerouting');
    if (sent.verdict !== 'accept') return [name, { verdict: 'unknown', accepts: [] }];
    const accepts = answer.by.filter(({ table }) => table.name === 'filter' && table.runs !== 'nft');
    return [name, { verdict: 'accept', sent, accepts: accepts.map(({ rule }) => rule) }];
  });
};

const clearWays = perHost((host: AuditHost): ReadonlyMap<string, Clear> => {
  const known = encryptedNetworks(host).filter(({ family }) => host.knows(family, 'filter', 'INPUT'));
  return new Map(
    (['ip', 'ip6'] as const).flatMap(
      (family) =>
      ofFamily(host, known.filter((one) => one.family === family)), // prettier-ignore
    ),
  );
});

/** `unknown` too where INPUT is not known. */
export const clearWay = (host: AuditHost, overlay: Pick<Overlay, 'family' | 'port' | 'vni'>): Clear =>
  clearWays(host).get(nameOf(overlay)) ?? { verdict: 'unknown', accepts: [] };

/** The words of a packet from another host, and of where it starts. */
export const arriving = (host: AuditHost, { family, port, vni }: Overlay, secpath: 'yes' | 'no'): string => {
  const [source, own] = exampleAddresses(host, family);
  return `${family} saddr=${source} daddr=${own} udp sport=49152 dport=${port} vxlan vni=${vni} secpath=${secpath} fib daddr type=local`;
};

/** A clear packet of the network, as another host would send it. */
export const sendClear = (host: AuditHost, overlay: Overlay): Sent =>
  host.send(overlay.family, arriving(host, overlay, 'no'));
