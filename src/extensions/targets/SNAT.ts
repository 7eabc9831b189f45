import { snat } from '../../nftables/build.ts';
import { defineTarget, option, statements, type TargetExtension } from '../contract.ts';
import { checkNatPorts, natAddress, natFlags, natInside, natPort, refuseNatRange } from '../nat.ts';
import { toListing } from '../natlisting.ts';
import { natRange } from '../natrange.ts';
import { flag } from '../value.ts';
import { natSteps } from '../natmeaning.ts';

export const SNAT: TargetExtension = defineTarget({
  name: 'SNAT',
  families: ['ip', 'ip6'],
  about: 'changes the source of a connection',
  kernel: 'net/netfilter/xt_nat.c xt_snat_target_v2',
  support: 'exact',
  tables: ['nat'],
  hooks: ['postrouting', 'input'],
  options: {
    to: option({ name: '--to-source', value: natRange(false), mandatory: true, about: 'new address, port or both' }),
    random: option({ name: '--random', value: flag, about: 'choose the port at random, by a hash of the connection' }),
    randomFully: option({ name: '--random-fully', value: flag, about: 'choose the port at random' }),
    persistent: option({
      name: '--persistent',
      value: flag,
      about: 'give a client the same address of a range every time',
    }),
  },
  check: ({ to }, _family, selector) => checkNatPorts('to', to?.value.ports, selector),
  listing: toListing('--to-source'),
  translate: (info, context) => {
    const to = info.to?.value ?? {};
    const problem = refuseNatRange('to', to, context);
    if (problem) return problem;
    return statements([snat({ ...natAddress(to, context.family), ...natPort(to.ports), ...natFlags(info) })], {
      terminal: true,
      ...natInside(to.ports, context),
    });
  },
  meaning: (info) => natSteps('snat', info.to?.value ?? {}, info),
});
