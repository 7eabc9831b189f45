/** From the words that were read to what they say: headers with fields, bytes, keys. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Family } from '../netfilter/family.ts';
import { type Hook, hooks } from '../netfilter/hooks.ts';
import { type Description, type Header, type Placed, announcedBy, build } from './build.ts';
import { readChunks } from './chunks.ts';
import { keyInfo } from './field.ts';
import type { KeyWord } from './keywords.ts';
import { deviceNames, readKey } from './keyread.ts';
import { type HeaderName, type Role, layouts } from './layout.ts';
import { fromHex } from './octets.ts';
import type { KeyValue } from './packet.ts';
import { type Saying, withTransport } from './saying.ts';
import type { Special } from './targets.ts';
import { type Bad, type ValueType, number, protocol, valueType } from './values.ts';
import type { Captured, Statement } from './words.ts';
import { type Token, errorAt } from './wordtokens.ts';

type Word = Extract<Statement, { kind: 'word' }>;

/** A header while its fields are gathered. */
interface Growing {
  readonly name: HeaderName;
  readonly fields: Record<string, bigint>;
  /** Fields that were said as part of another one's value; a word of their own overrides them. */
  readonly implied: Record<string, bigint>;
  readonly token: Token;
  /** Where each field was said. */
  readonly places: Map<string, Token>;
  rest?: Uint8Array;
}

interface Gathered {
  readonly family: Family;
  readonly headers: Growing[];
  readonly keys: Map<string, KeyValue | undefined>;
  readonly specials: Map<Special, { readonly token: Token; readonly value: bigint | Uint8Array | Hook }>;
  readonly diagnostics: Diagnostic[];
}

const complain = (token: Token, { bad, help, code = 'bad-value' }: Bad): Diagnostic =>
  errorAt(token.valueSpan, code, bad, { help });

const roleOf = (name: HeaderName): Role => layouts[name].role;

/** The header that a word is about: of each there is one, but IPv6 may have options twice. */
const headerFor = (gathered: Gathered, name: HeaderName, token: Token): Growing => {
  const { headers, diagnostics } = gathered;
  const found = headers.findLast((header) => header.name === name);
  const behind = headers.findLast((header) => roleOf(header.name) === 'extension');
  if (found && (roleOf(name) !== 'extension' || behind === found)) return found;
  const rival = headers.find(
    (header) => roleOf(header.name) === roleOf(name) && ['network', 'transport'].includes(roleOf(name)),
  );
  if (rival)
    diagnostics.push(errorAt(token.whole, 'options-exclusive', `a packet has either ${rival.name} or ${name}`));
  const made: Growing = { name, fields: {}, implied: {}, token, places: new Map() };
  headers.push(made);
  return made;
};

const overlapping = (header: Growing, field: string): string | undefined => {
  const { fields } = layouts[header.name];
  const own = fields.get(field);
  return Object.keys(header.fields).find((name) => {
    const other = fields.get(name);
    return own && other && own.offset < other.offset + other.length && other.offset < own.offset + own.length;
  });
};

const setField = (gathered: Gathered, header: HeaderName, field: string, { token, value }: Word): void => {
  const layout = layouts[header].fields.get(field);
  if (!layout) return;
  const growing = headerFor(gathered, header, token);
  const read = valueType(layout.value, layout.length).read(value);
  if (typeof read === 'object' && 'bad' in read) {
    gathered.diagnostics.push(complain(token, read));
    return;
  }
  const other = overlapping(growing, field);
  if (other !== undefined)
    gathered.diagnostics.push(
      errorAt(
        token.whole,
        other === field ? 'option-twice' : 'options-exclusive',
        other === field
          ? `${header} ${field} is said twice`
          : `${header} ${field} and ${header} ${other} are the same bits`,
      ),
    );
  growing.places.set(field, token);
  growing.fields[field] = typeof read === 'bigint' ? read : read.value;
  if (typeof read === 'object') Object.assign(growing.implied, read.also);
};

