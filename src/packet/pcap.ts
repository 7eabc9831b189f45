/** Capture files: classic pcap and pcapng are read, classic pcap is written (draft-ietf-opsawg-pcap, -pcapng). */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Family } from '../netfilter/family.ts';
import { type Taken, takeBytes, taken } from './frame.ts';
import { joined } from './octets.ts';

export interface CapturedPacket extends Taken {
  /** Its number in the file, from 1, as other programs count. */
  readonly number: number;
}

export interface Capture {
  readonly packets: readonly CapturedPacket[];
  /** Frames that are neither IPv4 nor IPv6, such as ARP. */
  readonly others: number;
}

/** One frame of a file before it is understood. */
interface Frame {
  readonly linkType: number;
  readonly data: Uint8Array;
}

interface Frames {
  readonly frames: readonly Frame[];
  /** Why reading stopped before the end. */
  readonly broken?: string;
}

const linkTypes = {
  null: 0,
  ethernet: 1,
  raw: 101,
  loop: 108,
  cooked: 113,
  ipv4: 228,
  ipv6: 229,
  cooked2: 276,
} as const;
/** LINKTYPE_RAW as some systems number it in files. */
const rawTypes = new Set<number>([linkTypes.raw, linkTypes.ipv4, linkTypes.ipv6, 12, 14]);

const byVersion = (bytes: Uint8Array): Family | undefined => {
  const version = (bytes[0] ?? 0) >> 4;
  return version === 4 ? 'ip' : version === 6 ? 'ip6' : undefined;
};

/** How many bytes stand before the network header, for link types whose headers are no Ethernet. */
const before: ReadonlyMap<number, number> = new Map([
  [linkTypes.null, 4],
  [linkTypes.loop, 4],
  [linkTypes.cooked, 16],
  [linkTypes.cooked2, 20],
]);

const understand = ({ linkType, data }: Frame): Taken | undefined => {
  if (linkType === linkTypes.ethernet) {
    const found = takeBytes(data);
    // A frame is a frame even if its bytes could be a packet.
    return found?.link ? found : undefined;
  }
  const skip = rawTypes.has(linkType) ? 0 : before.get(linkType);
  if (skip === undefined) return undefined;
  if ((linkType === linkTypes.cooked || linkType === linkTypes.cooked2) && data.length > skip) {
    const type = new DataView(data.buffer, data.byteOffset).getUint16(linkType === linkTypes.cooked ? 14 : 0);
    if (type !== 0x0800 && type !== 0x86dd) return undefined;
  }
  const bytes = data.slice(skip);
  const family = byVersion(bytes);
  return family && taken(family, bytes, undefined, `an ${family === 'ip' ? 'IPv4' : 'IPv6'} packet`);
};

const magics: Readonly<Record<number, boolean>> = {
  0xa1b2c3d4: false,
  0xa1b23c4d: false,
  0xd4c3b2a1: true,
  0x4d3cb2a1: true,
};

const readClassic = (bytes: Uint8Array, little: boolean): Frames => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 24) return { frames: [], broken: 'the file ends in its header' };
  const linkType = view.getUint32(20, little) & 0xffff;
  const frames: Frame[] = [];
  let at = 24;
  while (at < bytes.length) {
    if (at + 16 > bytes.length) return { frames, broken: 'the file ends in the header of a packet' };
    const size = view.getUint32(at + 8, little);
    if (at + 16 + size > bytes.length) return { frames, broken: 'the file ends in a packet' };
    frames.push({ linkType, data: bytes.slice(at + 16, at + 16 + size) });
    at += 16 + size;
  }
  return { frames };
};

const blocks = { section: 0x0a0d0d0a, interface: 1, packet: 2, simple: 3, enhanced: 6 } as const;

