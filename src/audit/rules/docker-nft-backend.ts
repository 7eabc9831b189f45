/** What Docker's own nftables backend (since 29.0) would change on this host. */
import { overlayWords } from '../overlays.ts';
import type { FindingRule } from '../contract.ts';
import { families } from '../../netfilter/family.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf, type HostRule, programFor } from '../host-rules.ts';
import { countOf, shownRules } from '../migration-words.ts';
import { familyWords } from '../words.ts';
import { shellWord } from '../shell-words.ts';

const isReturn = ({ text }: HostRule): boolean => text === '-j RETURN';

const ofDocker = (host: AuditHost): readonly HostRule[] =>
  host.rules().filter(({ docker }) => docker !== undefined && docker.part !== 'operator');

/** Docker does not make the chain, and leaves what is there. */
const operatorChain = (host: AuditHost): readonly Found[] =>
  families.flatMap((family): readonly Found[] => {
    const rules = host.rules().filter(
      (rule) => rule.table.family === family && rule.table.name === 'filter' && rule.chain.name === 'DOCKER-USER' && !isReturn(rule), // prettier-ignore
    );
    const [first] = rules;
    if (!first) return [];
    const accepts = rules.filter(({ rule: { action } }) => action.kind === 'verdict' && action.verdict === 'ACCEPT');
    return [
      {
        subject: `DOCKER-USER, ${familyWords[family]}`,
        severity: 'medium',
        what: `DOCKER-USER has ${countOf(rules.length, 'rule', 'rules')} of the operator (${familyWords[family]}), and Docker's nftables backend has no such chain.`,
        means: `After the switch nobody makes the chain and the jump to it again: what is in them holds until iptables is emptied or the host restarts.${accepts.length > 0 ? ` ${countOf(accepts.length, 'ACCEPT is', 'ACCEPTs are')} not final there: the chain of Docker's own table is asked as well.` : ''}`,
        evidence: shownRules(rules).map((rule) => evidenceOf(rule, 'not in the nftables backend')),
        fix: [
          {
            what: 'move the rules to a table of your own, with a base chain of its own priority; drops work from any of them',
            commands: [
              `nft add table ${family} operator`,
              `nft add chain ${family} operator forward '{ type filter hook forward priority filter - 10; policy accept; }'`,
              `${programFor(first.table)}-save -t filter | dnfw translate --format nft -`,
            ],
          },
          ...(accepts.length > 0
            ? [
                {
                  what: 'for what is to be accepted, mark it and tell Docker the mark',
                  commands: ['dockerd --firewall-backend=nftables --bridge-accept-fwmark=1'],
                },
              ]
            : []),
        ],
      },
    ];
  });

const swarm = (host: AuditHost): readonly Found[] => {
  const overlays = host.overlays();
  const ingress = ofDocker(host).filter(({ docker }) => docker?.part === 'ingress');
  const isSwarm = host.host.docker?.swarm === 'active' || overlays.length + ingress.length > 0;
  if (!isSwarm) return [];
  const marks = overlays.flatMap(({ marks: some, drops, dropsAny }) => [...some, ...drops, ...dropsAny]);
  const what = [
    ...(overlays.length > 0
      ? [`${countOf(overlays.length, 'encrypted overlay network', 'encrypted overlay networks')} (${overlays.slice(0, 3).map(overlayWords).join('; ')}${overlays.length > 3 ? '; …' : ''})`] // prettier-ignore
      : []),
    ...(ingress.length > 0 ? [`${countOf(ingress.length, 'rule', 'rules')} of the routing mesh`] : []),
  ];
  return [
    {
      subject: 'Swarm',
      severity: 'medium',
      what: `This host is a node of a Swarm${what.length > 0 ? `, with ${what.join(' and ')}` : ''}.`,
      means:
        'dockerd refuses to start with the nftables backend in Swarm mode. Since 29.6 the feature swarm-nftables lifts that, as an experiment: encrypted networks then have the table docker-overlay, and u32 rules of older releases stay behind in INPUT and mangle OUTPUT.',
      evidence: shownRules([...marks, ...ingress]).map((rule) => evidenceOf(rule)),
      fix: [
        {
          what: 'stay with the iptables backend on nodes of a Swarm',
          commands: ["docker info --format '{{json .FirewallBackend}}'"],
        },
      ],
    },
  ];
};

