/** What a policy lets in: trusted sources, a Swarm's peers, and services. An accept here ends only the guard's chain. */
import { esp, protocolNumber } from '../netfilter/protocols.ts';
import { accept, anyOf, equal, field, jump, l4proto, meta, range } from '../nftables/build.ts';
import type { Expression, Statement } from '../nftables/types.ts';
import { refuseChain } from './names.ts';
import type { Allow, Policy, Swarm } from './policy.ts';
import { isClear, isProtected } from './ruleset-encrypted.ts';
import { sourceTests } from './ruleset-sources.ts';
import { type GuardRule, placedRule, unplacedRule } from './ruleset-writer.ts';

export const trustedChain = 'trusted';
export const swarmChain = 'swarm';
export const allowChain = 'allow';

export const trustedRules = ({ trusted }: Policy): readonly GuardRule[] =>
  trusted.length === 0 ? [] : sourceTests(trusted).map((tests) => unplacedRule(trustedChain, tests, accept, 'trusted'));

type PortRange = Allow['ports'][number];

/** Ascending and without overlaps, which nft refuses in a set. */
const merged = (ports: readonly PortRange[]): readonly PortRange[] => {
  const out: { low: number; high: number }[] = [];
  for (const { low, high } of ports.toSorted((a, b) => a.low - b.low)) {
    const last = out.at(-1);
    if (last && low <= last.high) last.high = Math.max(last.high, high);
    else out.push({ low, high });
  }
  return out;
};

const portTest = (protocol: string, ports: readonly PortRange[]): Statement =>
  equal(
    field(protocol, 'dport'),
    anyOf(merged(ports).map(({ low, high }): Expression => (low === high ? low : range(low, high)))),
  );

/** The guard's names for protocols are IANA's, which protocols.ts has. */
const protocolTests = ({ proto, ports }: Allow): readonly Statement[] => {
  if (proto === 'any') return [];
  if (ports.length > 0) return [portTest(proto, ports)];
  const number = protocolNumber(proto);
  return number === undefined ? [] : [l4proto(number)];
};

const interfaceTests = (names: readonly string[]): readonly Statement[] =>
  names.length === 0 ? [] : [equal(meta('iifname'), anyOf([...new Set(names)]))];

const allowedBy = (allow: Allow): readonly GuardRule[] =>
  sourceTests(allow.from).map((source) =>
    placedRule(
      allowChain,
      allow.place,
      [...interfaceTests(allow.interfaces), ...source, ...protocolTests(allow)],
      accept,
      allow.comment,
    ),
  );

export const allowRules = ({ allow }: Policy): readonly GuardRule[] => allow.flatMap(allowedBy);

/** Cluster management, and gossip between nodes (docs.docker.com, "Swarm mode": open protocols and ports). */
const management = 2377;
const gossip = 7946;

const onPort = (protocol: 'tcp' | 'udp', port: number): Statement => equal(field(protocol, 'dport'), port);

/** VXLAN arrives twice: as ESP, and once more when it is decrypted. */
export const swarmRules = ({ swarm }: Policy): readonly GuardRule[] => {
  if (!swarm || swarm.peers.length === 0) return [];
  const { place, dataPathPort, encrypted } = swarm;
  const data = onPort('udp', dataPathPort);
  const services: readonly (readonly [string, readonly Statement[]])[] = [
    ['swarm management', [onPort('tcp', management)]],
    ['swarm gossip', [onPort('tcp', gossip)]],
    ['swarm gossip', [onPort('udp', gossip)]],
    ['swarm ESP', [l4proto(esp)]],
    ['swarm data path', encrypted === 'required' ? [data, isProtected] : [data]],
  ];
  return sourceTests(swarm.peers).flatMap((source) =>
    services.map(([said, tests]) => placedRule(swarmChain, place, [...source, ...tests], accept, said)),
  );
};

/** Stands in front of everything that could accept it: a connection tracked as established, or a trusted source. */
export const clearDataPath = (chain: string, { place, dataPathPort }: Swarm): GuardRule =>
  placedRule(chain, place, [onPort('udp', dataPathPort), isClear], jump(refuseChain), 'encrypted: required');
