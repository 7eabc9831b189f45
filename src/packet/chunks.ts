/** SCTP chunks in words: `init`, `data/3:00000001…`, several joined by a comma, `none` for a packet without any. */
import { sctpChunks as types } from '../netfilter/words.ts';
import { fromHex, joined, toHex } from './octets.ts';
import type { Bad } from './values.ts';

/** What chunks of these types hold at least, in hex. */
const usual: Readonly<Record<number, string>> = {
  0: '00000001000000000000000000',
  1: '000000010000ffff0001000100000001',
  2: '000000010000ffff0001000100000001',
  3: '000000000000ffff00000000',
};

const chunk = (type: number, flags: number, body: Uint8Array): Uint8Array => {
  const length = body.length + 4;
  const out = new Uint8Array((length + 3) & ~3);
  out.set([type, flags, length >> 8, length & 0xff]);
  out.set(body, 4);
  return out;
};

const byte = (text: string): number | undefined => {
  const value = /^(?:\d{1,3}|0x[0-9a-f]{1,2})$/i.test(text) ? Number(text) : undefined;
  return value !== undefined && value <= 255 ? value : undefined;
};

const readOne = (text: string): Uint8Array | Bad => {
  const [, name = '', flagText = '0', bodyText] = /^([^/:]*)(?:\/([^:]*))?(?::(.*))?$/.exec(text) ?? [];
  const type = Object.hasOwn(types, name) ? types[name] : byte(name);
  if (type === undefined)
    return { bad: `"${name}" is no chunk type`, help: `types: ${Object.keys(types).join(', ')}, or a number` };
  const flags = byte(flagText);
  if (flags === undefined) return { bad: `"${flagText}" are no chunk flags`, help: 'write a number from 0 to 255' };
  const body = fromHex(bodyText ?? usual[type] ?? '');
  if (!body || body.length > 65531) return { bad: `"${bodyText}" is no chunk body`, help: 'write pairs of hex digits' };
  return chunk(type, flags, body);
};

export const readChunks = (text: string): Uint8Array | Bad => {
  if (text === 'none') return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  for (const part of text.split(',')) {
    const one = readOne(part);
    if (!(one instanceof Uint8Array)) return one;
    parts.push(one);
  }
  return joined(parts);
};

/** The words for these bytes, or undefined if they are not whole chunks with zeros between them. */
export const printChunks = (bytes: Uint8Array): string | undefined => {
  if (bytes.length === 0) return 'none';
  const out: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    const end = at + ((length + 3) & ~3);
    if (length < 4 || end > bytes.length || bytes.subarray(at + length, end).some((one) => one !== 0)) return undefined;
    const type = bytes[at] ?? 0;
    const name = Object.keys(types).find((one) => types[one] === type) ?? String(type);
    const body = toHex(bytes.subarray(at + 4, at + length));
    const flags = bytes[at + 1] === 0 ? '' : `/${bytes[at + 1]}`;
    out.push(`${name}${flags}${body === (usual[type] ?? '') ? '' : `:${body}`}`);
    at = end;
  }
  return out.join(',');
};
