/**
 * The hooks of a host: the base chains of all its rulesets by priority, with conntrack and NAT at their places
 * (net/netfilter/core.c nf_hook_slow). An accept ends one base chain, everything else ends the way.
 */
import type { Family } from '../netfilter/family.ts';
import { type Hook, hooks } from '../netfilter/hooks.ts';
import type { Program, ProgramTable } from '../packet/program.ts';
import { slotOf, valueAt, type View } from '../packet/view.ts';
import { conntrackPriority, meetConntrack } from './conntrack.ts';
import { deviceName, setDevice } from './devices.ts';
import { addressOf, type Facts, noFacts, routeTo, routeTypes, typeOf } from './facts.ts';
import { type InstancesFor, instancesOf } from './instances.ts';
import { iptablesRunners } from './iptables.ts';
import { isMapped, natPriority, natStage, type NatStage, translateFirst, translateLater } from './nat.ts';
import { nftablesRunners } from './nftables.ts';
import { accepted, type BaseRunner, type Ending, type Run, undecided } from './run.ts';
import type { Trace } from './trace.ts';
import { describeEffect, describeVerdict } from './words.ts';

/** One way of one packet through a host. */
export interface Way {
  readonly run: Run;
  readonly host: Host;
  readonly trace: Trace | undefined;
  /** Groups of equal priority whose order has been seen to matter. A way that finds a new one has to be gone again. */
  readonly sensitive: Set<string>;
  /** Told when a sent packet is routed anew: then, and only then, the kernel looks for an IPsec policy (see ipsec.ts). */
  readonly routed?: (view: View) => void;
}

/** Something that a hook calls: a base chain, conntrack, or NAT. */
interface Member {
  readonly name: string;
  /** It lets every packet through as it is. */
  readonly inert: boolean;
  readonly run: (way: Way) => Ending;
}

/** What has one priority: nobody knows which of them runs first. */
interface Group {
  readonly id: string;
  readonly members: readonly Member[];
}

export interface Host {
  readonly family: Family;
  readonly facts: Facts;
  readonly groups: ReadonlyMap<Hook, readonly Group[]>;
  /** Hooks with a chain in front of conntrack. */
  readonly early: ReadonlySet<Hook>;
}

const runnersOf = (table: ProgramTable, instancesFor: InstancesFor): readonly BaseRunner[] =>
  table.runs === 'nft' ? nftablesRunners(table, instancesFor) : iptablesRunners(table, instancesFor);

const markSlot = slotOf('mark');

/** ip_tables and nf_tables both route a sent packet anew when a chain of this type has changed what routes go by. */
const watched = (runner: BaseRunner, way: Way): Ending => {
  const { view } = way.run;
  const mark = valueAt(view, markSlot);
  const { bytes } = view;
  const ending = runner.run(way.run);
  if (ending.kind !== 'accept' || (mark === valueAt(view, markSlot) && bytes === view.bytes)) return ending;
  way.routed?.(view);
  const out = deviceName(view, 'o');
  way.trace?.kernel(`routed again, because the chain changed the packet${out ? `; still through ${out}` : ''}`);
  return ending;
};

const isInert = (runner: BaseRunner): boolean =>
  runner.base.policy === 'accept' && runner.table.chains.get(runner.chain)?.rules.length === 0;

const chainMember = (runner: BaseRunner): Member => ({
  name: `${runner.table.label} ${runner.chain}`,
  inert: isInert(runner),
  run: (way) => {
    way.trace?.chain(runner);
    return runner.base.type === 'route' ? watched(runner, way) : runner.run(way.run);
  },
});

/** Members in an order that this way decides. */
const ordered = ({ members, id }: Group, { run }: Way): readonly Member[] => {
  const rest = [...members];
  const order: Member[] = [];
  while (rest.length > 1) {
    const first = rest.findIndex(
      ({ name }, i) => i === rest.length - 1 || run.decide?.(`at ${id}, ${name} runs before the others`, run),
    );
    order.push(...rest.splice(first, 1));
  }
  return [...order, ...rest];
};

const sameEnding = (a: Ending, b: Ending): boolean =>
  a.kind === b.kind && (a.kind === 'unknown' || b.kind === 'unknown' || describeVerdict(a) === describeVerdict(b));

/**
 * Several members of one priority. As long as none of them changes the packet and all that stop it agree, their order
 * does not matter; otherwise every order is a way of its own.
 */
const runGroup = (group: Group, way: Way, isDone: () => boolean): Ending => {
  const { run, sensitive } = way;
  const active = group.members.filter(({ inert }) => !inert);
  if (active.length < 2 || sensitive.has(group.id)) {
    for (const member of active.length < 2 ? group.members : ordered(group, way)) {
      const ending = member.run(way);
      if (ending.kind !== 'accept' || isDone()) return ending;
    }
    return accepted;
  }
  const before = run.changes;
  let sum: Ending = accepted;
  for (const member of group.members) {
    const ending = member.run(way);
    if (ending.kind === 'unknown') return ending;
    const differs = ending.kind !== 'accept' && sum.kind !== 'accept' && !sameEnding(ending, sum);
    if (run.changes !== before || differs) {
      if (!run.decide) return undecided;
      sensitive.add(group.id);
      return ending;
    }
    if (ending.kind !== 'accept') sum = ending;
  }
  return sum;
};

const never = (): boolean => false;

