/** A policy as the values of a policy file: what `readPolicy` reads back as the same policy. */
import { addressBits, prefixLength, printAddress, printMasked } from '../netfilter/address.ts';
import type { Allow, Network, Policy, Source } from './policy.ts';
import type { RawAllow, RawPolicy } from './policy-schema.ts';

export const networkText = (network: Network): string =>
  prefixLength(network.mask, network.family) === addressBits(network.family)
    ? printAddress(network.address, network.family)
    : printMasked(network, network.family);

const sourceText = (source: Source): string => (source.kind === 'set' ? source.name : networkText(source.network));

const allowOf = ({ proto, ports, from, interfaces, comment }: Allow): RawAllow => ({
  proto,
  ...(ports.length > 0 ? { ports: ports.map(({ low, high }) => (low === high ? low : `${low}-${high}`)) } : {}),
  ...(from.length > 0 ? { from: from.map(sourceText) } : {}),
  ...(interfaces.length > 0 ? { interfaces } : {}),
  ...(comment === undefined ? {} : { comment }),
});

/**
 * Plain values in a fixed order, so that their JSON is the same for the same policy. Where in which file something was
 * said is left out.
 */
export const policyValues = (policy: Policy): RawPolicy => {
  const { sets, trusted, allow, rules, log, swarm } = policy;
  return {
    version: 1,
    mode: policy.mode,
    default: policy.default,
    ...(sets.length > 0
      ? {
          sets: Object.fromEntries(
            sets.map((set) => [set.name, set.external ? 'external' : set.elements.map(networkText)]),
          ),
        }
      : {}),
    ...(trusted.length > 0 ? { trusted: trusted.map(sourceText) } : {}),
    ...(allow.length > 0 ? { allow: allow.map(allowOf) } : {}),
    ...(rules.length > 0 ? { rules: rules.map(({ family, rule }) => ({ family, rule })) } : {}),
    icmp: policy.icmp,
    log: { drops: log.drops, rate: `${log.rate}/${log.per}`, burst: log.burst, prefix: log.prefix },
    ...(swarm
      ? { swarm: { peers: swarm.peers.map(sourceText), dataPathPort: swarm.dataPathPort, encrypted: swarm.encrypted } }
      : {}),
    dockerAccepts: policy.dockerAccepts,
  };
};
