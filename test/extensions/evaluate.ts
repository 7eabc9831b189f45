// What nft does with the match side of a rule, for the tests of u32, bpf and policy: a load that fails breaks the rule.
import type { RuleContext } from '../../src/extensions/contract.ts';
import type { Formula } from '../../src/nftables/formula.ts';
import type { Expression, Match } from '../../src/nftables/types.ts';

export interface Transform {
  readonly reqid: number;
  readonly spi: number;
}

export interface Packet {
  /** From the network header on. */
  readonly bytes: Uint8Array;
  /** Where the transport header starts. */
  readonly transport: number;
  readonly mark?: number;
  /** As nft counts them: 0 is the first one that was processed on arrival, or will be on departure. */
  readonly transforms?: readonly Transform[];
}

export const bigEndian = (bytes: Uint8Array, offset: number, size: number): number | undefined => {
  if (offset < 0 || offset + size > bytes.length) return undefined;
  return bytes.slice(offset, offset + size).reduce((value, byte) => value * 256 + byte, 0);
};

/** First bit and number of bits of the header fields; of the addresses only those that fit into a number. */
const headerFields: Readonly<Record<string, readonly [from: number, count: number]>> = {
  'ip version': [0, 4],
  'ip hdrlength': [4, 4],
  'ip dscp': [8, 6],
  'ip ecn': [14, 2],
  'ip length': [16, 16],
  'ip id': [32, 16],
  'ip frag-off': [48, 16],
  'ip ttl': [64, 8],
  'ip protocol': [72, 8],
  'ip checksum': [80, 16],
  'ip saddr': [96, 32],
  'ip daddr': [128, 32],
  'ip6 version': [0, 4],
  'ip6 dscp': [4, 6],
  'ip6 ecn': [10, 2],
  'ip6 flowlabel': [12, 20],
  'ip6 length': [32, 16],
  'ip6 nexthdr': [48, 8],
  'ip6 hoplimit': [56, 8],
};

const fieldValue = (name: string, bytes: Uint8Array): number | undefined => {
  const place = headerFields[name];
  if (!place) throw new Error(`no model of ${name}`);
  const [from, count] = place;
  const offset = Math.floor(from / 8);
  const end = Math.ceil((from + count) / 8);
  const value = bigEndian(bytes, offset, end - offset);
  return value === undefined ? undefined : Math.floor(value / 2 ** (8 * end - from - count)) % 2 ** count;
};

const numberOf = (expression: Expression): number =>
  typeof expression === 'string' && expression.includes('.')
    ? expression.split('.').reduce((value, byte) => value * 256 + Number(byte), 0)
    : Number(expression);

/** The value of the left side; undefined where its load fails. */
const valueOf = (expression: Expression, packet: Packet): number | undefined => {
  if (typeof expression !== 'object' || Array.isArray(expression)) throw new Error('a load is expected');
  if ('&' in expression) {
    const [left, mask] = expression['&'];
    const value = valueOf(left, packet);
    return value === undefined ? undefined : (value & numberOf(mask)) >>> 0;
  }
  if ('payload' in expression && 'base' in expression.payload) {
    const { base, offset, len } = expression.payload;
    return bigEndian(packet.bytes, (base === 'th' ? packet.transport : 0) + offset / 8, len / 8);
  }
  if ('payload' in expression && 'field' in expression.payload)
    return fieldValue(`${expression.payload.protocol} ${expression.payload.field}`, packet.bytes);
  if ('meta' in expression && expression.meta.key === 'mark') return packet.mark ?? 0;
  if ('meta' in expression && expression.meta.key === 'length') return packet.bytes.length;
  if ('meta' in expression && expression.meta.key === 'ipsec') return packet.transforms?.length ? 1 : 0;
  if ('rt' in expression && expression.rt.key === 'ipsec') return packet.transforms?.length ? 1 : 0;
  if ('ipsec' in expression) {
    const { key, spnum } = expression.ipsec;
    const transform = packet.transforms?.[spnum];
    return key === 'reqid' ? transform?.reqid : key === 'spi' ? transform?.spi : undefined;
  }
  throw new Error(`no model of ${JSON.stringify(expression)}`);
};

const within = (value: number, right: Expression): boolean => {
  if (typeof right !== 'object') return value === numberOf(right);
  if ('range' in right) {
    const [low, high] = right.range;
    return numberOf(low) <= value && value <= numberOf(high);
  }
  if ('prefix' in right) {
    const size = 2 ** (32 - right.prefix.len);
    const low = numberOf(right.prefix.addr);
    return low <= value && value < low + size;
  }
  if ('set' in right) return right.set.some((element) => within(value, element));
  throw new Error(`no model of ${JSON.stringify(right)}`);
};

const holdsTest = ({ match: { op, left, right } }: Match, packet: Packet): boolean => {
  const value = valueOf(left, packet);
  if (value === undefined) return false;
  switch (op) {
    case '==':
      return within(value, right);
    case '!=':
      return !within(value, right);
    case '<=':
      return value <= numberOf(right);
    case '>=':
      return value >= numberOf(right);
    default:
      throw new Error(`no model of ${op}`);
  }
};

export const matches = (formula: Formula, packet: Packet): boolean => {
  switch (formula.kind) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'test':
      return holdsTest(formula.statement, packet);
    case 'all':
      return formula.of.every((part) => matches(part, packet));
    case 'any':
      return formula.of.some((part) => matches(part, packet));
    case 'not':
      return !matches(formula.of, packet);
    case 'stateful':
      throw new Error('no model of statements with a memory');
  }
};

export const testCount = (formula: Formula): number => {
  switch (formula.kind) {
    case 'test':
      return 1;
    case 'all':
    case 'any':
      return formula.of.reduce((sum, part) => sum + testCount(part), 0);
    case 'not':
      return testCount(formula.of);
    default:
      return 0;
  }
};

/** A rule in filter INPUT; `extra` changes what it says. */
export const contextOf = (extra: Partial<RuleContext> = {}): RuleContext => ({
  family: 'ip',
  table: 'filter',
  nftTable: 'filter',
  chain: 'INPUT',
  hooks: new Set(['input']),
  backend: 'nft',
  exactLegacy: false,
  selector: {},
  fragmentsVisible: false,
  readsTransport: false,
  destinationPorts: undefined,
  ...extra,
});
