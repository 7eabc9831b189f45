/** What findings about exposure say alike: subjects, ways in, the packet that shows it, and the commands that close it. */
import type { Family } from '../netfilter/family.ts';
import type { RuleEvent, TraceEvent } from '../simulate/trace.ts';
import type { Exposed, Tried } from './exposure.ts';
import { type Evidence, type Fix } from './finding.ts';
import type { AuditHost } from './host.ts';
import { evidenceAt, type HostRule, programFor } from './host-rules.ts';
import { type Passage, selfContained } from './probe.ts';
import { type Sent, sendWords } from './send.ts';
import { shellWord } from './shell-words.ts';

export const inFamily = (subject: string, family: Family): string => (family === 'ip' ? subject : `${subject}, IPv6`);

/** `8081/tcp`, `7000-7003/tcp`, `192.0.2.1:9443/tcp`. */
export const shortSubject = ({ row: { address, port, last, protocol, family } }: Exposed): string => {
  const ports = `${port}${last === undefined ? '' : `-${last}`}/${protocol}`;
  const at = address === undefined ? '' : family === 'ip' ? `${address}:` : `[${address}]:`;
  return `${at}${ports}`;
};

/** The same, with the family where it is IPv6. */
export const portSubject = (exposed: Exposed): string => inFamily(shortSubject(exposed), exposed.row.family);

/** `tcp port 8081`, `tcp ports 7000 to 7003`. */
export const portWords = ({ row: { port, last, protocol, address } }: Exposed): string =>
  `${protocol} ${last === undefined ? `port ${port}` : `ports ${port} to ${last}`}${address === undefined ? '' : ` of address ${address}`}`;

export const openFrom = ({ tried }: Exposed, from: Tried['from']): readonly Tried[] =>
  tried.filter((one) => one.from === from && one.reach === 'open');

/** The way in by which most people come. */
export const widest = (exposed: Exposed): Tried | undefined => {
  const { anywhere, network } = exposed.row.reach;
  const from = anywhere === 'open' ? 'anywhere' : network === 'open' ? 'network' : undefined;
  return from === undefined ? undefined : openFrom(exposed, from)[0];
};

/** `from anywhere (eth0)`, `from the directly connected network (eth1)`. Stand-ins have no names. */
export const waysIn = (host: AuditHost, exposed: Exposed): string => {
  const { isStandIn } = host.probes(exposed.row.family).vantage;
  const said = (from: 'anywhere' | 'network', words: string): readonly string[] => {
    if (exposed.row.reach[from] !== 'open') return [];
    const devices = [...new Set(openFrom(exposed, from).map(({ door }) => door.device))];
    return [isStandIn ? words : `${words} (${devices.join(', ')})`];
  };
  const [far] = said('anywhere', 'from anywhere');
  const [near] = said('network', 'from the directly connected network');
  // Who is let in from anywhere is let in from near; by another device it may be another network.
  const devices = new Set(openFrom(exposed, 'anywhere').map(({ door }) => door.device));
  const isMore = openFrom(exposed, 'network').some(({ door }) => !devices.has(door.device));
  return [far ?? [], far === undefined || (isMore && !isStandIn) ? (near ?? []) : []].flat().join(' and ');
};

/** Sends the packet once more, with its trace; undefined if what becomes of it is not what was claimed. */
export const shown = (host: AuditHost, family: Family, passage: Passage, verdict = 'accept'): Sent | undefined => {
  const sent = sendWords(host.probes(family).host, selfContained(passage));
  return sent.verdict === verdict ? sent : undefined;
};

/** The rule of iptables that an event of a trace is about. */
export const ruleAt = (host: AuditHost, { file, line }: Pick<RuleEvent, 'file' | 'line'>): HostRule | undefined =>
  host.rules().find(({ rule: { origin } }) => origin.line === line && origin.file === file);

export type Decider = RuleEvent | Extract<TraceEvent, { readonly kind: 'policy' }>;

const isFinal = (event: TraceEvent): event is Decider =>
  event.kind === 'policy'
    ? true
    : event.kind === 'rule' && event.verdict !== undefined && !/^(?:jump|goto|return|continue)\b/.test(event.verdict);

/** The rule or the policy that ended the way. */
export const deciderOf = ({ simulation }: Sent): Decider | undefined => simulation.ways[0]?.events.findLast(isFinal);

/** Rules on the way to the one that decided: those that jumped to its chain. */
export const callersOf = ({ simulation }: Sent, decider: Decider): readonly RuleEvent[] => {
  const events = simulation.ways[0]?.events ?? [];
  const before = events.slice(0, events.indexOf(decider));
  const callers: RuleEvent[] = [];
  let depth = decider.kind === 'rule' ? decider.depth : 1;
  for (const event of before.toReversed()) {
    if (event.kind === 'chain' || event.kind === 'hook') break;
    if (event.kind !== 'rule' || event.depth >= depth || !/^(?:jump|goto)\b/.test(event.verdict ?? '')) continue;
    callers.unshift(event);
    depth = event.depth;
  }
  return callers;
};

