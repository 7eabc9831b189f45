/** Rules of INPUT would keep a published port closed, but its packets never meet INPUT. */
import { type Family, families } from '../../netfilter/family.ts';
import { ruleText } from '../../nftables/describe.ts';
import type { FindingRule } from '../contract.ts';
import type { Exposed } from '../exposure.ts';
import type { Evidence, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt } from '../host-rules.ts';
import {
  callersOf,
  closing,
  type Decider,
  deciderOf,
  entrances,
  evidenceOfDecider,
  inFamily,
  portSubject,
  portWords,
  republishing,
  ruleAt,
  shown,
  waysIn,
  widest,
} from '../openings.ts';
import { firstFrom, passage } from '../probe.ts';
import { packetWords } from '../probe-packets.ts';
import type { Sent } from '../send.ts';

/** What would become of a packet if it went to INPUT. */
interface Believed {
  readonly exposed: Exposed;
  readonly sent: Sent;
  readonly decider: Decider;
  /** Rules that name the port, of those that lead to the decision. */
  readonly naming: readonly Evidence[];
}

const portRange = /(!=? ?)?(?:--(?:d|destination-)?ports?|\bdport) (!= )?(\{[^}]*\}|\S+)/g;

/** Whether a rule asks for the port, as iptables or nft writes it. */
export const namesPort = (text: string, port: number): boolean =>
  [...text.matchAll(portRange)].some(
    ([, before, not, said = '']) =>
      before === undefined &&
      not === undefined &&
      [...said.matchAll(/(\d+)(?:[:-](\d+))?/g)].some(
        ([, first, last]) => Number(first) <= port && port <= Number(last ?? first),
      ),
  );

/** The operator has let it in on purpose, behind Docker's back or in front of it. */
const isAllowed = (host: AuditHost, { deciders }: Sent): boolean =>
  deciders.some((event) => {
    const rule = ruleAt(host, event);
    const isOwn =
      rule === undefined
        ? !/docker/i.test(event.chain)
        : rule.table.name === 'filter' && (rule.docker === undefined || rule.docker.part === 'operator');
    return event.verdict === 'accept' && isOwn && !/^(?:filter-forward|nat-|raw-)/.test(event.chain);
  });

const believed = (host: AuditHost, exposed: Exposed): readonly Believed[] => {
  const { row, publishing } = exposed;
  const way = widest(exposed);
  if (!publishing || way?.passage.at !== 'forwarded') return [];
  const probes = host.probes(row.family);
  const { protocol, port } = row;
  const target =
    publishing.address === undefined ? { protocol, port } : { protocol, port, address: publishing.address };
  const words = `hook=input ${packetWords(firstFrom(probes, way.door, target))}`;
  if (passage(probes.host, words).reach !== 'closed') return [];
  const [open, kept] = [shown(host, row.family, way.passage), host.send(row.family, words)];
  const decider = deciderOf(kept);
  if (!open || !decider || isAllowed(host, open)) return [];
  const leading = decider.kind === 'rule' ? [...callersOf(kept, decider), decider] : [];
  const naming = leading.filter(({ text }) => namesPort(text, row.port));
  return [{ exposed, sent: open, decider, naming: naming.map((event) => evidenceAt(event, 'would keep it out')) }];
};

const publishedBy = ({ publishing }: Exposed): readonly Evidence[] => {
  const evidence = publishing?.evidence('sends it to the container instead');
  return evidence ? [evidence] : [];
};

const means =
  'DNAT gives these packets the address of the container before the routing decision, so that they meet FORWARD and not INPUT.';

const byPort = (host: AuditHost, { exposed, sent, decider, naming }: Believed): Found => {
  const { family } = exposed.row;
  const isThere =
    decider.kind === 'rule' && naming.some(({ line, file }) => line === decider.line && file === decider.file);
  return {
    subject: portSubject(exposed),
    what: `A rule keeps ${portWords(exposed)} out of INPUT, but the port is published to ${exposed.row.behind} and reached ${waysIn(host, exposed)}.`,
    means: `${means} The rule has no effect on them.`,
    evidence: [
      ...naming,
      ...(isThere ? [] : [evidenceOfDecider(host, family, decider, 'would keep it out')]),
      ...publishedBy(exposed),
    ],
    witness: sent.witness,
    fix: [
      ...closing(host, exposed).map((fix) => ({ ...fix, what: fix.what.replace(/^or /, '') })),
      ...republishing(exposed).map((fix) => ({ ...fix, what: `or ${fix.what}` })),
    ],
  };
};

