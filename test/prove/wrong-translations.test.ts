// Six translations that are wrong on purpose, each as somebody would write it, and the packet that each gets wrong.
import { describe, expect, it } from 'vitest';
import { type Assumption, assumptions } from '../../src/packet/assumption.ts';
import type { Packet } from '../../src/packet/packet.ts';
import type { Program } from '../../src/packet/program.ts';
import { type Check, check } from '../../src/prove/check.ts';
import type { Seen } from '../../src/prove/confirm.ts';
import type { Direction, Witness } from '../../src/prove/witness.ts';
import { iptables, nft, nftTable, saved } from '../simulate/scenario.ts';
import { replay } from './replay.ts';

const isAssumption = (name: string): name is Assumption => Object.hasOwn(assumptions, name);
const everything = new Set(Object.keys(assumptions).filter(isAssumption));

const refuted = (a: Program, b: Program, assume: ReadonlySet<Assumption> = everything): Check => {
  const result = check([[a, b]], { assume });
  expect(result.verdict).toBe('refuted');
  for (const witness of witnessesOf(result)) expect(replay(a, b, witness).differs).toBe(true);
  return result;
};

const witnessesOf = ({ hooks }: Check): readonly Witness[] => hooks.flatMap(({ witnesses }) => witnesses);

/** The witnesses of a direction; there has to be one. */
const inDirection = (result: Check, direction: Direction): readonly [Witness, ...Witness[]] => {
  const [first, ...rest] = witnessesOf(result).filter((one) => one.direction === direction);
  if (!first)
    throw new Error(`no witness is ${direction}: ${JSON.stringify(result.hooks.map(({ reasons }) => reasons))}`);
  return [first, ...rest];
};

const decider = ({ decidedBy }: Seen): string =>
  decidedBy === undefined
    ? 'nobody'
    : 'policyOf' in decidedBy
      ? `policy of ${decidedBy.policyOf}`
      : decidedBy.rule.text;

const ends = ({ a, b }: Witness): readonly string[] => [a.ending.kind, b.ending.kind];

/** Of an IPv4 packet. */
const read = ({ bytes }: Packet): { readonly [field: string]: number } => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = (view.getUint8(0) & 15) * 4;
  const has = (end: number): boolean => start + end <= bytes.length;
  return {
    protocol: view.getUint8(9),
    fragment: view.getUint16(6) & 0x1fff,
    transport: bytes.length - start,
    dport: has(4) ? view.getUint16(start + 2) : -1,
    vni: has(15) ? view.getUint32(start + 11) & 0xffffff : -1,
  };
};

const udp = 17;
const u32 = '0>>22&0x3C@12&0xFFFFFF00=0x100600';
const match = (left: unknown, right: unknown, op = '=='): unknown => ({ match: { op, left, right } });
const dport = (right: unknown, protocol = 'udp'): unknown => match({ payload: { protocol, field: 'dport' } }, right);
const raw = (len: number): unknown => ({ payload: { base: 'th', offset: 96, len } });
const vniWord = { '&': [raw(32), 0xffffff00] };
const [accept, drop] = [{ accept: null }, { drop: null }];
const filter = (
  hook: string,
  policy: string,
  rules: readonly (readonly unknown[])[],
  name = hook.toUpperCase(),
): Program => nft(nftTable({ [name]: { base: ['filter', hook, 0, policy], rules } }));
const rules = (chain: string, policy: string, ...lines: readonly string[]): Program =>
  iptables(saved({ filter: [`:${chain} ${policy} [0:0]`, ...lines.map((line) => `-A ${chain} ${line}`)] }), 'nft');

describe('a VNI of 24 bits loaded as 24 bits', () => {
  const original = rules('INPUT', 'ACCEPT', `-p udp -m udp --dport 4789 -m u32 --u32 "${u32}" -j DROP`);

  it('also drops a datagram of 15 bytes, of which u32 cannot load a word', () => {
    const wrong = filter('input', 'accept', [[dport(4789), match(raw(24), 0x1006), drop]]);
    const [witness, ...more] = inDirection(refuted(original, wrong), 'dropped');
    expect(more).toEqual([]);
    expect(ends(witness)).toEqual(['accept', 'drop']);
    expect(read(witness.packet)).toEqual({ protocol: udp, fragment: 0, transport: 15, dport: 4789, vni: 0x1006 });
    expect(witness.like).toContainEqual({ field: 'length', low: 15, high: 15 });
    expect(decider(witness.a)).toBe('policy of INPUT');
    expect(decider(witness.b)).toContain('@th,96,24');
  });

  it('is right as 32 bits of which 24 count', () => {
    const right = filter('input', 'accept', [[dport(4789), match(vniWord, 0x100600), drop]]);
    expect(check([[original, right]], { assume: new Set() })).toMatchObject({ verdict: 'proven', assumed: [] });
  });
});

