/** From a description of a packet to its bytes: lengths and checksums are right unless they are given. */
import type { Family } from '../netfilter/family.ts';
import { udp } from '../netfilter/protocols.ts';
import { crc32c, folded, sum16 } from './checksum.ts';
import { type HeaderName, extensions, layouts, transports, vxlanPort } from './layout.ts';
import { fromHex, joined, readNumber, writeNumber } from './octets.ts';

export interface Header {
  readonly name: HeaderName;
  /** Fields of layout.ts that are not as usual. */
  readonly fields?: Readonly<Record<string, bigint | number>>;
  /** Options, chunks, or whatever else the layout calls its rest; as usual if it is not given. */
  readonly rest?: Uint8Array;
}

export interface Description {
  readonly family: Family;
  readonly link?: Header;
  /** From the network header on. What is missing between them is added: a network header, UDP in front of VXLAN. */
  readonly headers: readonly Header[];
  readonly payload?: Uint8Array;
  /** Bytes from the network header; the payload is filled up with zeros to it. It cuts nothing. */
  readonly length?: number;
  /**
   * What is left of the packet, in bytes from the network header. The network header gives the length that is left,
   * because ip_rcv lets no other packet reach a hook; everything behind it stays as it was in the whole packet.
   */
  readonly truncate?: number;
}

/** A header's place: where it starts, and how many bytes it has with its rest. */
export interface Placed {
  readonly name: HeaderName;
  readonly at: number;
  readonly size: number;
}

export interface Built {
  readonly bytes: Uint8Array;
  readonly link?: Uint8Array;
  readonly placed: readonly Placed[];
}

const noBytes = new Uint8Array(0);

/** The headers as they will stand in the packet, with those that the others need. */
export const completed = ({ family, headers }: Description): readonly Header[] => {
  const has = (name: HeaderName): boolean => headers.some((header) => header.name === name);
  const out: Header[] = has(family) ? [...headers] : [{ name: family }, ...headers];
  const vxlan = out.findIndex((header) => header.name === 'vxlan');
  if (vxlan < 0) return out;
  const carrier = out.findIndex((header) => header.name === 'udp');
  if (carrier < 0) out.splice(vxlan, 0, { name: 'udp', fields: { dport: vxlanPort } });
  else {
    const { fields } = out[carrier] as Header;
    out[carrier] = { ...(out[carrier] as Header), fields: { dport: vxlanPort, ...fields } };
  }
  return out;
};

const restOf = ({ name, rest }: Header): Uint8Array => {
  const { rest: layout, bytes } = layouts[name];
  if (!layout) return noBytes;
  const given = rest ?? fromHex(layout.usual) ?? noBytes;
  const missing = (layout.unit - ((bytes + given.length) % layout.unit)) % layout.unit;
  return missing === 0 ? given : joined([given, new Uint8Array(missing)]);
};

/** The protocol number that announces a header, or "nothing follows": a packet of unknown protocol 59 has none. */
const announced = (header: Header | undefined): bigint => BigInt((header && layouts[header.name].protocol) ?? 59);

/** One packet while it is made. */
interface Draft {
  readonly family: Family;
  readonly headers: readonly Header[];
  readonly placed: readonly Placed[];
  readonly whole: Uint8Array;
  /** How many bytes are left in the end. */
  readonly left: number;
}

const computed = ({ headers, placed, whole, left }: Draft, index: number, what: string): bigint => {
  const { size, at } = placed[index] as Placed;
  switch (what) {
    case 'words':
      return BigInt(size >> 2);
    case 'extension':
      return BigInt((size >> 3) - 1);
    case 'ah':
      return BigInt((size >> 2) - 2);
    case 'total':
      return BigInt(left);
    case 'behind':
      return BigInt(Math.max(0, left - 40));
    case 'datagram':
      return BigInt(whole.length - at);
    case 'next':
      return announced(headers[index + 1]);
    default:
      return 0n;
  }
};

const fieldAt = (bytes: Uint8Array, { name, at }: Placed, field: string): bigint => {
  const found = layouts[name].fields.get(field);
  return found ? readNumber(bytes, at * 8 + found.offset, found.length) : 0n;
};

/** The sum over the addresses, the length and the protocol that TCP, UDP and others check with their own bytes. */
const pseudoHeader = ({ family, whole }: Draft, length: number, protocol: number): number =>
  (family === 'ip' ? sum16(whole, 12, 20) : sum16(whole, 8, 40)) + (length >>> 16) + (length & 0xffff) + protocol;

