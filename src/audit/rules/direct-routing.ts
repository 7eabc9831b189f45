/** Containers are reached at their own addresses, at ports that nobody published. */
import { printMasked } from '../../netfilter/address.ts';
import { type Family, families } from '../../netfilter/family.ts';
import type { FindingRule } from '../contract.ts';
import type { Evidence, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf, type HostRule, programFor } from '../host-rules.ts';
import { evidenceOfDecider, outsideDevice, shown } from '../openings.ts';
import { familyWords } from '../words.ts';
import { type Direct, directWords, reachedDirectly } from '../reaching.ts';
import { shellWord } from '../shell-words.ts';
import type { Sent } from '../send.ts';

const most = 4;

/** `! -i BRIDGE -o BRIDGE -j ACCEPT`: gateway mode nat-unprotected. */
const unprotecting = (host: AuditHost, family: Family): ReadonlyMap<string, HostRule> =>
  new Map(
    host.rules().flatMap((rule) => {
      const bridge = rule.docker?.filled?.bridge;
      const isOpen = rule.docker?.part === 'publish' && rule.text === `! -i ${bridge} -o ${bridge} -j ACCEPT`;
      return bridge !== undefined && isOpen && rule.table.family === family ? [[bridge, rule] as const] : [];
    }),
  );

const networkWords = ({ bridge: { device, network, subnets } }: Direct, family: Family): string =>
  `${network === undefined ? device : `${network} (${device})`}${subnets[0] ? `, ${printMasked(subnets[0], family)}` : ''}`;

const onPurpose = (direct: Direct, sent: Sent, rule: HostRule, family: Family): Found => ({
  subject: direct.bridge.network ?? direct.bridge.device,
  severity: 'low',
  what: `Gateway mode nat-unprotected of ${networkWords(direct, family)}: every port of its containers is reached from outside, published or not.`,
  means: 'Docker opens the network to whoever has a route to it, because somebody asked for this mode.',
  evidence: [evidenceOf(rule, 'lets everything in')],
  witness: sent.witness,
  fix: [
    {
      what: 'make the network anew with the usual gateway mode',
      commands: [
        `docker network create -o com.docker.network.bridge.gateway_mode_${family === 'ip' ? 'ipv4' : 'ipv6'}=nat …`,
      ],
    },
  ],
});

/** What let it through in FORWARD: behind it postrouting lets everything through. */
const forwardedBy = (host: AuditHost, family: Family, { simulation }: Sent): Evidence | undefined => {
  const events = simulation.ways[0]?.events ?? [];
  const end = events.findIndex((event) => event.kind === 'hook' && event.hook === 'postrouting');
  const last = events
    .slice(0, end < 0 ? undefined : end)
    .findLast((event) => event.kind === 'policy' || (event.kind === 'rule' && event.verdict === 'accept'));
  return last?.kind === 'policy' || last?.kind === 'rule'
    ? evidenceOfDecider(host, family, last, 'lets it through')
    : undefined;
};

const userChain = (host: AuditHost, family: Family): string =>
  host.host.iptables.tables.some(
    (table) => table.family === family && table.chains.some(({ name }) => name === 'DOCKER-USER'),
  )
    ? 'DOCKER-USER'
    : 'FORWARD';

const isFarFirst = (a: Direct, b: Direct): number =>
  Number(b.from === 'anywhere') - Number(a.from === 'anywhere') || Number(b.isKnown) - Number(a.isKnown);