/** A policy stands where the file says `:INPUT DROP`, which nobody has kept: the file as a whole, then. */
export const evidenceOfDecider = (host: AuditHost, family: Family, decider: Decider, note: string): Evidence => {
  if (decider.kind === 'rule') return evidenceAt(decider, note);
  const table = host.host.iptables.tables.find(
    (one) =>
      one.family === family &&
      one.name === 'filter' &&
      one.chains.some(({ name, policy }) => name === decider.chain && policy !== undefined),
  );
  return {
    file: table?.file ?? host.files[0] ?? '',
    line: 0,
    text: `policy of ${decider.chain}: ${decider.verdict}`,
    note,
  };
};

/** The device to the outside. */
export const outsideDevice = (host: AuditHost, family: Family): string => {
  const { anywhere, network } = host.probes(family).vantage;
  return anywhere?.[0]?.device ?? network[0]?.device ?? 'eth0';
};

/** The devices by which a port is reached: closing another one would close nothing. */
export const entrances = (host: AuditHost, exposed: Exposed): readonly string[] => {
  const { family } = exposed.row;
  const open = exposed.tried.filter(({ from, reach }) => reach === 'open' && (from === 'anywhere' || from === 'network')); // prettier-ignore
  if (open.length === 0 || host.probes(family).vantage.isStandIn) return [outsideDevice(host, family)];
  return [...new Set(open.map(({ door }) => door.device))];
};

const hasUserChain = (host: AuditHost, family: Family): boolean =>
  host.host.iptables.tables.some(
    (table) => table.family === family && table.chains.some(({ name }) => name === 'DOCKER-USER'),
  );

/** The program that has Docker's rules of a family. */
export const dockerProgram = (host: AuditHost, family: Family): string => {
  const rule = host.rules().find(({ table, docker }) => table.family === family && docker !== undefined);
  return rule ? programFor(rule.table) : family === 'ip' ? 'iptables' : 'ip6tables';
};

/** Docker's proxy is a process of this host: its packets meet INPUT. */
const closingProxy = (host: AuditHost, exposed: Exposed): readonly Fix[] => {
  const { family, port, protocol } = exposed.row;
  const devices = entrances(host, exposed);
  return [
    {
      what: `keep packets from outside away from Docker's proxy (${devices.join(', ')}: where they come in)`,
      commands: devices.map(
        (device) =>
          `${dockerProgram(host, family)} -I INPUT -i ${shellWord(device)} -p ${protocol} -m ${protocol} --dport ${port} -j DROP`,
      ),
    },
  ];
};

/** Commands that keep packets from outside away from a published port, before any rule of Docker's. */
export const closing = (host: AuditHost, exposed: Exposed): readonly Fix[] => {
  if (!exposed.publishing) return closingProxy(host, exposed);
  const {
    row: { family, port, last, protocol },
    publishing,
  } = exposed;
  const ports = `${port}${last === undefined ? '' : `:${last}`}`;
  const devices = entrances(host, exposed);
  const where = devices.join(', ');
  if (publishing?.rule === undefined)
    return [
      {
        what: `drop it before Docker's chains are asked (${where}: where it comes in)`,
        commands: [
          'nft add table inet filter-docker',
          "nft 'add chain inet filter-docker forward { type filter hook forward priority filter - 5; }'",
          ...devices.map(
            (device) =>
              `nft ${shellWord(`add rule inet filter-docker forward iifname "${device}" meta l4proto ${protocol} ct original proto-dst ${ports.replace(':', '-')} ct direction original drop`)}`,
          ),
        ],
      },
    ];
  const chain = hasUserChain(host, family) ? 'DOCKER-USER' : 'FORWARD';
  return [
    {
      what: `or keep packets from outside away from it (${where}: where they come in)`,
      commands: devices.map(
        (device) =>
          `${dockerProgram(host, family)} -I ${chain} -i ${shellWord(device)} -p ${protocol} -m conntrack --ctorigdstport ${ports} --ctdir ORIGINAL -j DROP`,
      ),
    },
  ];
};

/** How to publish on one address only. */
export const republishing = ({ row: { family, port, last, protocol }, publishing }: Exposed): readonly Fix[] => {
  if (!publishing || publishing.isIngress) return [];
  const to = publishing.to.port;
  const range = (first: number): string => `${first}${last === undefined ? '' : `-${first + last - port}`}`;
  const suffix = protocol === 'tcp' ? '' : `/${protocol}`;
  return [
    {
      what: 'publish it for this host only, or on the one address that needs it',
      commands: [`docker run -p ${family === 'ip' ? '127.0.0.1' : "'[::1]'"}:${range(port)}:${range(to)}${suffix} …`],
    },
  ];
};

/** The ways out of several ports as those of all of them. */
export const severalAtOnce = (fixes: readonly (readonly Fix[])[], isMore: boolean): readonly Fix[] => {
  const commands = new Map<string, Set<string>>();
  for (const { what, commands: some } of fixes.flat()) {
    const known = commands.get(what) ?? new Set<string>();
    for (const command of some) known.add(command);
    commands.set(what, known);
  }
  return [...commands].map(([what, some]) => ({
    what: what.replace('publish it for', `publish those that are not for everybody${isMore ? ', as these,' : ''} for`).replace('one address that needs it', 'one address that needs them').replace('away from it', `away from them${isMore ? ', and so on for the others' : ''}`), // prettier-ignore
    commands: [...some],
  }));
};