/** How many bytes from the transport header on its checksum covers, and how many the pseudo header names. */
const coverage = ({ whole }: Draft, place: Placed): readonly [covered: number, named: number] => {
  const there = whole.length - place.at;
  if (place.name === 'udp') {
    // A datagram that says to be longer than it is has no right checksum; what is there is summed.
    const said = Number(fieldAt(whole, place, 'length'));
    return [Math.min(said, there), said];
  }
  if (place.name === 'udplite') {
    const said = Number(fieldAt(whole, place, 'csumcov'));
    return [said === 0 ? there : Math.min(said, there), there];
  }
  if (place.name === 'dccp') {
    // RFC 4340, section 9.2: 0 covers all, n covers the header and n - 1 words.
    const said = Number(fieldAt(whole, place, 'cscov'));
    return [said === 0 ? there : Math.min(there, place.size + (said - 1) * 4), there];
  }
  return [place.name === 'mh' ? place.size : there, place.name === 'mh' ? place.size : there];
};

const checksum = (draft: Draft, index: number): bigint => {
  const place = draft.placed[index] as Placed;
  const { name, at, size } = place;
  const { whole } = draft;
  if (name === 'sctp') return BigInt(crc32c(whole, at, whole.length));
  if (name === 'ip') return BigInt(folded(sum16(whole, at, at + size)));
  const [covered, named] = coverage(draft, place);
  const sum = sum16(whole, at, at + covered);
  if (name === 'icmp' || name === 'igmp') return BigInt(folded(sum));
  const result = folded(sum + pseudoHeader(draft, named, layouts[name].protocol ?? udp));
  // Zero means "no checksum" to UDP; all ones are the same number.
  return BigInt(result === 0 && (name === 'udp' || name === 'udplite') ? 0xffff : result);
};

const place = (headers: readonly Header[]): readonly Placed[] => {
  let at = 0;
  return headers.map((header) => {
    const size = layouts[header.name].bytes + restOf(header).length;
    const placed = { name: header.name, at, size };
    at += size;
    return placed;
  });
};

/** Usual and given values, rests, and all that is computed but the checksums. */
const fill = (draft: Draft): void => {
  for (const [index, header] of draft.headers.entries()) {
    const { at } = draft.placed[index] as Placed;
    const layout = layouts[header.name];
    draft.whole.set(restOf(header), at + layout.bytes);
    for (const [name, field] of layout.fields) {
      const given = header.fields?.[name];
      if (given === undefined && field.view) continue;
      const value = given ?? (typeof field.usual === 'bigint' ? field.usual : computed(draft, index, field.usual));
      writeNumber(draft.whole, at * 8 + field.offset, field.length, BigInt(value));
    }
  }
};

/** From the inside out: nothing covers a header in front of itself. */
const sumUp = (draft: Draft): void => {
  for (let index = draft.headers.length - 1; index >= 0; index--) {
    const header = draft.headers[index] as Header;
    const field = layouts[header.name].fields.get('checksum');
    if (!field || header.fields?.['checksum'] !== undefined) continue;
    const { at } = draft.placed[index] as Placed;
    writeNumber(draft.whole, at * 8 + field.offset, field.length, checksum(draft, index));
  }
};

const etherTypes: Readonly<Record<Family, bigint>> = { ip: 0x0800n, ip6: 0x86ddn };

const buildLink = ({ family, link }: Description): Uint8Array | undefined => {
  if (!link) return undefined;
  const out = new Uint8Array(layouts.ether.bytes);
  for (const [name, { offset, length, usual }] of layouts.ether.fields) {
    const value = link.fields?.[name] ?? (typeof usual === 'bigint' ? usual : etherTypes[family]);
    writeNumber(out, offset, length, BigInt(value));
  }
  return out;
};

/** The payload may make the packet longer than the network header can say: that is the caller's to check. */
export const build = (description: Description): Built => {
  const headers = completed(description);
  const placed = place(headers);
  const start = placed.reduce((sum, { size }) => sum + size, 0);
  const payload = description.payload ?? noBytes;
  const whole = new Uint8Array(Math.max(start + payload.length, description.length ?? 0));
  whole.set(payload, start);
  const left = Math.min(whole.length, description.truncate ?? whole.length);
  const draft: Draft = { family: description.family, headers, placed, whole, left };
  fill(draft);
  sumUp(draft);
  const link = buildLink(description);
  const bytes = left < whole.length ? whole.slice(0, left) : whole;
  return { bytes, placed, ...(link ? { link } : {}) };
};

/** The header that a protocol number announces in a packet of this family, if it is one that can be built. */
export const announcedBy = (protocol: number, family: Family): HeaderName | undefined => {
  const extension = extensions.get(protocol);
  if (extension && (family === 'ip6' || extension === 'ah')) return extension;
  return transports.get(protocol);
};
