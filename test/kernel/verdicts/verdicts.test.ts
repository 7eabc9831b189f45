// The kernel's verdicts against the simulators': rules of the book, of captured rulesets and random ones, as
// iptables-legacy, iptables-nft, native nft and native nft that emulates legacy, on packets near them. Every packet
// that reaches the hook has to meet in the simulator what it met in the kernel: the same drop, mark and header fields.
//
// DNFW_TEST_SEED gives other random rules and packets, DNFW_VERDICTS=5000000 more of them (answers to a rule about a
// packet, in all four ways together).
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seed } from '../../generate.ts';
import { type Batch, dumpOfBatch, formsOf } from './batch.ts';
import { brokenClaims } from './claims.ts';
import { hex } from './bytes.ts';
import { fragmentsAreRead } from './fragquirk.ts';
import { isDecidable, lacks, looksUpDifferently, needsConntrack, undecidable, unknowable } from './leftout.ts';
import type { Place } from './packets.ts';
import { type Random, randomFrom } from './random.ts';
import { openReceivers, type Receivers, ways } from './receivers.ts';
import { generatedRules, knownRules, type Tested } from './rules.ts';
import {
  type Comparison,
  compare,
  describePacket,
  loadAll,
  packetsNear,
  send,
  takenRules,
  type Trial,
} from './trial.ts';
import { capturedWholes, generatedWhole, type Whole } from './whole.ts';

const wanted = Number(process.env['DNFW_VERDICTS'] ?? 1_000_000);
const minutes = 60_000 * Math.max(3, wanted / 500_000);
const together = 24;
const packetsEach = 250;

const random = randomFrom(seed);
const numbering = { next: 0 };
const known = knownRules();
const total = {
  packets: 0,
  verdicts: 0,
  wholes: 0,
  rules: new Set<string>(),
  met: new Set<string>(),
  open: new Set<string>(),
};
const unknown = new Map<string, number>();
const lacking = new Set<string>();
const refused = new Map<string, string>();
let receivers: Receivers;
let fragquirk = true;

beforeAll(async () => {
  receivers = await openReceivers();
  fragquirk = await fragmentsAreRead(receivers);
  for (const { name, probe } of lacks)
    for (const way of ['legacy', 'nft'] as const) {
      const dump = `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ${probe} -j ACCEPT\nCOMMIT\n`;
      if ((await receivers.load(way, 'ip', dump)) !== '') lacking.add(name);
    }
}, 60_000);

afterAll(async () => {
  await receivers?.close();
  const figures = `${total.verdicts} verdicts on ${total.packets} packets, ${total.rules.size} rules (${total.met.size} met), ${total.wholes} rulesets`;
  console.log(`seed ${seed}: ${figures}; ${total.open.size} rules with packets that a simulator does not know`);
  for (const { name, why, concerns } of lacks)
    if (lacking.has(name)) console.log(`  left out, ${known.filter(concerns).length} known rules: ${name}: ${why}`);
  for (const [name, why] of undecidable)
    console.log(
      `  left out, ${known.filter(({ matches }) => matches.includes(name)).length} known rules: ${name}: ${why}`,
    );
  for (const [pattern, why] of unknowable) {
    const times = [...unknown].reduce((sum, [what, count]) => sum + (pattern.test(what) ? count : 0), 0);
    if (times > 0) console.log(`  not known to a simulator, ${times} times: ${pattern.source}: ${why}`);
  }
});

const isTestable = (rule: Tested): boolean =>
  isDecidable(rule) && !lacks.some(({ name, concerns }) => lacking.has(name) && concerns(rule));

interface Group {
  readonly family: Tested['family'];
  readonly place: Place;
  readonly rules: Tested[];
}

/** Rules that can be tried together: of one family, at one hook, with conntrack or without. */
const groupsOf = (rules: readonly Tested[], choose: Random): readonly Group[] => {
  const groups = new Map<string, Group>();
  for (const rule of rules) {
    if (rule.hooks.length === 0) continue;
    const { family } = rule;
    // Only there is a packet for everybody not yet turned away.
    const hooks = rule.matches.includes('pkttype') && rule.hooks.includes('prerouting') ? (['prerouting'] as const) : rule.hooks; // prettier-ignore
    const place = { hook: choose.pick(hooks), tracked: needsConntrack(rule) || choose.chance(0.2) };
    const key = `${family} ${place.hook} ${place.tracked}`;
    const group = groups.get(key) ?? { family, place, rules: [] };
    groups.set(key, group);
    group.rules.push(rule);
  }
  return [...groups.values()].flatMap(({ rules: all, ...rest }) =>
    Array.from({ length: Math.ceil(all.length / together) }, (_, index) => ({
      ...rest,
      rules: all.slice(index * together, (index + 1) * together),
    })),
  );
};

