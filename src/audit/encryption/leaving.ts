/**
 * Whether VXLAN of an encrypted network that this host sends is encrypted: by the mark that it has when the kernel
 * looks for an IPsec policy (simulate/ipsec.ts).
 */
import { is } from '../../packet/condition.ts';
import { key } from '../../packet/field.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Program } from '../../packet/program.ts';
import type { Oracle } from '../../packet/view.ts';
import { readPacket } from '../../packet/words.ts';
import { quotedIfNeeded } from '../../packet/wordtokens.ts';
import { beside, ruleOf } from '../../prove/passing.ts';
import type { RuleEvent, TraceEvent } from '../../simulate/trace.ts';
import type { AuditHost } from '../host.ts';
import { perHost } from '../lazy.ts';
import type { Overlay } from '../overlays.ts';
import type { Sent } from '../send.ts';
import { type EncryptedNetwork, encryptedNetworks, exampleAddresses, hasMark, peersOf } from './networks.ts';
import { encryptionMark, outgoingVxlan, to } from './packets.ts';

/**
 * Why a packet leaves in clear. `unmarked`: nothing has marked it. `behind-accept`: a rule ended the chain before the
 * one that marks. `overwritten`: a later rule took the mark away. `not-routed`: marked in a chain after which the
 * packet is not routed again.
 */
export type ClearReason = 'unmarked' | 'behind-accept' | 'overwritten' | 'not-routed';

export type Leaving =
  | { readonly kind: 'encrypted' | 'unknown' }
  | {
      readonly kind: 'clear';
      readonly why: ClearReason;
      readonly sent: Sent;
      /** The rules that make it so, in order. */
      readonly by: readonly RuleEvent[];
      /** It is not what this host sends to any node, but some packets alone: those to an address or through a device. */
      readonly isSpecial: boolean;
    };

const sees = (host: AuditHost, packet: Packet, oracle?: Oracle): 'encrypted' | 'clear' | 'unknown' => {
  const { ways, complete } = host.departures(packet, oracle);
  const leaving = ways.filter(({ ending }) => ending === 'accept');
  if (!complete || leaving.length === 0 || ways.some(({ ending }) => ending === 'unknown')) return 'unknown';
  const encrypted = leaving.filter(({ policyMark }) => policyMark === encryptionMark).length;
  return encrypted === leaving.length ? 'encrypted' : encrypted === 0 ? 'clear' : 'unknown';
};

const setsMark = (event: TraceEvent): event is RuleEvent =>
  event.kind === 'rule' && event.result === 'matched' && event.effects.some((effect) => /^set mark\b/.test(effect));

const isOurs = ({ effects }: RuleEvent): boolean => effects.includes(`set mark 0x${encryptionMark.toString(16)}`);

/** Rules of mangle OUTPUT itself that end it, and of chains it asks. */
const endingMangle = (events: readonly TraceEvent[]): readonly RuleEvent[] => {
  const found: RuleEvent[] = [];
  let isThere = false;
  for (const event of events) {
    if (event.kind === 'chain') isThere = event.hook === 'output' && event.table.endsWith(' mangle');
    if (!isThere || event.kind !== 'rule' || event.verdict === undefined) continue;
    if (event.verdict === 'accept' || event.verdict.startsWith('goto') || (event.verdict === 'return' && event.depth === 0)) found.push(event); // prettier-ignore
  }
  return found;
};

const reasonOf = (
  host: AuditHost,
  overlay: Overlay,
  { packet, simulation }: Sent,
): { readonly why: ClearReason; readonly by: readonly RuleEvent[] } => {
  const events = simulation.ways[0]?.events ?? [];
  const marking = events.filter(setsMark);
  const ours = marking.findLastIndex(isOurs);
  const last = marking[ours];
  if (last) {
    const later = marking.slice(ours + 1);
    const keepsIt = host.departures(packet).ways.some(({ mark }) => mark === encryptionMark);
    return keepsIt ? { why: 'not-routed', by: [last] } : { why: 'overwritten', by: [last, ...later] };
  }
  const before = endingMangle(events);
  return hasMark(overlay) && before.length > 0 ? { why: 'behind-accept', by: before } : { why: 'unmarked', by: [] };
};

/** VXLAN as this host would send it to one of the nodes it knows. */
const usualWords = (host: AuditHost, { family, port, vni }: Overlay): string => {
  const [peer, own] = exampleAddresses(host, family);
  return `hook=output ${family} saddr=${own} daddr=${peer} udp sport=49152 dport=${port} vxlan vni=${vni}`;
};

