/** From bytes back to the smallest description that builds them. */
import type { Family } from '../netfilter/family.ts';
import { type Built, type Description, type Header, announcedBy, build } from './build.ts';
import { type HeaderName, layouts, vxlanPort } from './layout.ts';
import { joined, readNumber, sameBytes } from './octets.ts';

/** A header without its values, and how many bytes of rest it says to have. */
interface Found {
  readonly name: HeaderName;
  readonly at: number;
  readonly end: number;
}

const field = (bytes: Uint8Array, name: HeaderName, at: number, wanted: string): number => {
  const found = layouts[name].fields.get(wanted);
  return found ? Number(readNumber(bytes, at * 8 + found.offset, found.length)) : 0;
};

/** Where a header ends by its own length field; bytes that are not there count as zeros. */
const endOf = (bytes: Uint8Array, name: HeaderName, at: number): number => {
  const { bytes: fixed, rest } = layouts[name];
  const read = (wanted: string): number => field(bytes, name, at, wanted);
  let size = fixed;
  if (name === 'ip') size = read('hdrlength') * 4;
  else if (name === 'tcp' || name === 'dccp') size = read('doff') * 4;
  else if (name === 'ah') size = (read('hdrlength') + 2) * 4;
  else if (name === 'sctp') size = bytes.length - at;
  else if (rest) size = (read('hdrlength') + 1) * 8;
  // A header that says more than there is gets what is there, and its length as a given value.
  return Math.max(at + fixed, Math.min(at + size, bytes.length));
};

const nextOf = (bytes: Uint8Array, { name, at }: Found): number =>
  field(bytes, name, at, name === 'ip' ? 'protocol' : 'nexthdr');

const isLaterFragment = (bytes: Uint8Array, { name, at }: Found): boolean =>
  (name === 'ip' || name === 'frag') && field(bytes, name, at, 'frag-off') !== 0;

/** The headers of a packet one after the other, up to the payload of a later fragment or of an unknown protocol. */
export const headersIn = (family: Family, bytes: Uint8Array): readonly Found[] => {
  const found: Found[] = [];
  let last: Found = { name: family, at: 0, end: endOf(bytes, family, 0) };
  found.push(last);
  for (;;) {
    if (isLaterFragment(bytes, last)) break;
    const name = announcedBy(nextOf(bytes, last), family);
    const continues = name !== undefined && layouts[name].role === 'extension';
    // An extension header of which nothing is there is only a number in the one before.
    if (name === undefined || (continues && last.end >= bytes.length)) break;
    last = { name, at: last.end, end: endOf(bytes, name, last.end) };
    found.push(last);
    if (!continues) break;
  }
  const { name, at, end } = last;
  const vxlan = layouts.vxlan.bytes;
  if (name === 'udp' && field(bytes, name, at, 'dport') === vxlanPort && end + vxlan <= bytes.length)
    found.push({ name: 'vxlan', at: end, end: end + vxlan });
  return found;
};

const withoutZeros = (bytes: Uint8Array): Uint8Array => {
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return bytes.subarray(0, length);
};

/** Headers with their rests and no values; the payload without the zeros at its end. */
const skeleton = (family: Family, bytes: Uint8Array): Description => {
  const found = headersIn(family, bytes);
  const end = found.at(-1)?.end ?? 0;
  const headers = found.map(({ name, at, end: stop }): Header => {
    const { rest, bytes: fixed } = layouts[name];
    return rest ? { name, rest: bytes.slice(at + fixed, Math.max(at + fixed, stop)) } : { name };
  });
  const whole = { family, headers, payload: bytes.slice(end) };
  const short = withoutZeros(whole.payload);
  // Zeros at the end are said by the length where that is shorter to write.
  const length = bytes.length - end - short.length > 4 ? { payload: short, length: bytes.length } : {};
  const description: Description = { ...whole, ...length };
  return build(description).bytes.length > bytes.length ? { ...description, truncate: bytes.length } : description;
};

const padded = (bytes: Uint8Array, length: number): Uint8Array =>
  joined([bytes, new Uint8Array(Math.max(0, length - bytes.length))]);

/** The description with those fields given in which its bytes differ from the wanted ones; undefined if none does. */
const corrected = (description: Description, built: Built, wanted: Uint8Array): Description | undefined => {
  let changed = false;
  const longest = Math.max(wanted.length, ...built.placed.map(({ at, size }) => at + size));
  const have = padded(built.bytes, longest);
  const want = padded(wanted, longest);
  const headers = description.headers.map((header, index): Header => {
    const at = (built.placed[index]?.at ?? 0) * 8;
    const fields: Record<string, bigint> = {};
    for (const [name, { offset, length, view }] of layouts[header.name].fields) {
      if (view) continue;
      const value = readNumber(want, at + offset, length);
      if (readNumber(have, at + offset, length) !== value) fields[name] = value;
    }
    if (Object.keys(fields).length === 0) return header;
    changed = true;
    return { ...header, fields: { ...header.fields, ...fields } };
  });
  return changed ? { ...description, headers } : undefined;
};

/** Lengths move checksums, and ports what is usual: a few rounds settle it. */
const rounds = 6;

const correctedLink = (link: Uint8Array): Header | undefined => {
  if (link.length !== layouts.ether.bytes) return undefined;
  const fields = [...layouts.ether.fields].map(([name, { offset, length }]): [string, bigint] => [
    name,
    readNumber(link, offset, length),
  ]);
  return { name: 'ether', fields: Object.fromEntries(fields) };
};

/** Takes away those values that are what they would be anyway, and rests that are as usual. */
const simplified = (description: Description, same: (other: Description) => boolean): Description => {
  let best = description;
  const attempt = (other: Description): void => {
    if (same(other)) best = other;
  };
  for (const [index, { fields, rest }] of description.headers.entries()) {
    const replaced = (header: Header): Description => ({ ...best, headers: best.headers.with(index, header) });
    if (rest) {
      const { rest: _usual, ...header } = best.headers[index] as Header;
      attempt(replaced(header));
    }
    for (const name of Object.keys(fields ?? {})) {
      const header = best.headers[index] as Header;
      const { [name]: _gone, ...others } = header.fields ?? {};
      attempt(replaced({ ...header, fields: others }));
    }
  }
  return best;
};

/**
 * The smallest description from which `build` makes exactly these bytes, or undefined for bytes that no description
 * makes. A link header that is not of Ethernet is left out.
 */
export const dissect = (family: Family, bytes: Uint8Array, link?: Uint8Array): Description | undefined => {
  const linked = link && correctedLink(link);
  let description: Description = { ...skeleton(family, bytes), ...(linked ? { link: linked } : {}) };
  const same = (other: Description): boolean => {
    const built = build(other);
    return sameBytes(built.bytes, bytes) && (!linked || (link !== undefined && sameBytes(built.link ?? bytes, link)));
  };
  for (let round = 0; round < rounds; round++) {
    const next = corrected(description, build(description), bytes);
    if (!next) break;
    description = next;
  }
  if (!same(description)) return undefined;
  const simple = simplified(description, same);
  if (!simple.link?.fields) return simple;
  let { link: best } = simple;
  for (const name of Object.keys(simple.link.fields)) {
    const { [name]: _gone, ...fields } = best.fields ?? {};
    if (same({ ...simple, link: { name: 'ether', fields } })) best = { name: 'ether', fields };
  }
  return { ...simple, link: best };
};