const setRest = (gathered: Gathered, header: HeaderName, { token, value }: Word): void => {
  const { rest } = layouts[header];
  if (!rest) return;
  const read = header === 'sctp' ? readChunks(value) : (fromHex(value) ?? { bad: 'no pairs of hex digits' });
  const growing = headerFor(gathered, header, token);
  if (!(read instanceof Uint8Array)) gathered.diagnostics.push(complain(token, read));
  else if (read.length > rest.most)
    gathered.diagnostics.push(
      errorAt(token.valueSpan, 'value-out-of-range', `${header} ${rest.word} has at most ${rest.most} bytes`),
    );
  else if (growing.rest)
    gathered.diagnostics.push(errorAt(token.whole, 'option-twice', `${header} ${rest.word} is said twice`));
  else growing.rest = read;
};

const setKey = (gathered: Gathered, word: KeyWord, statement: Word): void => {
  const { keys, diagnostics, family } = gathered;
  const read = readKey(family, word, statement.value, statement.token.quoted);
  if ('bad' in read) diagnostics.push(complain(statement.token, read));
  else if (keys.has(read[0]))
    diagnostics.push(errorAt(statement.token.whole, 'option-twice', `${statement.said} is said a second time`));
  else keys.set(read[0], read[1]);
};

const readSpecial = (name: Special, value: string): bigint | Uint8Array | Hook | Bad => {
  const numeric = (type: ValueType): bigint | Bad => {
    const read = type.read(value);
    return typeof read === 'object' && 'value' in read ? read.value : read;
  };
  if (name === 'hook')
    return hooks.find((hook) => hook === value) ?? { bad: `"${value}" is no hook`, help: `hooks: ${hooks.join(', ')}` };
  if (name === 'payload' || name === 'bytes' || name === 'link')
    return fromHex(value) ?? { bad: 'no pairs of hex digits' };
  if (name === 'l4proto') return numeric(protocol);
  if (name === 'length' || name === 'truncate') {
    const read = numeric(number(16));
    return typeof read === 'bigint' && read === 0n
      ? { bad: 'a packet has at least one byte', code: 'value-out-of-range' }
      : read;
  }
  return numeric(valueType('flag', 1));
};

const setSpecial = (gathered: Gathered, name: Special, statement: Word): void => {
  const { specials, diagnostics, family } = gathered;
  const { token, value } = statement;
  if (name === 'family') return;
  if (name === 'frag-off' || name === 'more-fragments') {
    setField(gathered, family === 'ip' ? 'ip' : 'frag', name, statement);
    return;
  }
  const read = readSpecial(name, value);
  if (typeof read === 'object' && 'bad' in read) diagnostics.push(complain(token, read));
  else if (specials.has(name)) diagnostics.push(errorAt(token.whole, 'option-twice', `${name} is said twice`));
  else specials.set(name, { token, value: read });
};

const familyNames: Readonly<Record<string, Family>> = { ip: 'ip', ip6: 'ip6', ipv4: 'ip', ipv6: 'ip6' };
const ofFamily = (header: HeaderName): Family | undefined => {
  if (header === 'ip' || header === 'ip6') return header;
  return roleOf(header) === 'extension' && header !== 'ah' ? 'ip6' : undefined;
};

/** What the words say of the family: a header of IP first, ICMP only if nothing else does. */
const familyOf = (statements: readonly Statement[], diagnostics: Diagnostic[]): Family => {
  let found: Family | undefined;
  let hint: Family | undefined;
  for (const one of statements) {
    const header =
      one.kind === 'mention'
        ? one.header
        : one.target.kind === 'field' || one.target.kind === 'rest'
          ? one.target.header
          : undefined;
    const special = one.kind === 'word' && one.target.kind === 'special' ? one.target.name : undefined;
    let said = header && ofFamily(header);
    if (one.kind === 'word' && special === 'family') {
      said = Object.hasOwn(familyNames, one.value) ? familyNames[one.value] : undefined;
      if (!said) diagnostics.push(complain(one.token, { bad: `"${one.value}" is no IP family`, help: 'ip or ip6' }));
    }
    if (one.kind === 'word' && special === 'bytes' && one.value.startsWith('6')) hint ??= 'ip6';
    if (header === 'icmpv6') hint ??= 'ip6';
    if (said && found && said !== found)
      diagnostics.push(errorAt(one.token.whole, 'wrong-family', 'a packet is either of IPv4 or of IPv6'));
    found ??= said;
  }
  return found ?? hint ?? 'ip';
};