/** One section at a time has one byte order and its own interfaces. */
const readNext = (bytes: Uint8Array): Frames => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: Frame[] = [];
  let little = true;
  let interfaces: { readonly linkType: number; readonly snap: number }[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 12 > bytes.length) return { frames, broken: 'the file ends in the header of a block' };
    if (view.getUint32(at) === blocks.section) {
      if (at + 16 > bytes.length) return { frames, broken: 'the file ends in the header of a section' };
      const order = view.getUint32(at + 8);
      if (order !== 0x1a2b3c4d && order !== 0x4d3c2b1a) return { frames, broken: 'a section has no byte order' };
      little = order === 0x4d3c2b1a;
      interfaces = [];
    }
    const type = view.getUint32(at, little);
    const size = view.getUint32(at + 4, little);
    if (size < 12 || size % 4 !== 0 || at + size > bytes.length)
      return { frames, broken: 'a block has no possible length' };
    const body = at + 8;
    const room = size - 12;
    if (type === blocks.interface && room >= 8)
      interfaces.push({ linkType: view.getUint16(body, little), snap: view.getUint32(body + 4, little) });
    const fixed = type === blocks.simple ? 4 : type === blocks.enhanced || type === blocks.packet ? 20 : -1;
    if (fixed >= 0) {
      const index =
        fixed === 4 ? 0 : type === blocks.enhanced ? view.getUint32(body, little) : view.getUint16(body, little);
      const from = interfaces[index];
      if (room < fixed || !from) return { frames, broken: 'a packet belongs to no interface' };
      // A simple block has only the length that the frame had on the wire.
      const original = view.getUint32(body + fixed - 4, little);
      const kept =
        fixed === 4 ? Math.min(original, room - 4, from.snap || original) : view.getUint32(body + 12, little);
      if (kept > room - fixed) return { frames, broken: 'a packet is longer than its block' };
      frames.push({ linkType: from.linkType, data: bytes.slice(body + fixed, body + fixed + kept) });
    }
    at += size;
  }
  return { frames };
};

const problem = (severity: 'error' | 'warning', what: string, help?: string): Diagnostic => ({
  code: 'bad-capture',
  severity,
  what,
  ...(help === undefined ? {} : { help }),
});

const supported = new Set<number>([linkTypes.ethernet, ...before.keys(), ...rawTypes]);

/** Reads as much as can be read: a file that ends early gives the packets before, and a warning. */
export const readPcap = (
  bytes: Uint8Array,
  file: string,
): { readonly value: Capture; readonly diagnostics: readonly Diagnostic[] } => {
  const magic = bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const little = magics[magic];
  if (magic !== blocks.section && little === undefined)
    return {
      value: { packets: [], others: 0 },
      diagnostics: [problem('error', `${file} is neither a pcap nor a pcapng file`, 'write one with tcpdump -w')],
    };
  const { frames, broken } = little === undefined ? readNext(bytes) : readClassic(bytes, little);
  const diagnostics: Diagnostic[] = [];
  const packets = frames.flatMap((frame, index): CapturedPacket[] => {
    const found = understand(frame);
    if (!found) return [];
    const told = found.diagnostics.map((one) => ({ ...one, what: `${file}, packet ${index + 1}: ${one.what}` }));
    diagnostics.push(...told);
    return [{ ...found, number: index + 1 }];
  });
  for (const type of new Set(frames.map(({ linkType }) => linkType)))
    if (!supported.has(type))
      diagnostics.push(problem('error', `${file} has frames of link type ${type}, which dnfw does not read`));
  if (broken !== undefined)
    diagnostics.push(
      problem(frames.length > 0 ? 'warning' : 'error', `${file}: ${broken}`, 'the packets before are read'),
    );
  return { value: { packets, others: frames.length - packets.length }, diagnostics };
};

/** A file with these packets, of link type Ethernet if all of them have an Ethernet header, else from the network header. */
export const writePcap = (
  packets: readonly { readonly bytes: Uint8Array; readonly link?: Uint8Array }[],
): Uint8Array => {
  const framed = packets.length > 0 && packets.every(({ link }) => link !== undefined && link.length >= 14);
  const head = new Uint8Array(24);
  const view = new DataView(head.buffer);
  view.setUint32(0, 0xa1b2c3d4);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, 262_144);
  view.setUint32(20, framed ? linkTypes.ethernet : linkTypes.raw);
  const parts = packets.flatMap(({ bytes, link }, index) => {
    const data = framed && link ? joined([link, bytes]) : bytes;
    const record = new DataView(new ArrayBuffer(16));
    // A second apart, from 1970 on: other programs show packets in the order of their times.
    record.setUint32(0, index);
    record.setUint32(8, data.length);
    record.setUint32(12, data.length);
    return [new Uint8Array(record.buffer), data];
  });
  return joined([head, ...parts]);
};
