/** A packet as the shortest words that words.ts reads back as the same packet. */
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import type { Description, Header } from './build.ts';
import { printChunks } from './chunks.ts';
import { defaultKeys } from './defaults.ts';
import { dissect } from './dissect.ts';
import { layouts } from './layout.ts';
import { readNumber, sameBytes, toHex } from './octets.ts';
import type { KeyValue, Packet } from './packet.ts';
import { printKey } from './saying.ts';
import { isSame, targetOf } from './targets.ts';
import { valueType } from './values.ts';
import { readPacket } from './words.ts';
import { quotedIfNeeded } from './wordtokens.ts';

type Keys = ReadonlyMap<string, KeyValue | undefined>;

/** Words one after the other, each context said once. */
const writer = (): {
  readonly add: (context: string, name: string, value: string) => void;
  readonly mention: (context: string) => void;
  readonly text: () => string;
} => {
  const out: string[] = [];
  let current = '';
  let used = true;
  const enter = (context: string): void => {
    out.push(context);
    current = context;
  };
  const conflicts = (context: string, name: string): boolean => {
    const [inside, outside] = [targetOf(context, name), targetOf('', name)];
    return inside !== undefined && outside !== undefined && !isSame(inside, outside);
  };
  return {
    add: (context, name, value) => {
      if (context === '') {
        if (current !== '' && targetOf(current, name) && (!used || conflicts(current, name))) {
          enter('meta');
          used = true;
        }
      } else {
        if (context !== current || !used || conflicts(context, name)) enter(context);
        used = true;
      }
      out.push(`${name}=${value}`);
    },
    mention: (context) => {
      enter(context);
      used = false;
    },
    text: () => out.join(' '),
  };
};

type Writer = ReturnType<typeof writer>;

/** The transport that words.ts would assume behind a header that says nothing: such a header has to say what follows. */
const withNext = ({ headers, family }: Description, bytes: Uint8Array): readonly Header[] => {
  const last = headers.at(-1);
  if (!last || !['network', 'extension'].includes(layouts[last.name].role)) return headers;
  const name = family === 'ip' && last.name === 'ip' ? 'protocol' : 'nexthdr';
  if (last.fields?.[name] !== undefined) return headers;
  // Only "no next header" is what a header says by itself.
  const field = layouts[last.name].fields.get(name);
  const value = field && last.name === family ? readNumber(bytes, field.offset, field.length) : 59n;
  return [...headers.slice(0, -1), { ...last, fields: { ...last.fields, [name]: value } }];
};

const addHeader = (to: Writer, { name, fields, rest }: Header, implied: boolean): void => {
  const layout = layouts[name];
  let empty = true;
  for (const [word, { value, length }] of layout.fields) {
    const given = fields?.[word];
    if (given === undefined) continue;
    empty = false;
    to.add(name, word, valueType(value, length).print(BigInt(given)));
  }
  if (rest && layout.rest) {
    empty = false;
    to.add(name, layout.rest.word, (name === 'sctp' ? printChunks(rest) : undefined) ?? toHex(rest));
  }
  if (empty && !implied) to.mention(name);
};

const addDescription = (to: Writer, description: Description, bytes: Uint8Array): void => {
  const headers = withNext(description, bytes);
  const tunnel = headers.some(({ name }) => name === 'vxlan');
  if (description.link) addHeader(to, description.link, false);
  for (const header of headers) addHeader(to, header, header.name === 'ip' || (tunnel && header.name === 'udp'));
  if (description.payload && description.payload.length > 0) to.add('', 'payload', toHex(description.payload));
  if (description.length !== undefined) to.add('', 'length', String(description.length));
  if (description.truncate !== undefined) to.add('', 'truncate', String(description.truncate));
};

/** The keys that have to be said: those that would be otherwise. The state comes first, because others follow it. */
const saidKeys = ({ family, bytes, keys }: Packet, hook: Hook | undefined): Keys => {
  const said = new Map<string, KeyValue | undefined>();
  const compare = (usual: ReadonlyMap<string, KeyValue>, wanted: Iterable<string>): void => {
    for (const key of wanted) if (usual.get(key) !== keys.get(key)) said.set(key, keys.get(key));
  };
  for (const key of ['ct.state', 'ct.status']) compare(defaultKeys(family, bytes, hook, said), [key]);
  const usual = defaultKeys(family, bytes, hook, said);
  compare(usual, new Set([...usual.keys(), ...[...keys.keys()].filter((key) => !said.has(key))]));
  return said;
};

const addKey = (to: Writer, key: string, value: KeyValue | undefined): void => {
  const { context, word } = printKey(key, value);
  const equals = word.indexOf('=');
  const text = word.slice(equals + 1);
  to.add(context, word.slice(0, equals), typeof value === 'string' ? quotedIfNeeded(text) : text);
};

const first = ['iifname', 'oifname'];

const addAsBytes = (to: Writer, family: Family, bytes: Uint8Array): void => {
  if ((family === 'ip6') !== toHex(bytes).startsWith('6')) to.add('', 'family', family);
  to.add('', 'bytes', toHex(bytes));
};

const print = (packet: Packet, hook: Hook | undefined, description: Description | undefined): string => {
  const { family, bytes, link } = packet;
  const to = writer();
  const said = saidKeys(packet, hook);
  if (hook) to.add('', 'hook', hook);
  for (const key of first) if (said.has(key)) addKey(to, key, said.get(key));
  if (link && !description?.link) to.add('', 'link', toHex(link));
  if (description) addDescription(to, description, bytes);
  else addAsBytes(to, family, bytes);
  for (const [key, value] of said) if (!first.includes(key)) addKey(to, key, value);
  return to.text();
};

const sameLink = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a && b ? sameBytes(a, b) : a === b;

const sameKeys = (a: Keys, b: Keys): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.has(key) && b.get(key) === value);

const isSamePacket = (a: Packet, b: Packet): boolean =>
  a.family === b.family && sameBytes(a.bytes, b.bytes) && sameLink(a.link, b.link) && sameKeys(a.keys, b.keys);

/**
 * Words that `readPacket` reads as this packet. Bytes that no headers make (an IPv6 chain of unusual order, a link
 * header that is not Ethernet's) are said as bytes.
 */
export const printPacket = (packet: Packet, hook?: Hook): string => {
  const { family, bytes, link } = packet;
  const description = dissect(family, bytes, link);
  if (description) {
    const text = print(packet, hook, description);
    const back = readPacket(text).value;
    if (back && isSamePacket(back.packet, packet)) return text;
  }
  return print(packet, hook, undefined);
};