const order: readonly Role[] = ['network', 'extension', 'transport', 'tunnel'];

const finished = ({ name, fields, implied, rest }: Growing): Header => ({
  name,
  fields: { ...implied, ...fields },
  ...(rest ? { rest } : {}),
});

/** `l4proto=` names the transport: its header, or its number where no header can be built. */
const applyProtocol = (gathered: Gathered): void => {
  const said = gathered.specials.get('l4proto');
  if (!said || typeof said.value !== 'bigint') return;
  const name = announcedBy(Number(said.value), gathered.family);
  if (name !== undefined && roleOf(name) === 'transport') {
    headerFor(gathered, name, said.token);
    return;
  }
  const last = gathered.headers.findLast((header) => roleOf(header.name) === 'extension');
  const header = last ?? headerFor(gathered, gathered.family, said.token);
  header.fields[header.name === 'ip' ? 'protocol' : 'nexthdr'] ??= said.value;
};

const describe = (gathered: Gathered): Description => {
  const { family, headers, specials } = gathered;
  const sorted = headers
    .filter(({ name }) => roleOf(name) !== 'link')
    .toSorted((a, b) => order.indexOf(roleOf(a.name)) - order.indexOf(roleOf(b.name)));
  const link = headers.find(({ name }) => name === 'ether');
  const payload = specials.get('payload')?.value;
  const size = (name: 'length' | 'truncate'): { readonly [key in 'length' | 'truncate']?: number } => {
    const value = specials.get(name)?.value;
    return typeof value === 'bigint' ? { [name]: Number(value) } : {};
  };
  return {
    family,
    headers: sorted.map(finished),
    ...(link ? { link: finished(link) } : {}),
    ...(payload instanceof Uint8Array ? { payload } : {}),
    ...size('length'),
    ...size('truncate'),
  };
};

/** A field that was said and then cut off asks for a packet that cannot be. */
const warnOfCut = ({ headers, diagnostics }: Gathered, placed: readonly Placed[], left: number | undefined): void => {
  if (left === undefined) return;
  for (const { name, at } of placed)
    for (const [field, token] of headers.find((header) => header.name === name)?.places ?? []) {
      const layout = layouts[name].fields.get(field);
      if (layout && at * 8 + layout.offset + layout.length > left * 8)
        diagnostics.push(
          errorAt(token.whole, 'packet-cut', `${name} ${field} lies behind the ${left} bytes that are left`, {
            severity: 'warning',
          }),
        );
    }
};

/** Lengths that no packet can have, and headers that cannot stand together. */
const checkDescription = (gathered: Gathered, description: Description): void => {
  const { specials, diagnostics, headers } = gathered;
  const transport = headers.find(({ name }) => roleOf(name) === 'transport');
  const tunnel = headers.find(({ name }) => name === 'vxlan');
  if (tunnel && transport && transport.name !== 'udp')
    diagnostics.push(
      errorAt(tunnel.token.whole, 'options-exclusive', `VXLAN is inside UDP, not inside ${transport.name}`),
    );
  if (diagnostics.some(({ severity }) => severity === 'error')) return;
  const full = withTransport(description);
  const { placed } = build({ ...full, payload: new Uint8Array(0), length: 0 });
  const least = placed.reduce((sum, { size }) => sum + size, 0) + (description.payload?.length ?? 0);
  const length = specials.get('length');
  if (length && Number(length.value) < least)
    diagnostics.push(
      errorAt(length.token.valueSpan, 'value-out-of-range', `headers and payload alone have ${least} bytes`, {
        help: `write truncate=${String(length.value)} for a packet that was cut short`,
      }),
    );
  warnOfCut(gathered, placed, description.truncate);
  const most = description.family === 'ip' ? 65535 : 65575;
  const total = Math.min(Math.max(least, description.length ?? 0), description.truncate ?? Infinity);
  const blamed = (specials.get('payload') ?? length)?.token ?? headers.at(-1)?.token;
  if (total > most && blamed)
    diagnostics.push(errorAt(blamed.whole, 'value-out-of-range', `the packet has ${total} bytes, and at most ${most}`));
};