describe('an inverted u32 written with !=', () => {
  const original = rules('INPUT', 'DROP', `-p udp -m udp --dport 4789 -m u32 ! --u32 "${u32}" -j ACCEPT`);

  it('drops a datagram that is too short for the word: a failed load is no match, whatever the operator', () => {
    const wrong = filter('input', 'drop', [[dport(4789), match(vniWord, 0x100600, '!='), accept]]);
    const [witness] = inDirection(refuted(original, wrong), 'dropped');
    expect(ends(witness)).toEqual(['accept', 'drop']);
    const { protocol, transport, dport: port } = read(witness.packet);
    expect({ protocol, port }).toEqual({ protocol: udp, port: 4789 });
    expect(transport).toBeLessThan(16);
    expect(decider(witness.a)).toContain('! --u32');
    expect(decider(witness.b)).toBe('policy of INPUT');
  });

  it('is right as a chain in which the word returns', () => {
    const right = nft(
      nftTable({
        INPUT: { base: ['filter', 'input', 0, 'drop'], rules: [[dport(4789), { jump: { target: 'other' } }]] },
        other: { rules: [[match(vniWord, 0x100600), { return: null }], [accept]] },
      }),
    );
    expect(check([[original, right]], { assume: new Set() })).toMatchObject({ verdict: 'proven', assumed: [] });
  });
});

describe('a mark set in a chain of type filter', () => {
  const original = iptables(
    saved({
      mangle: [
        ':OUTPUT ACCEPT [0:0]',
        `-A OUTPUT -p udp -m udp --dport 4789 -m u32 --u32 "${u32}" -j MARK --set-xmark 0xd0c4e3/0xffffffff`,
      ],
    }),
    'nft',
  );
  const translated = (type: string): Program => {
    const guard = match({ '&': [{ payload: { protocol: 'ip', field: 'frag-off' } }, 0x1fff] }, 0);
    const mark = { mangle: { key: { meta: { key: 'mark' } }, value: 0xd0c4e3 } };
    const rule = [guard, dport(4789), match(vniWord, 0x100600), mark];
    return nft(nftTable({ OUTPUT: { base: [type, 'output', -150], rules: [rule] } }));
  };
  const whole: ReadonlySet<Assumption> = new Set(['whole-headers']);

  it('is set, but the packet is not routed anew, and leaves in clear', () => {
    const [witness] = inDirection(refuted(original, translated('filter'), whole), 'effect');
    expect(ends(witness)).toEqual(['accept', 'accept']);
    expect(read(witness.packet)).toMatchObject({ protocol: udp, dport: 4789, vni: 0x1006 });
    expect([witness.a, witness.b].map(({ observed }) => observed)).toEqual([['route anew'], []]);
    for (const side of [witness.a, witness.b]) {
      expect(side.valueOf('mark')).toBe(0xd0c4e3);
      expect(side.effects).toMatchObject([{ kind: 'set', key: 'mark' }]);
    }
  });

  it('is right in a chain of type route', () => {
    expect(check([[original, translated('route')]], { assume: whole }).verdict).toBe('proven');
  });
});

