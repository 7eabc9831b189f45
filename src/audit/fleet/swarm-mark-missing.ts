/** A node that sends packets of an encrypted network in clear, and what the others do with them. */
import { overlayWords } from '../overlays.ts';
import type { Found } from '../finding.ts';
import { listed } from '../words.ts';
import { type FleetRule, hostEvidence, namesOf, sharedNetworks, weighed } from './contract.ts';
import type { Swarm } from './swarms.ts';

const find = (swarm: Swarm): readonly Found[] =>
  sharedNetworks(swarm).flatMap(({ about, on }): readonly Found[] => {
    const clear = on.filter(([, { leaves }]) => leaves === 'clear');
    if (clear.length === 0) return [];
    const others = on.filter((one) => !clear.includes(one) || clear.length > 1);
    const takes = others.filter(([, fact]) => fact.clear === 'accept');
    const drops = others.filter(([, fact]) => fact.clear === 'drop');
    return [
      {
        subject: `Swarm ${swarm.name}: ${overlayWords(about)}`,
        ...weighed(swarm, 'high'),
        what: `${overlayWords(about)}${about.network === undefined ? '' : `, network ${about.network}`}: ${listed(namesOf(clear))} ${clear.length === 1 ? 'sends' : 'send'} packets of this encrypted network in clear. ${swarm.because}`,
        means: [
          ...(takes.length > 0
            ? [`${listed(namesOf(takes))} ${takes.length === 1 ? 'takes' : 'take'} them: this part of the network works and is not encrypted.`] // prettier-ignore
            : []),
          ...(drops.length > 0
            ? [`${listed(namesOf(drops))} ${drops.length === 1 ? 'drops' : 'drop'} them: towards there the network is dead.`] // prettier-ignore
            : []),
          ...(takes.length + drops.length === 0 ? ['What the other nodes do with them is not known.'] : []),
        ].join(' '),
        evidence: [
          ...clear.slice(0, 12).map(([host]) => hostEvidence(host, 'sends in clear')),
          ...takes.slice(0, 6).map(([host]) => hostEvidence(host, 'takes clear packets')),
          ...drops.slice(0, 6).map(([host]) => hostEvidence(host, 'drops clear packets')),
        ],
        fix: [
          { what: 'on each node that sends in clear: the audit of the node has the rule to put back', commands: ['dnfw audit'] }, // prettier-ignore
        ],
      },
    ];
  });

export const swarmMarkMissing: FleetRule = {
  code: 'swarm-mark-missing',
  severity: 'high',
  job: 'encryption',
  title: 'A node of a Swarm sends an encrypted network in clear',
  about:
    'A node without the MARK of an encrypted network, or on which it is overwritten, sends its packets unencrypted. Whether anybody notices depends on the other nodes: those with their DROP do not take them, those without do, and everything seems to work.',
  silent: 'All nodes encrypt, or the rules of mangle are not known. Only one host has the network.',
  references: ['CVE-2023-28841'],
  find,
};
