// One trial: rules in all four ways, packets near them through each, and what came of every packet.
import type { Backend } from '../../../src/netfilter/family.ts';
import { registry } from '../../../src/extensions/registry.ts';
import { readNftables } from '../../../src/nftables/read.ts';
import type { KeyValue, Packet } from '../../../src/packet/packet.ts';
import { iptablesProgram } from '../../../src/simulate/iptables-program.ts';
import { nftProgram } from '../../../src/simulate/nft-program.ts';
import { aimAt } from './aim.ts';
import { type Batch, dumpOfBatch, type Forms, formsOf, loadsOf } from './batch.ts';
import { hex } from './bytes.ts';
import { type Machine, packetOf } from './environment.ts';
import { looksUpDifferently } from './leftout.ts';
import { type Made, packetNear, type Place, replyTo } from './packets.ts';
import type { Random } from './random.ts';
import { type Receivers, type Way, ways } from './receivers.ts';
import type { Outcome, Recorded } from './record.ts';
import type { Tested } from './rules.ts';
import { type Simulator, simulatorOf } from './simulators.ts';

export interface Trial {
  readonly family: Tested['family'];
  readonly place: Place;
  readonly forms: Forms;
  readonly packets: readonly Made[];
}

export type Verdicts = Readonly<Record<Way, Recorded>>;

export interface Tried {
  readonly verdicts: Verdicts;
  readonly machine: Machine;
}

/** A way and a packet on which kernel and simulator differ. */
export interface Disagreement {
  readonly way: Way;
  readonly packet: Made;
  readonly keys: ReadonlyMap<string, KeyValue>;
  readonly kernel: string;
  readonly simulator: string;
  /** Bits of the mark in which they differ; none if one of them dropped the packet. */
  readonly bits: number | undefined;
}

/** Numbers go round: what belongs to an earlier packet of the same number is long gone. */
export interface Numbering {
  next: number;
}

const nextNumber = (numbering: Numbering): number => {
  numbering.next = (numbering.next % 65534) + 1;
  return numbering.next;
};

export const packetsNear = (
  rules: readonly Tested[],
  family: Tested['family'],
  place: Place,
  count: number,
  random: Random,
  numbering: Numbering,
): readonly Made[] => {
  const aims = rules.map(aimAt);
  const packets: Made[] = [];
  while (packets.length < count) {
    const number = nextNumber(numbering);
    // Answers make connections; elsewhere they would be packets like any other.
    const answered = place.tracked && packets.length > 0 && random.chance(0.25) ? random.pick(packets) : undefined;
    const reply = answered && replyTo(number, answered, place, random);
    // Each rule in turn, so that none goes without.
    const aim = aims[packets.length % aims.length] ?? random.pick(aims);
    packets.push(reply ?? packetNear(number, family, random, aim, place));
  }
  return packets;
};

/** What the kernel says to the rules of each way; empty texts if it takes them. */
export const loadAll = async (
  receivers: Receivers,
  family: Tested['family'],
  forms: Forms,
): Promise<Readonly<Record<Way, string>>> => {
  const loads = loadsOf(forms);
  const errors: Record<Way, string> = { legacy: '', nft: '', native: '', exact: '' };
  for (const way of ways) errors[way] = await receivers.load(way, family, loads[way]);
  return errors;
};

export const send = async (receivers: Receivers, trial: Trial, fragquirk: boolean): Promise<Tried> => {
  const frames = trial.packets.flatMap((packet) => packet.frames);
  const { cpu, ...verdicts } = await receivers.judge(trial.family, trial.place, frames);
  return { verdicts, machine: { fragquirk, cpu } };
};

export const simulators = ({ forms, family, place }: Trial): Readonly<Record<Way, Simulator>> => {
  const iptables = (backend: Backend): Simulator =>
    simulatorOf(iptablesProgram(forms.rulesets[backend], registry, family), place.hook);
  const nft = (document: string): Simulator => {
    const { value, diagnostics } = readNftables('document', document);
    const [first] = diagnostics;
    if (first) throw new Error(`${first.what}: ${document}`);
    return simulatorOf(nftProgram(value, family), place.hook);
  };
  const { native, exact } = loadsOf(forms);
  return {
    legacy: iptables('legacy'),
    nft: iptables('nft'),
    native: nft(native),
    exact: nft(exact),
  };
};

const outcomeWords = (outcome: Outcome | undefined): string =>
  outcome
    ? `mark 0x${outcome.mark.toString(16)}, hops ${outcome.hops}, traffic 0x${outcome.traffic.toString(16)}`
    : 'dropped';

/** Packets that reached the hook in one way, with what its simulator is told of them. */
export const arrivals = (
  { packets, place }: Trial,
  { verdicts, machine }: Tried,
  way: Way,
): readonly { readonly made: Made; readonly packet: Packet }[] =>
  packets.flatMap((made) => {
    const recorded = verdicts[way].arrived.get(made.number);
    return recorded ? [{ made, packet: packetOf(made, place, recorded, machine) }] : [];
  });

