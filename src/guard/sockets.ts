/** What `ss -H -tuwnp` prints (ss(8)): who listens, and who talks to whom. */
import { parseAddress } from '../netfilter/address.ts';
import type { Family } from '../netfilter/family.ts';

/** One end. Without `address` any address of the families that the socket is of. */
export interface End {
  readonly family?: Family;
  readonly address?: bigint;
  readonly device?: string;
  /** Absent for any; of a raw socket, its protocol. */
  readonly port?: number;
}

export interface Socket {
  readonly protocol: 'tcp' | 'udp' | 'raw';
  readonly state: 'listening' | 'established';
  readonly local: End;
  readonly peer: End;
  /** Names of the processes that have it; empty without the right to see them. */
  readonly programs: readonly string[];
}

const portOf = (text: string): number | undefined => (/^\d{1,5}$/.test(text) ? Number(text) : undefined);

/** A socket of IPv6 shows a peer of IPv4 as `::ffff:192.0.2.1`. */
const plain = (family: Family, address: bigint): { readonly family: Family; readonly address?: bigint } => {
  if (family === 'ip6' && address >> 32n === 0xffffn) return { family: 'ip', address: address & 0xffffffffn };
  return address === 0n ? { family } : { family, address };
};

/** `192.0.2.1:22`, `127.0.0.53%lo:53`, `[fe80::1]%eth0:546`, `*:22`. */
const endIn = (text: string): End | undefined => {
  const found = /^(?:\[([^\]]*)\]|([^%[\]]*?))(?:%([^:\s]+))?:([^:\s]+)$/.exec(text);
  if (!found) return undefined;
  const [, six, other = '', device, last = ''] = found;
  const port = portOf(last);
  const more = { ...(device === undefined ? {} : { device }), ...(port === undefined ? {} : { port }) };
  if (six === undefined && (other === '*' || other === '')) return more;
  // ss of some releases writes addresses of IPv6 without brackets where there is no port to tell apart.
  const family: Family = six !== undefined || other.includes(':') ? 'ip6' : 'ip';
  const address = parseAddress(six ?? other, family);
  return address === undefined ? undefined : { ...plain(family, address), ...more };
};

const programsIn = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/\("([^"]*)",pid=/g)].map(([, name]) => name ?? '')),
];

const isProtocol = (text: string | undefined): text is Socket['protocol'] =>
  text === 'tcp' || text === 'udp' || text === 'raw';

const states: Readonly<Record<string, Socket['state']>> = {
  LISTEN: 'listening',
  UNCONN: 'listening',
  ESTAB: 'established',
};

/** Lines that are no sockets of IP, or in another state, are left out. */
export const readSockets = (text: string): readonly Socket[] =>
  text.split('\n').flatMap((line): readonly Socket[] => {
    const [protocol, state = '', , , local = '', peer = '', ...rest] = line.trim().split(/\s+/);
    const found = states[state];
    const [here, there] = [endIn(local), endIn(peer)];
    return isProtocol(protocol) && found && here && there
      ? [{ protocol, state: found, local: here, peer: there, programs: programsIn(rest.join(' ')) }]
      : [];
  });

/** Whether only this host itself can reach it. */
export const isLocalOnly = ({ local }: Socket): boolean => {
  if (local.device === 'lo') return true;
  if (local.address === undefined) return false;
  return local.family === 'ip' ? local.address >> 24n === 127n : local.address === 1n;
};
