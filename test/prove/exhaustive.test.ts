// The prover and the simulators: over every packet of small spaces, and over random packets of large ones.
import { describe, expect, it } from 'vitest';
import { all, any, type Condition, interval, is, not, present, within } from '../../src/packet/condition.ts';
import { type Field, key, payload } from '../../src/packet/field.ts';
import type { KeyValue, Packet } from '../../src/packet/packet.ts';
import type { Program, ProgramRule, Step } from '../../src/packet/program.ts';
import { complete } from '../../src/packet/saying.ts';
import { check } from '../../src/prove/check.ts';
import { createSimulator, disagree, type Simulator } from '../../src/prove/confirm.ts';
import { below, fields, pick, type Random, random, randomProgram, variant } from './programs.ts';

const seed = Number(process.env['DNFW_TEST_SEED'] ?? 20260817);
const pairs = Number(process.env['DNFW_EXHAUSTIVE_PAIRS'] ?? 400);

const hook = 'forward';
const nothing: ReadonlySet<never> = new Set();

const packetOf = (bytes: Uint8Array, keys: ReadonlyMap<string, KeyValue>): Packet =>
  complete({ family: 'ip', hook, content: bytes, keys }).packet;

/** A header with its length and protocol, and so many bytes behind it. */
const ipv4 = (protocol: number, transport: number): Uint8Array => {
  const bytes = new Uint8Array(20 + transport);
  bytes.set([0x45, 0, 0, bytes.length, 0, 0, 0, 0, 64, protocol]);
  return bytes;
};

/** Fields of few bits: four values of the mark, four types of service, two protocols, a byte that may be missing. */
const marks = [0, 1, 2, 3];
const services = [0, 4, 8, 12];
const protocols = [6, 17];
const lastBytes = [undefined, 0, 1, 2, 3];

const mark = key('mark');
const service = payload('nh', 8, 8);
const protocol = key('l4proto');
const last: Field = payload('th', 24, 8);

const everyPacket = (): readonly Packet[] =>
  protocols.flatMap((number) =>
    services.flatMap((tos) =>
      lastBytes.flatMap((byte) =>
        marks.map((value) => {
          const bytes = ipv4(number, byte === undefined ? 3 : 4);
          bytes[1] = tos;
          if (byte !== undefined) bytes[23] = byte;
          return packetOf(bytes, new Map([['mark', value]]));
        }),
      ),
    ),
  );

/** No other packet meets the rules of the programs. */
const onlySmall: readonly Step[] = [
  within(mark, [interval(0, 3)]),
  any(services.map((value) => is(service, value))),
  any(protocols.map((value) => is(protocol, value))),
  any([not(present(last)), within(last, [interval(0, 3)])]),
  // Without four bytes there are three.
  present(payload('th', 0, 24)),
].map((condition) => ({ kind: 'test', condition }));

const smallTest = (next: Random): Condition => {
  switch (below(next, 6)) {
    case 0:
      return is(mark, below(next, 4), pick(next, [3, 1, 2, 0xffffffff]));
    case 1:
      return is(service, pick(next, services), pick(next, [0xff, 4, 8]));
    case 2:
      return is(protocol, pick(next, protocols));
    case 3:
      return present(last);
    case 4:
      return within(last, [interval(below(next, 3), 2)]);
    default:
      return is(last, below(next, 4), pick(next, [0xff, 1, 2]));
  }
};

const smallCondition = (next: Random, depth = 2): Condition => {
  const kind = depth === 0 ? 0 : below(next, 5);
  if (kind === 1) return not(smallCondition(next, depth - 1));
  if (kind === 2) return all([smallCondition(next, depth - 1), smallCondition(next, depth - 1)]);
  if (kind === 3) return any([smallCondition(next, depth - 1), smallCondition(next, depth - 1)]);
  return smallTest(next);
};

const smallEnd = (next: Random, callees: readonly string[]): Step => {
  const kind = below(next, callees.length > 0 ? 7 : 5);
  if (kind === 0 || kind === 1) return { kind: 'verdict', verdict: { kind: 'accept' } };
  if (kind === 2) return { kind: 'verdict', verdict: { kind: 'drop' } };
  if (kind === 3) return { kind: 'verdict', verdict: { kind: 'return' } };
  if (kind === 4) {
    const effect = {
      kind: 'set',
      key: 'mark',
      keep: pick(next, [0n, 1n, 2n, 3n]),
      flip: BigInt(below(next, 4)),
    } as const;
    return { kind: 'effect', effect };
  }
  return { kind: 'verdict', verdict: { kind: kind === 5 ? 'jump' : 'goto', chain: pick(next, callees) } };
};

