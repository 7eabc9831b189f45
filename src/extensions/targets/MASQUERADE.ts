import { masquerade } from '../../nftables/build.ts';
import { defineTarget, option, statements, type TargetExtension } from '../contract.ts';
import { checkNatPorts, natFlags, natInside, natPort, refuseNatRange } from '../nat.ts';
import { portsListing } from '../natlisting.ts';
import { natPorts } from '../natrange.ts';
import { flag } from '../value.ts';
import { natSteps } from '../natmeaning.ts';

export const MASQUERADE: TargetExtension = defineTarget({
  name: 'MASQUERADE',
  families: ['ip', 'ip6'],
  about: 'changes the source of a connection to the address of the interface it leaves by',
  kernel: 'net/netfilter/xt_MASQUERADE.c masquerade_tg',
  support: 'exact',
  tables: ['nat'],
  hooks: ['postrouting'],
  options: {
    ports: option({ name: '--to-ports', value: natPorts, about: 'source ports to choose from' }),
    random: option({ name: '--random', value: flag, about: 'choose the port at random, by a hash of the connection' }),
    randomFully: option({ name: '--random-fully', value: flag, about: 'choose the port at random' }),
  },
  check: ({ ports }, _family, selector) => checkNatPorts('ports', ports, selector),
  listing: portsListing('masq ports: '),
  translate: (info, context) => {
    const ports = info.ports?.value;
    const problem = refuseNatRange('ports', ports ? { ports } : {}, context);
    if (problem) return problem;
    const parts = { ...natPort(ports), ...natFlags(info) };
    return statements([masquerade(Object.keys(parts).length > 0 ? parts : undefined)], {
      terminal: true,
      ...natInside(ports, context),
    });
  },
  meaning: (info) => natSteps('masquerade', info.ports ? { ports: info.ports.value } : {}, info),
});