/** All of a hook; `accept` if the packet goes on. */
export const runHook = (hook: Hook, way: Way): Ending => {
  way.trace?.hook(hook);
  for (const group of way.host.groups.get(hook) ?? []) {
    const [only] = group.members;
    const ending = group.members.length === 1 && only ? only.run(way) : runGroup(group, way, never);
    if (ending.kind !== 'accept') return ending;
  }
  return accepted;
};

const conntrackMember: Member = {
  name: 'conntrack',
  inert: false,
  run: ({ run, trace }) => {
    run.changes++;
    if (meetConntrack(run.view) === 'untracked') trace?.kernel('conntrack: not tracked');
    return accepted;
  },
};

/** After a sent packet has got another destination it is routed again (nf_nat_proto.c nf_nat_ipv4_local_fn). */
const routeAgain = ({ run: { view }, host: { family, facts }, routed }: Way): void => {
  routed?.(view);
  const address = addressOf(view, 'daddr');
  if (address === undefined) return setDevice(view, 'o', undefined);
  const isLocal = typeOf(address, family, facts) === routeTypes.local;
  setDevice(view, 'o', isLocal ? 'lo' : routeTo(address, facts)?.device);
};

const stageOf = (way: Way): NatStage => {
  const { run } = way;
  const stage = natStage(run.view);
  if (stage !== 'unknown' || !run.decide) return stage;
  if (run.decide('the packet is the first of a connection (ct state)', run)) return 'chains';
  return run.decide('the packet belongs to a known connection (ct state)', run) ? 'connection' : 'none';
};

const runNatChains = (hook: Hook, groups: readonly Group[], way: Way): Ending => {
  const { run, host, trace } = way;
  for (const group of groups) {
    const ending = runGroup(group, way, () => run.mapping !== undefined);
    if (ending.kind !== 'accept') return ending;
    const { mapping } = run;
    if (!mapping) continue;
    run.mapping = undefined;
    translateFirst(run, mapping, hook, host.facts);
    trace?.kernel(`nat: ${describeEffect(mapping, host.family)}`);
    if (hook === 'output') routeAgain(way);
    // A new source has the kernel look for a policy once more (nf_nat_proto.c nf_nat_ipv4_out, nf_xfrm_me_harder).
    if (hook === 'postrouting') way.routed?.(run.view);
    return accepted;
  }
  return accepted;
};

const runConnection = (hook: Hook, way: Way): Ending => {
  const { run, host, trace } = way;
  const known = isMapped(run.view, hook);
  if (known === undefined && !run.decide) return undecided;
  const mapped = known ?? run.decide?.(`the connection is translated in ${hook} (ct status)`, run);
  if (!mapped) return accepted;
  translateLater(run, hook, host.facts);
  trace?.kernel('nat: translated as the connection is');
  if (hook === 'output') routeAgain(way);
  return accepted;
};

const natMember = (hook: Hook, groups: readonly Group[]): Member => ({
  name: 'nat',
  inert: false,
  run: (way) => {
    switch (stageOf(way)) {
      case 'unknown':
        return undecided;
      case 'none':
        return accepted;
      case 'connection':
        return runConnection(hook, way);
      case 'chains':
        return runNatChains(hook, groups, way);
    }
  },
});

interface Placed {
  readonly priority: number;
  readonly member: Member;
}

const grouped = (hook: Hook, placed: readonly Placed[]): readonly Group[] => {
  const byPriority = new Map<number, Member[]>();
  for (const { priority, member } of placed) byPriority.set(priority, [...(byPriority.get(priority) ?? []), member]);
  return [...byPriority]
    .toSorted(([a], [b]) => a - b)
    .map(([priority, members]) => ({ id: `${hook} priority ${priority}`, members }));
};

const membersOf = (hook: Hook, runners: readonly BaseRunner[], translates: boolean): readonly Placed[] => {
  const here = runners.filter(({ base }) => base.hook === hook);
  const placed = (some: readonly BaseRunner[]): readonly Placed[] =>
    some.map((runner) => ({ priority: runner.base.priority, member: chainMember(runner) }));
  const isNat = ({ base }: BaseRunner): boolean => base.type === 'nat';
  return [
    ...placed(here.filter((runner) => !isNat(runner))),
    ...(hook === 'prerouting' || hook === 'output' ? [{ priority: conntrackPriority, member: conntrackMember }] : []),
    ...(translates && hook !== 'forward'
      ? [{ priority: natPriority(hook), member: natMember(hook, grouped(hook, placed(here.filter(isNat)))) }]
      : []),
  ];
};

/** A host with these rulesets side by side, all of one family; nothing of them is compiled before it is needed. */
export const hostOf = (programs: readonly Program[], family: Family, facts: Facts = noFacts): Host => {
  const runners = programs
    .filter((program) => program.family === family)
    .flatMap((program) => {
      const instancesFor = instancesOf(program);
      return program.tables.flatMap((table) => runnersOf(table, instancesFor));
    });
  const translates = runners.some((runner) => runner.base.type === 'nat' && !isInert(runner));
  const early = runners.filter(({ base }) => base.type !== 'nat' && base.priority <= conntrackPriority);
  return {
    family,
    facts,
    groups: new Map(hooks.map((hook) => [hook, grouped(hook, membersOf(hook, runners, translates))])),
    early: new Set(early.filter((runner) => !isInert(runner)).map(({ base }) => base.hook)),
  };
};