const smallRules = (next: Random, count: number, callees: readonly string[]): readonly ProgramRule[] =>
  Array.from({ length: count }, () => ({
    origin: { file: 'random', line: 0, text: '' },
    steps: [
      { kind: below(next, 8) === 0 ? 'hotdrop' : 'test', condition: smallCondition(next) },
      smallEnd(next, callees),
    ],
  }));

const table = (chains: Program['tables'][number]['chains'], runs: Program['tables'][number]['runs']): Program => ({
  family: 'ip',
  tables: [{ name: 'filter', runs, label: 'ip filter', chains }],
});

const smallProgram = (next: Random): Program => {
  const guarded: ProgramRule = {
    origin: { file: 'random', line: 0, text: '' },
    steps: [...onlySmall, { kind: 'verdict', verdict: { kind: 'jump', chain: 'rules' } }],
  };
  const base = { hook, priority: 0, type: 'filter', policy: pick(next, ['accept', 'drop'] as const) } as const;
  return table(
    new Map([
      ['FORWARD', { name: 'FORWARD', base, rules: [guarded] }],
      ['rules', { name: 'rules', rules: smallRules(next, 1 + below(next, 4), ['one', 'two']) }],
      ['one', { name: 'one', rules: smallRules(next, 1 + below(next, 2), ['two']) }],
      ['two', { name: 'two', rules: smallRules(next, 1 + below(next, 2), []) }],
    ]),
    pick(next, ['nft', 'iptables-legacy'] as const),
  );
};

/** The same rules with another way to say it, or with one thing changed. */
const smallVariant = (next: Random, { tables }: Program): Program => {
  const [only] = tables;
  if (!only) throw new Error('no table');
  const chains = new Map(only.chains);
  const name = pick(next, ['rules', 'rules', 'one', 'two']);
  const chain = chains.get(name);
  const rules = [...(chain?.rules ?? [])];
  const at = below(next, rules.length);
  const rule = rules[at];
  const [first, ...rest] = rule?.steps ?? [];
  if (!rule || !first) return { family: 'ip', tables };
  switch (below(next, 7)) {
    case 0:
      rules.splice(at, 1);
      break;
    case 1:
      rules.splice(at, 0, rule);
      break;
    case 2:
      rules.reverse();
      break;
    case 3: {
      const half = smallCondition(next, 1);
      const withTest = (condition: Condition): ProgramRule => ({
        ...rule,
        steps: [{ kind: 'test', condition }, ...rule.steps],
      });
      rules.splice(at, 1, withTest(half), withTest(not(half)));
      break;
    }
    case 4:
    case 5:
      rules.splice(at, 1, ...smallRules(next, 1, []));
      break;
    default:
      if (first.kind === 'test')
        rules[at] = {
          ...rule,
          steps: [{ kind: 'test', condition: not(not(all([first.condition, first.condition]))) }, ...rest],
        };
  }
  chains.set(name, { name, rules });
  return table(chains, pick(next, ['nft', 'iptables-legacy'] as const));
};

const differ = (a: Simulator, b: Simulator, packet: Packet): boolean => {
  const decoded = { packet, oracle: new Map<string, boolean>() };
  const [x, y] = [a.see(decoded, hook, 'filter'), b.see(decoded, hook, 'filter')];
  expect([x.ending.kind, y.ending.kind]).not.toContain('unknown');
  return disagree(x, y);
};

describe('small spaces', () => {
  const packets = everyPacket();

  it(
    `every one of ${packets.length} packets says what the prover says, for ${pairs} pairs, seed ${seed}`,
    { timeout: 120_000 },
    () => {
      const next = random(seed);
      const found = { proven: 0, refuted: 0 };
      for (let i = 0; i < pairs; i++) {
        const a = smallProgram(next);
        const b = smallVariant(next, a);
        const result = check([[a, b]], { assume: nothing });
        const [left, right] = [createSimulator(a), createSimulator(b)];
        const apart = packets.filter((packet) => differ(left, right, packet));
        expect({ pair: i, verdict: result.verdict }).toEqual({
          pair: i,
          verdict: apart.length > 0 ? 'refuted' : 'proven',
        });
        found[apart.length > 0 ? 'refuted' : 'proven']++;
      }
      expect(Math.min(found.proven, found.refuted)).toBeGreaterThan(pairs / 10);
    },
  );
});