const note = ({ packets, verdicts, unknown: more, open }: Comparison): void => {
  total.packets += packets;
  total.verdicts += verdicts;
  for (const rule of open) total.open.add(`${rule.family} ${rule.text}`);
  for (const [what, count] of more) unknown.set(what, (unknown.get(what) ?? 0) + count);
};

/** The rules that a disagreement is about, each asked by itself where a packet was dropped. */
const culprits = async (batch: Batch, { disagreements: [first] }: Comparison): Promise<readonly string[]> => {
  if (!first) return [];
  const { bits } = first;
  if (bits !== undefined)
    return batch.rules.filter((_, index) => (bits >>> index) & 1).map(({ text, from }) => `${text} (${from})`);
  const found: string[] = [];
  for (const rule of batch.rules) {
    const one: Batch = { ...batch, rules: [rule] };
    const trial: Trial = { ...one, forms: formsOf(dumpOfBatch(one), batch.family), packets: [first.packet] };
    await loadAll(receivers, one.family, trial.forms);
    if (compare(trial, await send(receivers, trial, fragquirk), one, [first.way]).disagreements.length > 0)
      found.push(`${rule.text} (${rule.from})`);
  }
  return found;
};

const described = ({ way, packet, kernel, simulator, keys }: Comparison['disagreements'][number]): string =>
  `${way}: the kernel says ${kernel}, the simulator ${simulator}\n  ${describePacket(packet)}\n  ${[...keys]
    .filter(([key, value]) => value !== null && /^(ct|fib|oif)/.test(key))
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ')}`;

const shown = 5;

/** Tries the rules by themselves, each visible by a bit of the mark; what is wrong, in words. */
const tryBatch = async ({ family, place, rules }: Group): Promise<readonly string[]> => {
  const { taken, refused: some } = await takenRules(receivers, { family, place, rules });
  for (const [rule, error] of some) refused.set(`${family} ${rule.text}`, error);
  const batch: Batch = { family, place, rules: taken };
  const forms = formsOf(dumpOfBatch(batch), family);
  const packets = packetsNear(taken, family, place, packetsEach, random, numbering);
  const trial: Trial = { family, place, forms, packets };
  const tried = await send(receivers, trial, fragquirk);
  const comparison = compare(trial, tried, batch);
  note(comparison);
  for (const [index, { text }] of taken.entries()) {
    total.rules.add(`${family} ${text}`);
    const marks = [...tried.verdicts.nft.seen.values()];
    if (marks.some(({ mark }) => (mark >>> index) & 1)) total.met.add(`${family} ${text}`);
  }
  const broken = brokenClaims(batch, forms, packets, tried.verdicts).slice(0, shown);
  const about = comparison.disagreements.length > 0 ? await culprits(batch, comparison) : [];
  return [
    ...comparison.disagreements
      .slice(0, shown)
      .map((one) => `${place.hook}, rules ${about.join('; ')}\n  ${described(one)}`),
    ...broken.map(
      ({ form, rule, packet, iptables, nft }) =>
        `${rule.text} (${rule.from}) is called exact in its ${form} form: ${iptables} in iptables, ${nft} in nft: ${hex(packet.bytes)}`,
    ),
  ];
};

const tryWhole = async (whole: Whole): Promise<readonly string[]> => {
  const { family, place, dump, rules, from } = whole;
  const forms = formsOf(dump, family);
  const errors = await loadAll(receivers, family, forms);
  const failed = ways.filter((way) => errors[way] !== '');
  if (failed.length > 0) return failed.map((way) => `${from} does not load as ${way}: ${errors[way]}\n${dump}`);
  const trial: Trial = {
    family,
    place,
    forms,
    packets: packetsNear(rules, family, place, packetsEach, random, numbering),
  };
  const comparison = compare(trial, await send(receivers, trial, fragquirk));
  note(comparison);
  total.wholes++;
  return comparison.disagreements.slice(0, 2).map((one) => `${from} at ${place.hook}\n  ${described(one)}\n${dump}`);
};

describe('single rules', () => {
  it(
    `of the book and of the captured rulesets mean to the simulators what they mean to the kernel (seed ${seed})`,
    async () => {
      const wrong: string[] = [];
      for (const group of groupsOf(known.filter(isTestable), random)) wrong.push(...(await tryBatch(group)));
      expect(wrong).toEqual([]);
    },
    minutes,
  );

  it(
    `that are random mean to the simulators what they mean to the kernel (seed ${seed})`,
    async () => {
      const wrong: string[] = [];
      for (let round = 0; round === 0 || total.verdicts < wanted; round++) {
        const rules = generatedRules(seed + round, 500).filter(isTestable);
        for (const group of groupsOf(rules, random)) wrong.push(...(await tryBatch(group)));
      }
      expect(wrong).toEqual([]);
    },
    minutes,
  );
});

