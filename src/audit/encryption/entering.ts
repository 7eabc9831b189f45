/** Whether an encrypted network gets through to this host: ESP first, then what comes out of it. */
import type { Family } from '../../netfilter/family.ts';
import type { Condition } from '../../packet/condition.ts';
import type { AuditHost } from '../host.ts';
import { perHost } from '../lazy.ts';
import type { Sent } from '../send.ts';
import { arrivals } from './arrival.ts';
import { arriving } from './clear.ts';
import { type EncryptedNetwork, encryptedNetworks, exampleAddresses, hasDrop, hasMark, peersOf } from './networks.ts';
import { decryptedVxlan, from, incomingEsp } from './packets.ts';

export interface Stopped {
  /** A packet that is stopped, and its way. */
  readonly sent: Sent;
}

export interface Entering {
  /** Decrypted VXLAN of networks of which nothing gets in. */
  readonly networks: ReadonlyMap<EncryptedNetwork, Stopped>;
  /** ESP that is the first of a host: nothing of it gets in. `asReply`: it does once this host has sent some. */
  readonly esp: (Stopped & { readonly asReply: boolean }) | undefined;
}

const isStopped = ({ verdict }: Sent): boolean => verdict === 'drop' || verdict === 'reject';

/** The usual packet if it is stopped; else the prover has to say which one is. */
const stopped = (
  host: AuditHost,
  family: Family,
  words: string,
  condition: readonly Condition[],
): Stopped | undefined => {
  // prettier-ignore
  const usual = host.send(family, words);
  if (isStopped(usual)) return { sent: usual };
  const other = host.proof(family).packetThat('stops', 'input', condition);
  const sent = other ? host.sendDecoded(other, 'input') : undefined;
  return sent && isStopped(sent) ? { sent } : undefined;
};

const inFamily = (host: AuditHost, family: Family): Entering => {
  const some = encryptedNetworks(host).filter(
    (one) => one.family === family && one.isUsed !== 'no' && (hasMark(one) || hasDrop(one) || one.accepts.length > 0),
  );
  if (some.length === 0 || !host.knows(family, 'filter', 'INPUT')) return { networks: new Map(), esp: undefined };
  const peers = peersOf(host, { family });
  const near = peers.length > 0 ? [from(family, peers)] : [];
  const esp = (['new', 'established'] as const).map((state) => [...incomingEsp(state), ...near]);
  const vxlan = some.map((one) => [...decryptedVxlan(one), ...near]);
  const [first, later] = arrivals(host, family, esp) ?? [];
  const answers = arrivals(host, family, vxlan) ?? [];
  const [peer, own] = exampleAddresses(host, family);
  const espWords = `${family} saddr=${peer} daddr=${own} esp spi=0x1000 sequence=1 secpath=no fib daddr type=local`;
  const espStopped = first && !first.example ? stopped(host, family, espWords, esp[0] ?? []) : undefined;
  return {
    networks: new Map(
      some.flatMap((overlay, index) => {
        const answer = answers[index];
        if (!answer || answer.example) return [];
        const found = stopped(host, family, arriving(host, overlay, 'yes'), vxlan[index] ?? []);
        return found ? [[overlay, found] as const] : [];
      }),
    ),
    esp: espStopped && { ...espStopped, asReply: later?.example !== undefined },
  };
};

const both: (host: AuditHost) => Readonly<Record<Family, Entering>> = perHost((host: AuditHost) => ({
  ip: inFamily(host, 'ip'),
  ip6: inFamily(host, 'ip6'),
}));

export const enteringOf = (host: AuditHost, family: Family): Entering => both(host)[family];