const someBytes = (next: Random): Uint8Array => {
  const bytes = ipv4(pick(next, [1, 6, 17, 132]), pick(next, [0, 1, 2, 3, 4, 8, 13, 14, 20, 20, 20]));
  const [saddr, daddr] = [fields[0], fields[1]];
  const view = new DataView(bytes.buffer);
  view.setUint8(1, pick(next, [0, 0, 0x10, 4, below(next, 256)]));
  view.setUint16(6, pick(next, [0, 0, 0, 0x2000, 1, 0x2001]));
  for (const [at, field] of [
    [12, saddr],
    [16, daddr],
  ] as const)
    view.setUint32(at, pick(next, field?.constants ?? [0]) ^ pick(next, [0, 0, 0, 1, 0x100]));
  const put = (at: number, value: number): void => {
    if (at + 2 <= bytes.length) view.setUint16(at, value);
  };
  put(20, pick(next, [53, 1024, 54, 65535]));
  put(22, pick(next, [22, 80, 443, 1024, below(next, 65536)]));
  put(32, pick(next, [0x5002, 0x5012, 0x5010, 0x5000]));
  return bytes;
};

describe('large spaces', () => {
  const count = 200;
  const each = 100;

  it(
    `${count * each} random packets find no difference where the prover finds none, seed ${seed}`,
    { timeout: 120_000 },
    () => {
      const next = random(seed + 1);
      const found = { proven: 0, refuted: 0, apart: 0 };
      for (let i = 0; i < count; i++) {
        const a = randomProgram(next);
        const b = variant(next, a);
        const result = check([[a, b]], { assume: nothing });
        const [left, right] = [createSimulator(a), createSimulator(b)];
        const packets = Array.from({ length: each }, () =>
          packetOf(someBytes(next), new Map([['mark', below(next, 5)]])),
        );
        const apart = packets.filter((packet) => differ(left, right, packet)).length;
        expect({ pair: i, verdict: result.verdict }).not.toEqual({ pair: i, verdict: 'unknown' });
        if (result.verdict === 'proven') expect({ pair: i, apart }).toEqual({ pair: i, apart: 0 });
        found[result.verdict === 'proven' ? 'proven' : 'refuted']++;
        found.apart += apart;
        // A packet of the class that a witness stands for differs as well.
        for (const { packet } of result.hooks.flatMap(({ witnesses }) => witnesses))
          expect({ pair: i, differs: differ(left, right, packet) }).toEqual({ pair: i, differs: true });
      }
      expect(Math.min(found.proven, found.refuted)).toBeGreaterThan(count / 10);
      expect(found.apart).toBeGreaterThan(count);
    },
  );
});

/** A packet of the class: the witness with one of its fields anywhere within its part. */
const likeIt = (
  next: Random,
  packet: Packet,
  like: ReturnType<typeof check>['hooks'][number]['witnesses'][number]['like'],
): Packet => {
  const bytes = packet.bytes.slice();
  const view = new DataView(bytes.buffer);
  const part = (name: string) => like.find(({ field }) => field === name);
  const start = (view.getUint8(0) & 15) * 4;
  const address = (name: 'saddr' | 'daddr', at: number): void => {
    const block = part(name);
    const host = block && 'length' in block ? 32 - block.length : 32;
    const wild = Math.floor(next() * 2 ** host);
    view.setUint32(at, Math.floor(view.getUint32(at) / 2 ** host) * 2 ** host + wild);
  };
  const port = (name: 'sport' | 'dport', at: number): void => {
    const range = part(name);
    if (at + 2 > bytes.length) return;
    const [low, high] = range && 'low' in range ? [range.low, range.high] : [0, 65535];
    view.setUint16(at, low + below(next, high - low + 1));
  };
  address('saddr', 12);
  address('daddr', 16);
  port('sport', start);
  port('dport', start + 2);
  return { ...packet, bytes };
};

describe('the class of a witness', () => {
  it('differs as the witness does', { timeout: 120_000 }, () => {
    const next = random(seed + 2);
    let tried = 0;
    for (let i = 0; i < 120; i++) {
      const a = randomProgram(next);
      const b = variant(next, a);
      const [left, right] = [createSimulator(a), createSimulator(b)];
      for (const { packet, like } of check([[a, b]], { assume: nothing }).hooks.flatMap(({ witnesses }) => witnesses))
        for (let n = 0; n < 50; n++) {
          tried++;
          expect({ pair: i, differs: differ(left, right, likeIt(next, packet, like)) }).toEqual({
            pair: i,
            differs: true,
          });
        }
    }
    expect(tried).toBeGreaterThan(500);
  });
});
