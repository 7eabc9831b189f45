/** What has been said of a packet, and the packet that it becomes with everything that was not. */
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { udp } from '../netfilter/protocols.ts';
import { type Description, type Header, announcedBy, build, completed } from './build.ts';
import { type Keys, defaultKeys } from './defaults.ts';
import { wordOf } from './keywords.ts';
import { layouts } from './layout.ts';
import type { KeyValue, Packet } from './packet.ts';
import { valueType } from './values.ts';

export interface Saying {
  readonly family: Family;
  readonly hook: Hook | undefined;
  /** The packet's bytes as they are, or what they are made of. */
  readonly content: Description | Uint8Array;
  /** The link header as it is, where it is not described. */
  readonly link?: Uint8Array;
  readonly keys: Keys;
}

const nextField = ({ name }: Header): string | undefined =>
  layouts[name].fields.has('nexthdr') ? 'nexthdr' : name === 'ip' ? 'protocol' : undefined;

/** Whether what follows this header is the middle of a datagram. */
const isLaterFragment = ({ name, fields }: Header): boolean =>
  (name === 'ip' || name === 'frag') && BigInt(fields?.['frag-off'] ?? 0) !== 0n;

const endsIn = (header: Header, protocol: number): Header => ({
  ...header,
  fields: { ...header.fields, [nextField(header) ?? '']: protocol },
});

/**
 * Every packet has a transport: the one that the last header announces, or TCP; behind a later fragment's header there
 * is only data, of UDP if nobody says.
 */
export const withTransport = (description: Description): Description => {
  const headers = completed(description);
  const last = headers.at(-1) as Header;
  const { role } = layouts[last.name];
  if (role === 'transport' || role === 'tunnel') return { ...description, headers };
  const next = nextField(last);
  const protocol = next === undefined ? undefined : last.fields?.[next];
  if (isLaterFragment(last))
    return { ...description, headers: protocol === undefined ? [...headers.slice(0, -1), endsIn(last, udp)] : headers };
  if (protocol === undefined) return { ...description, headers: [...headers, { name: 'tcp' }] };
  const name = announcedBy(Number(protocol), description.family);
  return name !== undefined && layouts[name].role === 'transport'
    ? { ...description, headers: [...headers, { name }] }
    : { ...description, headers };
};

/** Not worth saying, because no rule is about them. */
const quiet = new Set(['version', 'window', 'x']);

const assumedFields = (description: Description): readonly string[] => {
  const said = new Map(description.headers.map((header) => [header.name, header.fields ?? {}]));
  return withTransport(description).headers.flatMap((header): string[] => {
    const { name } = header;
    const given = said.get(name);
    const out = given ? [] : [name as string];
    for (const [field, { usual, value, length, view }] of layouts[name].fields) {
      const filled = header.fields?.[field] ?? usual;
      if (
        given?.[field] !== undefined ||
        view ||
        quiet.has(field) ||
        typeof filled === 'string' ||
        BigInt(filled) === 0n
      )
        continue;
      out.push(`${name} ${field}=${valueType(value, length).print(BigInt(filled))}`);
    }
    // A header whose fields are told is told by them.
    return out.length > 1 && !given ? out.slice(1) : out;
  });
};

/** Keys that follow from the packet's own bytes or from there being no device, so that telling them says nothing. */
const follows = /^ct\.(original|reply|l3proto|protocol)|^[io]if/;

export const printKey = (
  key: string,
  value: KeyValue | undefined,
): { readonly context: string; readonly word: string } => {
  // Without a value nothing tells which of two address keys is meant but its name.
  if ((value === undefined || value === null) && /addr[46]$/.test(key))
    return { context: '', word: `${key}=${value === null ? 'none' : 'unknown'}` };
  const { context, word, value: type } = wordOf(key);
  if (value === undefined) return { context, word: `${word}=unknown` };
  if (value === null) return { context, word: `${word}=none` };
  if (typeof value === 'string') return { context, word: `${word}=${value}` };
  return { context, word: `${word}=${type === 'text' ? String(value) : type.print(BigInt(value))}` };
};

const assumedKeys = (keys: ReadonlyMap<string, KeyValue>): readonly string[] =>
  [...keys].flatMap(([key, value]) => {
    if (value === null || follows.test(key)) return [];
    const { context, word } = printKey(key, value);
    return [context === '' ? word : `${context} ${word}`];
  });

const isBytes = (content: Saying['content']): content is Uint8Array => content instanceof Uint8Array;

/** The packet and, in words, what nobody has said of it. */
export const complete = (saying: Saying): { readonly packet: Packet; readonly assumed: readonly string[] } => {
  const { family, hook, content } = saying;
  const built = isBytes(content) ? { bytes: content } : build(withTransport(content));
  const link = saying.link ?? ('link' in built ? built.link : undefined);
  const usual = defaultKeys(family, built.bytes, hook, saying.keys);
  const keys = new Map<string, KeyValue>(usual);
  for (const [key, value] of saying.keys) if (value !== undefined) keys.set(key, value);
  return {
    packet: { family, bytes: built.bytes, keys, ...(link ? { link } : {}) },
    assumed: [...(isBytes(content) ? [] : assumedFields(content)), ...assumedKeys(usual)],
  };
};
