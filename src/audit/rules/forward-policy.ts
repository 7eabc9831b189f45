/** The policy of FORWARD: open to everybody, or left behind closed by a backend that is not in use any more. */
import type { Table } from '../../iptables/types.ts';
import type { Family } from '../../netfilter/family.ts';
import { type Condition, is, isNamed } from '../../packet/condition.ts';
import { ctStates } from '../../packet/field.ts';
import type { FindingRule } from '../contract.ts';
import type { Evidence, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { programFor } from '../host-rules.ts';
import { familyWords, isDockers, some, tableEvidence } from '../places.ts';

const forwardOf = (table: Table): Table['chains'][number] | undefined => table.chains.find(({ name }) => name === 'FORWARD'); // prettier-ignore

const setting = { ip: 'net.ipv4.ip_forward', ip6: 'net.ipv6.conf.all.forwarding' } as const;

const ours = /^(?:lo|docker\d+|docker_gwbridge|br-[0-9a-f]{12}|veth.*|virbr.*|cni.*|tap.*)$/;

/** Networks of the host itself, by their devices. */
const uplinks = ({ host, bridges }: AuditHost, family: Family): readonly string[] => [
  ...new Set(
    host.addresses
      .filter((one) => one.family === family && !ours.test(one.device) && !bridges().has(one.device))
      .map(({ device }) => device),
  ),
];

const between = (from: string, to: string): readonly Condition[] => [
  isNamed('iifname', from),
  isNamed('oifname', to),
  is({ kind: 'key', key: 'ct.state' }, ctStates.new),
];

const tablesOf = ({ host }: AuditHost, family: Family): readonly Table[] =>
  host.iptables.tables.filter((table) => table.family === family && table.name === 'filter');

const open = (host: AuditHost, family: Family): readonly Found[] => {
  const value = host.around.sysctls?.get(setting[family]);
  const tables = tablesOf(host, family).filter((table) => forwardOf(table)?.policy === 'ACCEPT');
  const isDocker = host.rules().some((rule) => rule.table.family === family && isDockers(rule));
  if (value === undefined || value === '0' || !isDocker || tables.length === 0) return [];
  if (tablesOf(host, family).some((table) => forwardOf(table)?.policy === 'DROP')) return [];
  const links = uplinks(host, family);
  const [from = 'eth0', to = 'eth1'] = links;
  const packet = host.proof(family).packetThat('passes', 'forward', between(from, to));
  if (!packet) return [];
  const { witness, verdict } = host.sendDecoded(packet, 'forward');
  if (verdict !== 'accept') return [];
  const isRouter = links.length > 1;
  return [
    {
      subject: `${familyWords[family]}: policy ACCEPT`,
      severity: isRouter ? 'medium' : 'info',
      what: `FORWARD has policy ACCEPT for ${familyWords[family]}, and the host forwards (${setting[family]} is ${value})${isRouter ? ` between ${some(links)}` : ''}.`,
      means: isRouter
        ? 'Whoever sends packets to this host for another network has them routed, from each of these networks to the others. Docker leaves this policy alone where forwarding was on before it started.'
        : 'Whoever sends packets to this host for another network has them routed, as far as no rule keeps them out. Docker leaves this policy alone where forwarding was on before it started.',
      evidence: tables.map((table) => tableEvidence(table, 'FORWARD has policy ACCEPT')),
      witness,
      fix: tables.map((table) => ({
        what: "drop what no rule lets through; Docker's own accepts stay in force",
        commands: [`${programFor(table)} -P FORWARD DROP`],
      })),
    },
  ];
};

const bridgesTable = 'docker-bridges';

/** Docker's native backend never touches the policy that its other backend has set. */
const leftBehind = (host: AuditHost, family: Family): readonly Found[] => {
  const native = host.host.nft.tables.find((table) => table.family === family && table.name === bridgesTable);
  const tables = tablesOf(host, family).filter((table) => forwardOf(table)?.policy === 'DROP');
  if (!native || tables.length === 0) return [];
  const bridges = [...native.chains.keys()].flatMap((name) => /^filter-forward-in__(.+)$/.exec(name)?.[1] ?? []);
  for (const bridge of bridges) {
    const proof = host.proof(family);
    const conditions = [isNamed('oifname', bridge), is({ kind: 'key', key: 'ct.state' }, ctStates.new)];
    const stopped = proof.packetThat('stops', 'forward', conditions);
    // Whoever has put an accept into FORWARD for the bridges has seen to it.
    if (!stopped || proof.packetThat('passes', 'forward', conditions) !== null) continue;
    const { witness, verdict, simulation } = host.sendDecoded(stopped, 'forward');
    const byPolicy = simulation.ways[0]?.events.some((event) => event.kind === 'policy' && event.verdict === 'drop');
    if (verdict !== 'drop' || byPolicy !== true) continue;
    const place = native.chains.get(`filter-forward-in__${bridge}`)?.place;
    const evidence: readonly Evidence[] = place ? [{ ...place, text: `chain ${family} ${bridgesTable} filter-forward-in__${bridge}`, note: "Docker's rules for the bridge" }] : []; // prettier-ignore
    return [
      {
        subject: `${familyWords[family]}: policy DROP behind Docker's native rules`,
        severity: 'medium',
        what: `Docker's forwarding is in table ${family} ${bridgesTable}, and FORWARD of iptables still has policy DROP.`,
        means: `An accept of Docker's native chains is not final: iptables drops the packets afterwards. No new connection comes to ${bridge}, published or not.`,
        evidence: [...tables.map((table) => tableEvidence(table, 'FORWARD has policy DROP')), ...evidence],
        witness,
        fix: tables.map((table) => ({ what: 'open the policy; Docker drops what is not published itself', commands: [`${programFor(table)} -P FORWARD ACCEPT`] })), // prettier-ignore
      },
    ];
  }
  return [];
};

const find = (host: AuditHost): readonly Found[] =>
  host.families().flatMap((family) => [...open(host, family), ...leftBehind(host, family)]);

export const forwardPolicy: FindingRule = {
  code: 'forward-policy',
  severity: 'info',
  job: 'ordering',
  title: 'The policy of FORWARD does not fit what Docker does',
  about:
    "Docker turns IP forwarding on for the whole host, and sets the policy of FORWARD to DROP only if it was the one to do so. With policy ACCEPT the host is a router for everybody who sends it packets. Docker's native backend, of release 29, never touches the policy: a DROP that the iptables backend has left behind then keeps out what Docker's native rules accept.",
  silent:
    'The settings of the kernel are not known, and with them whether the host forwards; or other rules keep strangers out whatever the policy is.',
  references: ['moby#14041', 'moby#49643', 'moby#50566'],
  needs: [],
  find,
};