/** Behind everything at the output hook: packets that have kept the mark end here. */
const probed = (program: Program): Program =>
  beside(program, {
    name: 'marked',
    base: { hook: 'output', priority: 0x7fffffff, type: 'filter', policy: 'accept' },
    rules: [
      ruleOf([
        { kind: 'test', condition: is(key('mark'), encryptionMark) },
        { kind: 'verdict', verdict: { kind: 'drop' } },
      ]),
    ],
  });

/** Packets that leave without the mark although the usual ones have it. */
const special = (host: AuditHost, some: readonly EncryptedNetwork[]): ReadonlyMap<EncryptedNetwork, Leaving> => {
  const [first] = some;
  if (!first) return new Map();
  const answers = host.proof(first.family).letThrough(
    'output',
    some.map((one) => {
      const peers = peersOf(host, one);
      return [...outgoingVxlan(one), ...(peers.length > 0 ? [to(one.family, peers)] : [])];
    }),
    probed(host.program(first.family)),
  );
  return new Map(
    some.map((overlay, index): readonly [EncryptedNetwork, Leaving] => {
      const example = answers?.[index]?.example;
      if (!example) return [overlay, { kind: answers ? 'encrypted' : 'unknown' }];
      const { packet, oracle } = example;
      if (sees(host, packet, oracle) !== 'clear') return [overlay, { kind: 'encrypted' }];
      const sent = host.sendDecoded(example, 'output');
      if (sent.verdict !== 'accept') return [overlay, { kind: 'unknown' }];
      return [overlay, { kind: 'clear', ...reasonOf(host, overlay, sent), sent, isSpecial: true }];
    }),
  );
};

/** As words say it, and if that leaves rules open that ask for the device: through the one that leads to other hosts. */
const usual = (host: AuditHost, overlay: EncryptedNetwork): Leaving => {
  const { anywhere, network, isStandIn } = host.probes(overlay.family).vantage;
  const device = isStandIn ? undefined : (anywhere?.[0] ?? network[0])?.device;
  const words = usualWords(host, overlay);
  for (const said of [words, ...(device === undefined ? [] : [`${words} out=${quotedIfNeeded(device)}`])]) {
    const packet = readPacket(said).value?.packet;
    const seen = packet ? sees(host, packet) : 'unknown';
    if (seen === 'unknown') continue;
    if (seen === 'encrypted') return { kind: seen };
    const sent = host.send(overlay.family, said);
    return { kind: 'clear', ...reasonOf(host, overlay, sent), sent, isSpecial: false };
  }
  return { kind: 'unknown' };
};

const all = perHost((host: AuditHost): ReadonlyMap<EncryptedNetwork, Leaving> => {
  const known = encryptedNetworks(host).filter(({ family }) => host.knows(family, 'mangle', 'OUTPUT'));
  const first = new Map(known.map((overlay) => [overlay, usual(host, overlay)]));
  for (const family of ['ip', 'ip6'] as const) {
    const asked = known.filter((one) => one.family === family && hasMark(one) && first.get(one)?.kind !== 'clear');
    for (const [overlay, leaving] of special(host, asked)) first.set(overlay, leaving);
  }
  return first;
});

/** Unknown too where mangle OUTPUT is not known. */
export const leavingOf = (host: AuditHost, overlay: EncryptedNetwork): Leaving =>
  all(host).get(overlay) ?? { kind: 'unknown' };

/** The networks of this host of which packets leave in clear for this reason. */
export const leavingClear = (
  host: AuditHost,
  why: ClearReason,
): readonly { readonly overlay: EncryptedNetwork; readonly leaving: Extract<Leaving, { kind: 'clear' }> }[] =>
  encryptedNetworks(host).flatMap((overlay) => {
    const leaving = leavingOf(host, overlay);
    return leaving.kind === 'clear' && leaving.why === why ? [{ overlay, leaving }] : [];
  });

/** A datagram of an unprivileged process that looks like the network's, if it leaves encrypted. */
export const forgedBy = (host: AuditHost, overlay: EncryptedNetwork): Sent | undefined => {
  if (!host.knows(overlay.family, 'mangle', 'OUTPUT') || !host.knows(overlay.family, 'filter', 'OUTPUT'))
    return undefined;
  const sent = host.send(overlay.family, `${usualWords(host, overlay)} meta skuid=1000 meta skgid=1000`);
  return sent.verdict === 'accept' && sees(host, sent.packet) === 'encrypted' ? sent : undefined;
};