const together = (host: AuditHost, family: Family, all: readonly Direct[]): readonly Found[] => {
  const some = all.toSorted(isFarFirst);
  const known = some.filter(({ isKnown }) => isKnown);
  const tried = some.slice(0, most).flatMap((direct) => shown(host, family, direct.passage) ?? []);
  const [sent] = tried;
  if (!sent) return [];
  const isNew = host.rules().some(({ docker }) => docker?.part === 'protect');
  const isFar = some.some(({ from }) => from === 'anywhere');
  const program = programFor(
    host.rules().find(({ table, docker }) => table.family === family && docker)?.table ?? { family, backend: 'nft' },
  );
  const device = outsideDevice(host, family);
  const { isStandIn } = host.probes(family).vantage;
  const entrance = isStandIn ? device : [...new Set(some.map(({ door }) => door.device))].join(', ');
  const deciders = new Map(
    tried.flatMap((one) => {
      const evidence = forwardedBy(host, family, one);
      return evidence ? [[`${evidence.line} ${evidence.text}`, evidence] as const] : [];
    }),
  );
  const listed = (known.length > 0 ? known : some).slice(0, most).map((one) => directWords(one, family));
  const more = some.length > listed.length ? ` and ${some.length - listed.length} more networks` : '';
  return [
    {
      subject: familyWords[family],
      ...(isFar ? { severity: 'high' as const } : known.length === 0 ? { severity: 'low' as const } : {}),
      what: `New connections to ${known.length > 0 ? 'containers at their own addresses' : 'addresses of bridge networks'} are forwarded at ports that are not published: ${listed.join(', ')}${more}.`,
      means: isFar
        ? 'These addresses are routed in the Internet: whoever is not stopped on the way reaches every port of the containers.'
        : `A neighbour who sets a route to such a network through this host (${device}) reaches every port of its containers, also those that are published on one address only or not at all.`,
      evidence: [...deciders.values()].slice(0, most),
      witness: sent.witness,
      fix: [
        {
          what: `keep new connections that are for no published port away (${entrance}: where they come in)`,
          commands: some.map(
            ({ bridge, door }) =>
              `${program} -I ${userChain(host, family)} -i ${shellWord(isStandIn ? device : door.device)} -o ${shellWord(bridge.device)} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
          ),
        },
        {
          what: 'or let FORWARD drop what no rule accepts; see first what else this host forwards',
          commands: [`${program} -P FORWARD DROP`],
        },
        ...(family === 'ip' && !isNew
          ? [
              {
                what: 'or upgrade to Docker 28.0 or later, which drops such packets itself',
                commands: ['docker version'],
              },
            ]
          : []),
      ],
    },
  ];
};

const found = (host: AuditHost, family: Family): readonly Found[] => {
  const open = reachedDirectly(host, family);
  const meant = open.length > 0 ? unprotecting(host, family) : new Map<string, HostRule>();
  return [
    ...together(
      host,
      family,
      open.filter(({ bridge }) => !meant.has(bridge.device)),
    ),
    ...open.flatMap((direct) => {
      const rule = meant.get(direct.bridge.device);
      const sent = rule && shown(host, family, direct.passage);
      return sent ? [onPurpose(direct, sent, rule, family)] : [];
    }),
  ];
};

export const directRouting: FindingRule = {
  code: 'direct-routing',
  severity: 'medium',
  job: 'exposure',
  title: 'Containers are reached past the published ports',
  about:
    "Publishing a port opens it; not publishing it does not close it. Where FORWARD accepts what no rule is about (Docker sets its policy to DROP only if it has switched forwarding on itself), a neighbour who routes a container's network through the host reaches every port in it. Since 28.0 Docker drops what is not published, in DOCKER and in raw PREROUTING. A new connection from a neighbour to a port that is not published is sent through all rules, for every bridge network that is not internal; for addresses that are routed in the Internet also one from there (then the severity is high). Low where no container is known, so that only the next one is concerned. Networks of gateway mode nat-unprotected, which are meant to be open, are told of with low severity.",
  silent:
    "The policy of FORWARD, Docker's rules of 28.0 and later or a rule of the operator drop it; the network is internal; the host does not forward.",
  references: ['moby#48724', 'moby#49325'],
  needs: [],
  find: (host) => families.flatMap((family) => found(host, family)),
};