const bytesOnly: readonly Special[] = ['payload', 'length', 'truncate', 'l4proto'];

/** The packet's own bytes, if they are given whole; nothing may be said about their parts then. */
const wholeBytes = (gathered: Gathered, captured: Captured | undefined): Uint8Array | undefined => {
  const { specials, headers, diagnostics } = gathered;
  const said = specials.get('bytes');
  if (said && captured)
    diagnostics.push(errorAt(said.token.whole, 'options-exclusive', 'the packet has its bytes already'));
  const bytes = captured?.bytes ?? (said?.value instanceof Uint8Array ? said.value : undefined);
  if (!bytes) return undefined;
  const part =
    headers.find(({ name }) => name !== 'ether')?.token ??
    bytesOnly.map((name) => specials.get(name)).find(Boolean)?.token;
  if (part)
    diagnostics.push(
      errorAt(part.whole, 'options-exclusive', 'the packet is given as bytes: its parts cannot be said too', {
        help: 'say only what is not in the bytes: hook, in, out, mark, ct, secpath, …',
      }),
    );
  return bytes;
};

const withoutDevice: readonly (readonly [string, readonly Hook[]])[] = [
  ['iifname', ['output']],
  // In prerouting it says where the packet will be forwarded to, should it be.
  ['oifname', ['input']],
];

/** What was said and cannot be: it is kept, because a rule can be asked about it, and told. */
const warn = (gathered: Gathered, hook: Hook | undefined, words: readonly Word[]): void => {
  const { keys, diagnostics } = gathered;
  const tokenOf = (key: string): Token | undefined =>
    words.find(
      ({ target }) => target.kind === 'key' && (target.word.key === key || deviceNames[target.word.key] === key),
    )?.token;
  const tell = (key: string, what: string): void => {
    const token = tokenOf(key);
    if (token) diagnostics.push(errorAt(token.whole, 'options-exclusive', what, { severity: 'warning' }));
  };
  for (const [key, without] of withoutDevice)
    if (hook && without.includes(hook) && keys.get(key)) tell(key, `hook ${hook} has no such device`);
  const state = keys.get('ct.state');
  if (state !== 1 && state !== 64) return;
  for (const key of keys.keys())
    if (keyInfo(key)?.presence === 'tracked' && typeof keys.get(key) === 'number')
      tell(key, 'a packet without conntrack entry has no such value: it is not looked at');
};

/** Undefined only where nothing can be made of the words; errors are among `diagnostics`. */
export const assemble = (
  statements: readonly Statement[],
  captured: Captured | undefined,
  diagnostics: Diagnostic[],
): Saying | undefined => {
  const family = captured?.family ?? familyOf(statements, diagnostics);
  const gathered: Gathered = { family, headers: [], keys: new Map(), specials: new Map(), diagnostics };
  for (const one of statements) {
    if (one.kind === 'mention') headerFor(gathered, one.header, one.token);
    else if (one.target.kind === 'field') setField(gathered, one.target.header, one.target.field, one);
    else if (one.target.kind === 'rest') setRest(gathered, one.target.header, one);
    else if (one.target.kind === 'key') setKey(gathered, one.target.word, one);
    else if (one.target.kind === 'special') setSpecial(gathered, one.target.name, one);
    else
      diagnostics.push(
        errorAt(one.token.whole, 'bad-value', `${one.token.name} is read off the packet's bytes`, {
          help: 'say the header fields, options or chunks that make it so',
        }),
      );
  }
  const hook = hooks.find((name) => name === gathered.specials.get('hook')?.value);
  const bytes = wholeBytes(gathered, captured);
  if (!bytes) applyProtocol(gathered);
  const description = describe(gathered);
  if (!bytes) checkDescription(gathered, description);
  warn(
    gathered,
    hook,
    statements.filter((one) => one.kind === 'word'),
  );
  const raw = gathered.specials.get('link')?.value;
  const described = bytes && description.link ? build({ family, headers: [], link: description.link }).link : undefined;
  const link = captured?.link ?? (raw instanceof Uint8Array ? raw : described);
  return { family, hook, content: bytes ?? description, keys: gathered.keys, ...(link ? { link } : {}) };
};
