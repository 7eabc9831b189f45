/** An encrypted network that some nodes of a Swarm enforce and others do not. */
import { overlayWords } from '../overlays.ts';
import type { Found } from '../finding.ts';
import { countOf, listed } from '../words.ts';
import { type FleetRule, hostEvidence, namesOf, sharedNetworks, weighed } from './contract.ts';
import type { Swarm } from './swarms.ts';

const find = (swarm: Swarm): readonly Found[] =>
  sharedNetworks(swarm).flatMap(({ about, on }): readonly Found[] => {
    const open = on.filter(([, { clear }]) => clear === 'accept');
    const shut = on.filter(([, { clear }]) => clear === 'drop');
    if (open.length === 0 || shut.length === 0) return [];
    const network = about.network === undefined ? '' : `, network ${about.network}`;
    return [
      {
        subject: `Swarm ${swarm.name}: ${overlayWords(about)}`,
        ...weighed(swarm, 'high'),
        what: `${overlayWords(about)}${network}: of ${countOf(on.length, 'node')} that have this encrypted network ${shut.length} keep clear packets out, and ${listed(namesOf(open))} ${open.length === 1 ? 'lets' : 'let'} them in. ${swarm.because}`,
        means:
          'Whoever reaches one of these nodes can put packets into the network without a key, and from there reaches its containers on all nodes.',
        evidence: [
          ...open.slice(0, 12).map(([host]) => hostEvidence(host, 'lets clear packets in')),
          ...shut.slice(0, 3).map(([host]) => hostEvidence(host, 'keeps them out')),
        ],
        fix: [
          {
            what: 'on each node that lets them in: see why, and put the DROP back or let the guard drop them',
            commands: ['dnfw audit', 'dnfw install --from-host'],
          },
        ],
      },
    ];
  });

export const swarmVniPartial: FleetRule = {
  code: 'swarm-vni-partial',
  severity: 'high',
  job: 'encryption',
  title: 'An encrypted network is enforced on some nodes of a Swarm only',
  about:
    'Each node of a Swarm has to drop clear packets of an encrypted network by itself. For each network that several nodes have, what a clear packet gets on each of them is compared: the answers are those of overlay-drop-missing and overlay-drop-behind-accept, guard and policies included.',
  silent: 'All nodes that have the network agree, or it is not known what becomes of a packet on one of them.',
  references: ['CVE-2023-28840'],
  find,
};
