/** Published ports never meet the guard. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { closing, portSubject, shown, widest } from '../openings.ts';
import { guardTableOf } from '../guard.ts';
import { listed } from '../words.ts';

const most = 6;

const find = (host: AuditHost): readonly Found[] => {
  if (!guardTableOf(host.host.listed)) return [];
  const open = host.exposure().exposed.flatMap((exposed) => {
    const way = widest(exposed);
    return exposed.publishing && way?.passage.at === 'forwarded' ? [{ exposed, way }] : [];
  });
  const [first] = open;
  if (!first) return [];
  const sent = shown(host, first.exposed.row.family, first.way.passage);
  if (!sent) return [];
  const isFar = open.some(({ exposed }) => exposed.row.reach.anywhere === 'open');
  return [
    {
      subject: 'published ports',
      ...(isFar ? { severity: 'low' as const } : {}),
      what: `The guard stands at INPUT; packets from ${isFar ? 'anywhere' : 'the directly connected network'} to published ports never meet it: ${listed(open.map(({ exposed }) => portSubject(exposed)), most)}.`, // prettier-ignore
      means: 'Its policy, whatever it says of these ports, has no effect on them: they are forwarded to containers.',
      evidence: open
        .slice(0, most)
        .flatMap(({ exposed: { publishing } }) => publishing?.evidence('sends it past INPUT') ?? []),
      witness: sent.witness,
      fix: closing(host, first.exposed).map(({ what, commands }) => ({
        what: `${what.replace(/^or /, '')}; the same for the others`,
        commands,
      })),
    },
  ];
};

export const guardPortUncovered: FindingRule = {
  code: 'guard-port-uncovered',
  severity: 'info',
  job: 'guard',
  title: 'Published ports are not covered by the guard',
  about:
    'The guard is a chain at the input hook. Packets to published ports are forwarded to containers and never come there. Where a guard is loaded, published ports that are reached from outside are named; if it is from anywhere, the severity is low.',
  silent: 'There is no guard, or no published port is reached by forwarding.',
  needs: ['nft'],
  find,
};