describe('whole rulesets', () => {
  const isClosed = (rule: Tested): boolean =>
    isTestable(rule) && !total.open.has(`${rule.family} ${rule.text}`) && !looksUpDifferently(rule) && !refused.has(`${rule.family} ${rule.text}`); // prettier-ignore

  it(
    'of real hosts give the packets near them the same verdict and mark',
    async () => {
      const wrong: string[] = [];
      for (const whole of capturedWholes(isClosed, needsConntrack)) wrong.push(...(await tryWhole(whole)));
      expect(wrong).toEqual([]);
    },
    minutes,
  );

  it(
    `of chains, jumps, verdicts and marks at random do so too (seed ${seed})`,
    async () => {
      const wrong: string[] = [];
      const rules = known.filter(isClosed);
      const count = Math.max(48, Math.round(wanted / 30_000));
      for (let index = 0; index < count; index++) {
        const family = random.pick(['ip', 'ip', 'ip6'] as const);
        const place: Place = {
          hook: random.pick(['prerouting', 'input', 'forward', 'postrouting'] as const),
          tracked: random.chance(0.35),
        };
        const usable = rules.filter((rule) => rule.family === family && (place.tracked || !needsConntrack(rule)));
        const whole = generatedWhole(family, place, usable, random, `random ruleset ${index} of seed ${seed}`);
        if (whole.rules.length > 0) wrong.push(...(await tryWhole(whole)));
      }
      expect(wrong).toEqual([]);
    },
    minutes,
  );
});

describe('the laboratory', () => {
  const one = (text: string): Tested => {
    const found = known.find((rule) => rule.family === 'ip' && rule.text === text);
    if (!found) throw new Error(`the book has no rule ${text}`);
    return found;
  };

  it('notices a simulator of other rules, in each of the four ways', async () => {
    const place: Place = { hook: 'prerouting', tracked: false };
    const loaded: Batch = {
      family: 'ip',
      place,
      rules: [one('-p tcp -m tcp --dport 22'), one('-p udp -m udp --dport 53')],
    };
    const forms = formsOf(dumpOfBatch(loaded), 'ip');
    expect(Object.values(await loadAll(receivers, 'ip', forms))).toEqual(ways.map(() => ''));
    const packets = packetsNear(loaded.rules, 'ip', place, packetsEach, random, numbering);
    const tried = await send(receivers, { family: 'ip', place, forms, packets }, fragquirk);
    expect(compare({ family: 'ip', place, forms, packets }, tried).disagreements).toEqual([]);
    const others: Batch = { ...loaded, rules: loaded.rules.toReversed() };
    const wrong = { family: 'ip', place, forms: formsOf(dumpOfBatch(others), 'ip'), packets } as const;
    expect(new Set(compare(wrong, tried).disagreements.map(({ way }) => way))).toEqual(new Set(ways));
  });

  it('sees that the kernel reads later fragments, or does not', async () => {
    const place: Place = { hook: 'prerouting', tracked: false };
    const rules = [one('-p udp -m udp --dport 53')];
    const forms = formsOf(dumpOfBatch({ family: 'ip', place, rules }), 'ip');
    await loadAll(receivers, 'ip', forms);
    const packets = packetsNear(rules, 'ip', place, 1000, random, numbering);
    const trial: Trial = { family: 'ip', place, forms, packets };
    const tried = await send(receivers, trial, fragquirk);
    expect(compare(trial, tried).disagreements).toEqual([]);
    const other = { ...tried, machine: { ...tried.machine, fragquirk: !fragquirk } };
    const ofWays = compare(trial, other).disagreements.map(({ way }) => way);
    expect(new Set(ofWays)).toEqual(new Set(['nft', 'native']));
  });
});

describe('what was left out', () => {
  it('is what packets cannot decide, and what the kernel does not have', () => {
    const undecided = known
      .filter((rule) => !isDecidable(rule))
      .flatMap(({ matches }) => matches.filter((name) => undecidable.has(name)));
    expect(new Set(undecided)).toEqual(new Set(undecidable.keys()));
    // A kernel may have more than this one; it may not refuse anything else.
    expect([...refused]).toEqual([]);
    const unexplained = [...unknown.keys()].filter((what) => !unknowable.some(([pattern]) => pattern.test(what)));
    expect(unexplained).toEqual([]);
    expect(total.verdicts).toBeGreaterThan(200_000);
    const names = new Set(known.filter(isTestable).flatMap(({ matches }) => matches));
    expect(names.size).toBeGreaterThan(30);
  });
});
