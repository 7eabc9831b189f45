import { redirect } from '../../nftables/build.ts';
import { defineTarget, option, statements, type TargetExtension } from '../contract.ts';
import { checkNatPorts, natFlags, natInside, natPort, refuseNatRange } from '../nat.ts';
import { portsListing } from '../natlisting.ts';
import { natPorts } from '../natrange.ts';
import { flag } from '../value.ts';
import { natSteps } from '../natmeaning.ts';

export const REDIRECT: TargetExtension = defineTarget({
  name: 'REDIRECT',
  families: ['ip', 'ip6'],
  about:
    'changes the destination of a connection to this host: the first address of the interface it came in by, or loopback for its own',
  kernel: 'net/netfilter/xt_REDIRECT.c redirect_tg4, redirect_tg6',
  support: 'exact',
  tables: ['nat'],
  hooks: ['prerouting', 'output'],
  options: {
    ports: option({
      name: '--to-ports',
      aliases: ['--to-port'],
      value: natPorts,
      about: 'destination ports to choose from',
    }),
    random: option({ name: '--random', value: flag, about: 'choose the port of a range at random' }),
  },
  check: ({ ports }, _family, selector) => checkNatPorts('ports', ports, selector),
  listing: portsListing('redir ports '),
  translate: (info, context) => {
    const ports = info.ports?.value;
    const problem = refuseNatRange('ports', ports ? { ports } : {}, context);
    if (problem) return problem;
    const parts = { ...natPort(ports), ...natFlags(info) };
    return statements([redirect(Object.keys(parts).length > 0 ? parts : undefined)], {
      terminal: true,
      ...natInside(ports, context),
    });
  },
  meaning: (info) => natSteps('redirect', info.ports ? { ports: info.ports.value } : {}, info),
});