/** INPUT is a list of what may come in, which somebody wrote, if some port is named in it. */
const hasAllowList = ({ rules, host }: AuditHost, family: Family): boolean =>
  rules().some(
    ({ table, chain, rule, docker, text }) =>
      table.family === family &&
      table.name === 'filter' &&
      !/^(?:FORWARD|OUTPUT|DOCKER)/.test(chain.name) &&
      docker === undefined &&
      rule.action.kind === 'verdict' &&
      rule.action.verdict === 'ACCEPT' &&
      / --dports? /.test(text),
  ) ||
  host.nft.tables.some(
    ({ name, chains }) =>
      !name.startsWith('docker-') &&
      [...chains.values()].some(
        ({ base, rules: some }) =>
          base?.hook !== 'forward' &&
          base?.hook !== 'output' &&
          some.some((rule) => /\bdport\b.*\baccept$/.test(ruleText(rule))),
      ),
  );

const shownPorts = 5;

const byPolicy = (host: AuditHost, family: Family, some: readonly Believed[]): readonly Found[] => {
  const [first] = some;
  if (!first || !hasAllowList(host, family)) return [];
  const { decider, sent } = first;
  const ports = some.slice(0, shownPorts).map(({ exposed }) => portSubject(exposed).replace(/, IPv6$/, ''));
  const more = some.length > shownPorts ? ` and ${some.length - shownPorts} more` : '';
  const devices = entrances(host, first.exposed);
  const closes = closing(host, first.exposed);
  return [
    {
      subject: inFamily('INPUT', family),
      severity: 'medium',
      what: `INPUT lets in what it names and keeps everything else out, published ports included; they are reached all the same, ${waysIn(host, first.exposed)}: ${ports.join(', ')}${more}.`,
      means: `${means} What INPUT does not name is not closed if Docker publishes it.`,
      evidence: [
        evidenceOfDecider(host, family, decider, 'would keep them out'),
        ...some.slice(0, shownPorts).flatMap(({ exposed }) => publishedBy(exposed)),
      ],
      witness: sent.witness,
      fix: [
        {
          what: `close each of them that is not meant to be open, before any rule of Docker's (${devices.join(', ')}: where they come in)`,
          commands: closes.flatMap(({ commands }) => commands),
        },
        ...republishing(first.exposed).map((fix) => ({ ...fix, what: `or ${fix.what}` })),
      ],
    },
  ];
};

const find = (host: AuditHost): readonly Found[] => {
  const all = host.exposure().exposed.flatMap((exposed) => believed(host, exposed));
  return [
    ...all.filter(({ naming }) => naming.length > 0).map((one) => byPort(host, one)),
    ...families.flatMap((family) =>
      byPolicy(
        host,
        family,
        all.filter(({ exposed, naming }) => naming.length === 0 && exposed.row.family === family),
      ),
    ),
  ];
};

export const publishedPortBelievedClosed: FindingRule = {
  code: 'published-port-believed-closed',
  severity: 'high',
  job: 'exposure',
  title: 'A published port is open although INPUT keeps it out',
  about:
    'Rules in INPUT, and with them those of ufw and firewalld, are about packets for the host itself. Packets to a published port get the address of a container in PREROUTING and are forwarded. For every published port that is reached from outside, the same packet is sent to INPUT: where a rule that names the port would keep it out, the operator believes it closed (high). Where only a policy or a last rule would, and other rules of INPUT name ports that may come in, all such ports are one finding of medium severity.',
  silent:
    'INPUT would let the packet in, INPUT names no port at all, or a rule of the operator in FORWARD or DOCKER-USER lets it through on purpose.',
  references: ['moby#4737', 'moby#22054', 'moby#14435', 'moby#16329'],
  needs: [],
  find,
};