export interface Comparison {
  /** How many packets were compared, in all ways together. */
  readonly packets: number;
  /** How many answers to rules by themselves. */
  readonly verdicts: number;
  readonly disagreements: readonly Disagreement[];
  /** What a simulator did not know, by how often. */
  readonly unknown: ReadonlyMap<string, number>;
  /** Rules of a batch that a simulator did not know for some packet. */
  readonly open: ReadonlySet<Tested>;
}

/** Which rules of a batch a simulator does not know for a packet, each asked by itself. */
const openBits = (batch: Batch, way: Way): ((packet: Packet) => number) => {
  const alone = batch.rules.map((rule) => {
    const one: Batch = { ...batch, rules: [rule] };
    return simulators({ ...one, forms: formsOf(dumpOfBatch(one), batch.family), packets: [] })[way];
  });
  return (packet) =>
    alone.reduce((bits, simulate, index) => bits | (simulate(packet).kind === 'unknown' ? 1 << index : 0), 0);
};

/** `batch`: the rules, if they are single ones with a bit each; then what is unknown of one leaves the others certain. */
export const compare = (trial: Trial, tried: Tried, batch?: Batch, only: readonly Way[] = ways): Comparison => {
  const disagreements: Disagreement[] = [];
  const unknown = new Map<string, number>();
  const open = new Set<Tested>();
  const simulate = simulators(trial);
  const rules = batch?.rules.length ?? 1;
  let [packets, verdicts] = [0, 0];
  for (const way of only) {
    let bitsOf: ((packet: Packet) => number) | undefined;
    for (const { made, packet } of arrivals(trial, tried, way)) {
      const answer = simulate[way](packet);
      const kernel = tried.verdicts[way].seen.get(made.number);
      let mask = 0xffffffff;
      if (answer.kind === 'unknown') {
        const what = `${way}: ${answer.what}`;
        unknown.set(what, (unknown.get(what) ?? 0) + 1);
        if (!batch || !answer.outcome || !kernel) continue;
        bitsOf ??= openBits(batch, way);
        const bits = bitsOf(packet);
        for (const [index, rule] of batch.rules.entries()) if ((bits >>> index) & 1) open.add(rule);
        mask = ~bits >>> 0;
      }
      if (batch && (way === 'legacy' || way === 'nft'))
        for (const [index, rule] of batch.rules.entries()) if (looksUpDifferently(rule)) mask &= ~(1 << index);
      packets++;
      const simulated = answer.kind === 'dropped' ? undefined : answer.outcome;
      verdicts += kernel && simulated ? rules : 1;
      const [said, thought] = [kernel, simulated].map((one) =>
        outcomeWords(one && { ...one, mark: (one.mark & mask) >>> 0 }),
      );
      if (said === thought) continue;
      const bits = kernel && simulated ? ((kernel.mark ^ simulated.mark) & mask) >>> 0 : undefined;
      disagreements.push({ way, packet: made, keys: packet.keys, kernel: said ?? '', simulator: thought ?? '', bits });
    }
  }
  return { packets, verdicts, disagreements, unknown, open };
};

/** The rules of a batch that all ways of the kernel take, which then are loaded, and what it said to the others. */
export const takenRules = async (receivers: Receivers, batch: Batch): ReturnType<typeof sifted> => {
  const found = await sifted(receivers, batch);
  const { family, place } = batch;
  if (found.refused.size > 0)
    await loadAll(receivers, family, formsOf(dumpOfBatch({ family, place, rules: found.taken }), family));
  return found;
};

const sifted = async (
  receivers: Receivers,
  batch: Batch,
): Promise<{ readonly taken: readonly Tested[]; readonly refused: ReadonlyMap<Tested, string> }> => {
  const errors = await loadAll(receivers, batch.family, formsOf(dumpOfBatch(batch), batch.family));
  const error = ways.map((way) => errors[way] && `${way}: ${errors[way]}`).find((text) => text !== '');
  const { rules } = batch;
  if (error === undefined) return { taken: rules, refused: new Map() };
  if (rules.length === 1) return { taken: [], refused: new Map(rules.map((one) => [one, error])) };
  const middle = Math.ceil(rules.length / 2);
  const first = await sifted(receivers, { ...batch, rules: rules.slice(0, middle) });
  const second = await sifted(receivers, { ...batch, rules: rules.slice(middle) });
  return { taken: [...first.taken, ...second.taken], refused: new Map([...first.refused, ...second.refused]) };
};

export const describePacket = ({ family, bytes, link, through }: Made): string =>
  `${family} through ${through}, ${bytes.length} bytes: ${hex(bytes)} behind ${hex(link)}`;