describe('a fragment guard that is missing where fragments are seen', () => {
  const original = iptables(
    saved({ filter: [':FORWARD ACCEPT [0:0]', '-A FORWARD -p udp -m udp --dport 53 -j DROP'] }),
    'legacy',
  );
  const guard = match({ '&': [{ payload: { protocol: 'ip', field: 'frag-off' } }, 0x1fff] }, 0);

  it('reads data of a later fragment as a port, on kernels that load it', () => {
    const wrong = filter('forward', 'accept', [[dport(53), drop]]);
    const [witness] = inDirection(refuted(original, wrong, new Set()), 'dropped');
    expect(ends(witness)).toEqual(['accept', 'drop']);
    const { protocol, fragment, dport: port } = read(witness.packet);
    expect({ protocol, port, isLater: (fragment ?? 0) > 0 }).toEqual({ protocol: udp, port: 53, isLater: true });
    expect(witness.packet.keys.get('fragquirk')).toBe(1);
    expect(decider(witness.a)).toBe('policy of FORWARD');
  });

  it('leaves, with the guard, only what ip_tables drops on the spot: headers that are cut short', () => {
    const guarded = filter('forward', 'accept', [[guard, dport(53), drop]]);
    const result = refuted(original, guarded, new Set());
    expect(witnessesOf(result).map(({ direction }) => direction)).toEqual(['accepted']);
    const [{ packet, a }] = inDirection(result, 'accepted');
    const { fragment, transport } = read(packet);
    expect(fragment).toBe(0);
    expect(transport).toBeLessThan(8);
    expect(decider(a)).toContain('--dport 53');
    expect(check([[original, guarded]], { assume: everything })).toMatchObject({
      verdict: 'proven',
      assumed: ['whole-headers'],
    });
  });

  it('does not matter at input, which sees whole datagrams', () => {
    const [left, right] = [rules('INPUT', 'ACCEPT', '-p udp -m udp --dport 53 -j DROP'), filter('input', 'accept', [[dport(53), drop]])]; // prettier-ignore
    expect(check([[left, right]], { assume: new Set() }).verdict).toBe('proven');
  });
});

describe('two rate limits merged into one', () => {
  const limit = '-m limit --limit 3/min --limit-burst 5';
  const original = rules(
    'INPUT',
    'DROP',
    `-p tcp -m tcp --dport 22 ${limit} -j ACCEPT`,
    `-p tcp -m tcp --dport 2222 ${limit} -j ACCEPT`,
  );
  const rate = { limit: { rate: 3, per: 'minute', burst: 5 } };

  it('takes packets of the second port from the bucket of the first', () => {
    const wrong = filter('input', 'drop', [[dport({ set: [22, 2222] }, 'tcp'), rate, accept]]);
    const witnesses = witnessesOf(refuted(original, wrong));
    expect(witnesses.map(({ packet }) => read(packet)['dport'])).toEqual(witnesses.map(() => 2222));
    const [witness] = witnesses;
    expect(witness?.answers.map(([words]) => words)).toContain('limit rate=3/minute burst=5 packets (number 2)');
    const buckets = [witness?.a, witness?.b].map((side) => [...(side?.asked ?? [])]);
    expect(buckets).toEqual([['limit rate=3/minute burst=5 packets#1'], ['limit rate=3/minute burst=5 packets#0']]);
  });

  it('is right with a bucket each', () => {
    const right = filter('input', 'drop', [
      [dport(22, 'tcp'), rate, accept],
      [dport(2222, 'tcp'), rate, accept],
    ]);
    expect(check([[original, right]], { assume: everything })).toMatchObject({
      verdict: 'proven',
      assumed: ['rate-buckets'],
    });
  });
});

describe('an accept moved in front of the rule that Docker relies on', () => {
  const clear = `-p udp -m policy --dir in --pol none -m udp --dport 4789 -m u32 --u32 "${u32}" -j DROP`;
  const original = rules('INPUT', 'DROP', clear, '-p udp -m udp --dport 4789 -j ACCEPT');
  const enforced = [match({ meta: { key: 'ipsec' } }, false), dport(4789), match(vniWord, 0x100600), drop];

  it('lets clear traffic of the encrypted network in', () => {
    const wrong = filter('input', 'drop', [[dport(4789), accept], enforced]);
    const [witness, ...more] = inDirection(refuted(original, wrong), 'accepted');
    expect(more).toEqual([]);
    expect(ends(witness)).toEqual(['drop', 'accept']);
    expect(read(witness.packet)).toMatchObject({ protocol: udp, dport: 4789, vni: 0x1006 });
    expect(witness.packet.keys.get('secpath')).toBe(0);
    expect(witness.like).toContainEqual({ field: 'vni', low: 0x1006, high: 0x1006 });
    expect(decider(witness.a)).toContain('--pol none');
    expect(decider(witness.b)).toMatch(/dport.*4789.*accept/);
  });

  it('is right behind it', () => {
    const right = filter('input', 'drop', [enforced, [dport(4789), accept]]);
    expect(check([[original, right]], { assume: new Set() })).toMatchObject({ verdict: 'proven', assumed: [] });
  });
});
