import { dccp, sctp, tcp, udp } from '../../netfilter/protocols.ts';
import { dnat, field, map } from '../../nftables/build.ts';
import type { Expression } from '../../nftables/types.ts';
import {
  defineTarget,
  option,
  type Refusal,
  refused,
  type RuleContext,
  statements,
  type TargetExtension,
} from '../contract.ts';
import { checkNatPorts, natAddress, natFlags, natInside, natPort, portTaken, refuseNatRange } from '../nat.ts';
import { toListing } from '../natlisting.ts';
import { type NatPorts, natRange } from '../natrange.ts';
import { flag } from '../value.ts';
import { natSteps } from '../natmeaning.ts';

const names: Readonly<Record<number, string>> = { [tcp]: 'tcp', [udp]: 'udp', [sctp]: 'sctp', [dccp]: 'dccp' };

/** A map of more ports than this would be longer than what it replaces is worth. */
const longestMap = 1024;

/** Where nf_nat_l4proto_unique_tuple sends `port`: counted from the base modulo 2^16, then modulo the length of the range. */
const shiftedPort = (port: number, { low, high }: NatPorts, base: number): number =>
  low + (((port - base) & 0xffff) % (high - low + 1));

/** The ports of a shift, one by one, for all ports that the rule lets through. */
const portMap = (ports: NatPorts, base: number, context: RuleContext): Expression | Refusal => {
  const from = context.destinationPorts;
  const protocol = names[context.selector.protocol?.number ?? 0];
  if (!from || protocol === undefined)
    return refused({
      code: 'not-expressible',
      option: 'to',
      what: 'a port shift in a rule that does not say for which ports',
      why: 'nft has no shift, only a list of ports that are mapped one by one, and the rule would need all 65536',
      help: 'put --dport with the range of ports in front of it',
    });
  if (from.high - from.low >= longestMap)
    return refused({
      code: 'too-many-rules',
      option: 'to',
      what: `a shift of ${from.high - from.low + 1} ports`,
      why: 'nft has no shift, only a list of ports that are mapped one by one',
      help: `split the rule into ranges of at most ${longestMap} ports`,
    });
  if (from.low >= from.high) return shiftedPort(from.low, ports, base);
  const key = field(protocol, 'dport');
  return map(
    key,
    Array.from({ length: from.high - from.low + 1 }, (_, i) => [from.low + i, shiftedPort(from.low + i, ports, base)]),
  );
};

export const DNAT: TargetExtension = defineTarget({
  name: 'DNAT',
  families: ['ip', 'ip6'],
  about: 'changes the destination of a connection',
  kernel: 'net/netfilter/xt_nat.c xt_dnat_target_v2',
  support: 'exact',
  notes: [
    'A port shift (`:3000-3100/2000`) becomes a map of single ports; where the port it leads to is taken, iptables tries the next one of the range and nftables does not.',
  ],
  tables: ['nat'],
  hooks: ['prerouting', 'output'],
  options: {
    to: option({
      name: '--to-destination',
      value: natRange(true),
      mandatory: true,
      about: 'new address, port or both',
    }),
    random: option({ name: '--random', value: flag, about: 'choose the port of a range at random' }),
    persistent: option({
      name: '--persistent',
      value: flag,
      about: 'give a client the same address of a range every time',
    }),
  },
  check: ({ to }, _family, selector) => checkNatPorts('to', to?.value.ports, selector),
  listing: toListing('--to-destination'),
  translate: (info, context) => {
    const to = info.to?.value ?? {};
    const problem = refuseNatRange('to', to, context);
    if (problem) return problem;
    const base = to.ports?.base;
    const shift = to.ports && base !== undefined ? portMap(to.ports, base, context) : undefined;
    if (typeof shift === 'object' && 'kind' in shift) return shift;
    const port = shift === undefined ? natPort(to.ports) : { port: shift };
    return statements([dnat({ ...natAddress(to, context.family), ...port, ...natFlags(info) })], {
      terminal: true,
      ...natInside(to.ports, context),
      ...(shift === undefined ? {} : { differences: portTaken }),
    });
  },
  meaning: (info) => natSteps('dnat', info.to?.value ?? {}, info),
});