const policy = (host: AuditHost): readonly Found[] =>
  families.flatMap((family): readonly Found[] => {
    const table = host.host.iptables.tables.find(
      (one) =>
        one.family === family && one.name === 'filter' && one.chains.some((chain) => chain.name === 'FORWARD' && chain.policy === 'DROP'), // prettier-ignore
    );
    const bridges = ofDocker(host).filter(
      (rule) => rule.table.family === family && rule.table.name === 'filter' && rule.docker?.part === 'publish',
    );
    if (!table || bridges.length === 0) return [];
    const ports = host.published().filter((one) => one.family === family).length;
    const forwarding = family === 'ip' ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding';
    return [
      {
        subject: `${family} filter FORWARD`,
        severity: 'medium',
        what: `The policy of FORWARD is DROP (${familyWords[family]}), and ${countOf(ports, 'published port relies', 'published ports rely')} on Docker's rules in front of it.`,
        means: `On the switch Docker takes its rules out of FORWARD and leaves the policy. Its own table accepts, but that is not final: the policy drops what goes to and from containers. Docker sets this policy where it turned ${forwarding} on itself, which the nftables backend never does: after a restart forwarding is off unless somebody else turns it on.`,
        evidence: [{ file: table.file, line: 0, text: ':FORWARD DROP', note: 'stays behind' }, ...shownRules(bridges).slice(0, 3).map((rule) => evidenceOf(rule, 'goes'))], // prettier-ignore
        fix: [
          {
            what: 'set the policy and forwarding yourself, before the switch',
            commands: [
              `${programFor(table)} -P FORWARD ACCEPT`,
              `sysctl -w ${forwarding}=1`,
              `echo ${forwarding}=1 >/etc/sysctl.d/50-forwarding.conf`,
            ],
          },
        ],
      },
    ];
  });

const internal = (host: AuditHost): readonly Found[] => {
  const rules = ofDocker(host).filter(
    ({ docker, text }) => docker?.part === 'isolate' && /^! -[sd] \S+ (?:-[io] \S+ )-j DROP$/.test(text),
  );
  const bridges = [...new Set(rules.flatMap(({ docker }) => docker?.filled?.['bridge'] ?? []))];
  return bridges.map((bridge): Found => {
    const own = rules.filter(({ docker }) => docker?.filled?.['bridge'] === bridge);
    return {
      subject: `internal network, ${bridge}`,
      severity: 'info',
      what: `The internal network of ${bridge} is closed by its subnet; Docker's nftables backend closes it by its device.`,
      means:
        "A packet from another device with a source address of the subnet comes in today and would not any more. Nothing else changes for the network's containers.",
      evidence: own.map((rule) => evidenceOf(rule)),
      fix: [{ what: 'nothing has to be done', commands: [`ip route show dev ${shellWord(bridge)}`] }],
    };
  });
};

/** DOCKER_OUTPUT and its like are in the namespaces of containers, and stay there with both backends. */
const hostChain = /^DOCKER(?:-|$)/;

const tables = (host: AuditHost): readonly Found[] => {
  const rules = ofDocker(host).filter(({ chain }) => chain.name !== 'DOCKER-USER' && hostChain.test(chain.name));
  if (rules.length === 0) return [];
  const some = [...new Set(rules.map(({ table }) => table.family))];
  const names = [
    ...some.map((family) => `${family} docker-bridges`),
    ...new Set(host.overlays().map(({ family }) => `${family} docker-overlay`)),
  ];
  return [
    {
      subject: 'tables',
      severity: 'info',
      what: `${countOf(rules.length, 'rule of Docker stands', 'rules of Docker stand')} in chains of iptables; the nftables backend has the tables ${names.join(', ')} instead.`,
      means:
        'Programs and people that look for chain DOCKER with iptables find nothing after the switch. The tables are Docker\'s: it writes them anew on every change, and "nft flush ruleset" takes them away until it restarts.',
      evidence: shownRules(rules)
        .slice(0, 3)
        .map((rule) => evidenceOf(rule)),
      fix: [
        {
          what: 'nothing has to be done now; after the switch, look at the tables with nft',
          commands: names.map((name) => `nft list table ${name}`),
        },
      ],
    },
  ];
};

/** Docker's tables are there already: there is nothing to switch. */
const isNative = ({ around, host }: AuditHost): boolean =>
  around.firewallBackend?.startsWith('nftables') === true ||
  host.nft.tables.some(({ name }) => name === 'docker-bridges');

export const dockerNftBackend: FindingRule = {
  code: 'docker-nft-backend',
  severity: 'info',
  job: 'migration',
  title: "Docker's own nftables backend would change something here",
  about:
    'Since 29.0 the engine can write native rules itself (--firewall-backend=nftables); the default is still iptables. The switch is not one to one: there is no DOCKER-USER, accepts are no longer final, a FORWARD policy of DROP is left behind and stops published ports, nobody turns forwarding on, and nodes of a Swarm are refused. Only what concerns rules of this host is said, one finding each.',
  silent: 'The engine uses the nftables backend already, or Docker has no rules here.',
  references: ['moby#50646', 'moby#49638', 'moby#53622'],
  needs: [],
  find: (host) =>
    isNative(host) ? [] : [operatorChain, swarm, policy, internal, tables].flatMap((look) => look(host)),
};
