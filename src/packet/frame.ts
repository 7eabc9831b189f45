/** What a string of captured bytes is: an IP packet, or an Ethernet frame with one. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Family } from '../netfilter/family.ts';
import { folded, sum16 } from './checksum.ts';
import { readNumber } from './octets.ts';
import type { Captured } from './words.ts';

export interface Taken extends Captured {
  /** How the bytes were understood, for the user. */
  readonly taken: string;
  readonly diagnostics: readonly Diagnostic[];
}

const word = (bytes: Uint8Array, at: number): number => Number(readNumber(bytes, at * 8, 16));

const ethernet = 14;
const vlanTypes = new Set([0x8100, 0x88a8]);
const familyOfType: Readonly<Record<number, Family>> = { 0x0800: 'ip', 0x86dd: 'ip6' };

/** The family that the first byte names, if the network header can begin like this. */
const familyAt = (bytes: Uint8Array, at: number): Family | undefined => {
  const first = bytes[at] ?? 0;
  if (first >> 4 === 4 && (first & 15) >= 5) return 'ip';
  return first >> 4 === 6 ? 'ip6' : undefined;
};

/** How long the network header says that the packet is; 0 for an IPv6 jumbogram or offloaded segments. */
const saidLength = (family: Family, bytes: Uint8Array): number =>
  family === 'ip' ? word(bytes, 2) : word(bytes, 4) === 0 ? 0 : 40 + word(bytes, 4);

/** Length, and for IPv4 the checksum, are right: no Ethernet frame looks like this by chance. */
const isWholePacket = (bytes: Uint8Array): boolean => {
  const family = familyAt(bytes, 0);
  if (!family || saidLength(family, bytes) !== bytes.length) return false;
  return family === 'ip6' || folded(sum16(bytes, 0, ((bytes[0] ?? 0) % 16) * 4)) === 0;
};

/** Where the network header is behind an Ethernet header, with or without VLAN tags. */
const behindEthernet = (bytes: Uint8Array): { readonly at: number; readonly family: Family } | undefined => {
  let at = ethernet - 2;
  while (vlanTypes.has(word(bytes, at)) && at < 24) at += 4;
  const family = familyOfType[word(bytes, at)];
  return family !== undefined && familyAt(bytes, at + 2) === family ? { at: at + 2, family } : undefined;
};

/** As ip_rcv and ip6_rcv do it: what lies behind the packet's own length is padding of the link. */
export const taken = (family: Family, all: Uint8Array, link: Uint8Array | undefined, how: string): Taken => {
  const said = saidLength(family, all);
  const padding = said >= (family === 'ip' ? 20 : 40) && said < all.length ? all.length - said : 0;
  const cut = said > all.length;
  const bytes = all.slice(0, all.length - padding);
  return {
    family,
    bytes,
    ...(link ? { link } : {}),
    taken: padding > 0 ? `${how}, without ${padding} bytes of padding` : how,
    diagnostics: cut
      ? [
          {
            code: 'packet-cut',
            severity: 'warning',
            what: `the packet says to have ${said} bytes, and ${all.length} are here`,
            why: 'rules that read what is missing are taken not to find it',
            help: 'capture whole packets (tcpdump -s 0)',
          },
        ]
      : [],
  };
};

/** Undefined for bytes that are neither. */
export const takeBytes = (bytes: Uint8Array): Taken | undefined => {
  const raw = familyAt(bytes, 0);
  const names = { ip: 'IPv4', ip6: 'IPv6' };
  const frame = behindEthernet(bytes);
  if (frame && !isWholePacket(bytes))
    return taken(
      frame.family,
      bytes.slice(frame.at),
      bytes.slice(0, frame.at),
      `an Ethernet frame with an ${names[frame.family]} packet`,
    );
  return raw && taken(raw, bytes, undefined, `an ${names[raw]} packet from its network header`);
};
