// Programs of rules written down in a test, and what a packet with given bytes makes of them.
import type { Family } from '../../src/netfilter/family.ts';
import { readNftables } from '../../src/nftables/read.ts';
import type { KeyValue } from '../../src/packet/packet.ts';
import type { Program, Step } from '../../src/packet/program.ts';
import { slotOf, type View, valueAt, viewOf } from '../../src/packet/view.ts';
import { instancesOf } from '../../src/simulate/instances.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { nftablesRunners } from '../../src/simulate/nftables.ts';
import { newRun } from '../../src/simulate/run.ts';

export const match = (left: object, right: unknown, op = '=='): object => ({ match: { op, left, right } });
export const field = (protocol: string, name: string): object => ({ payload: { protocol, field: name } });
export const raw = (base: string, offset: number, len: number): object => ({ payload: { base, offset, len } });
export const meta = (key: string): object => ({ meta: { key } });
export const ct = (key: string, dir?: string): object => ({ ct: dir === undefined ? { key } : { key, dir } });
export const set = (key: object, value: unknown): object => ({ mangle: { key, value } });

interface Options {
  readonly family?: Family;
  readonly table?: string;
  /** Objects of the table, by kind. */
  readonly objects?: readonly (readonly [kind: string, object: object])[];
}

/** One rule as a program, in chain `c` of table `t`. */
export const programOf = (
  expr: readonly object[],
  { family = 'ip', table = family, objects = [] }: Options = {},
): Program => {
  const own = { family: table, table: 't' };
  const items = [
    { table: { family: table, name: 't' } },
    { chain: { ...own, name: 'c', type: 'filter', hook: 'input', prio: 0, policy: 'accept' } },
    ...objects.map(([kind, object]) => ({ [kind]: { ...own, ...object } })),
    { rule: { ...own, chain: 'c', expr } },
  ];
  const { value, diagnostics } = readNftables('test.json', JSON.stringify({ nftables: items }));
  if (diagnostics.some(({ severity }) => severity === 'error')) throw new Error(JSON.stringify(diagnostics));
  return nftProgram(value, family);
};

export const stepsOf = (expr: readonly object[], options: Options = {}): readonly Step[] =>
  programOf(expr, options).tables[0]?.chains.get('c')?.rules[0]?.steps ?? [];

/** Everything without a model that the steps hold, named. */
export const unmodelledIn = (steps: readonly Step[]): readonly string[] => {
  const text = JSON.stringify(steps, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return [...text.matchAll(/"kind":"unmodelled","what":("(?:[^"\\]|\\.)*")/g)].map(
    ([, what]) => JSON.parse(what ?? '""') as string,
  );
};

export const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** A UDP datagram over IPv4 from 10.0.0.2, port 50000, to 10.0.0.1, port 4789, with 16 bytes; and its later fragment. */
export const udp: Uint8Array = bytesOf(
  '4500002c0001000040110000 0a0000020a000001 c35012b500180000 0800000000100600aabbccddeeff0011'.replaceAll(' ', ''),
);
export const laterFragment: Uint8Array = udp.with(7, 1);
/** The same, cut behind `length` bytes of UDP. */
export const cut = (length: number): Uint8Array => udp.subarray(0, 20 + length);
export const tcpSyn: Uint8Array = bytesOf(
  '450000280001000040060000 0a0000020a000001 c3500016 0000000100000000 5002 0200 00000000'.replaceAll(' ', ''),
);

/** What a packet is known to be, unless a test says otherwise: new, from eth0, on a kernel with the fragment quirk. */
const usual: readonly (readonly [string, KeyValue])[] = [
  ['iifname', 'eth0'],
  ['oifname', ''],
  ['iif', 2],
  ['oif', 0],
  ['mark', 0],
  ['secpath', 0],
  ['rtipsec', 0],
  ['skuid', null],
  ['pkttype', 0],
  ['fragquirk', 1],
  ['ct.state', 8],
  ['ct.status', 0],
  ['ct.mark', 0],
];

export interface Fate {
  readonly end: string;
  readonly view: View;
  /** What nothing is known of, and was asked. */
  readonly open: number;
}

export const fateOf = (
  program: Program,
  bytes: Uint8Array,
  keys: Readonly<Record<string, KeyValue>> = {},
  link?: Uint8Array,
): Fate => {
  const [runner] = program.tables.flatMap((one) => nftablesRunners(one, instancesOf(program)));
  if (!runner) throw new Error('there is no base chain');
  let open = 0;
  const known = new Map([...usual, ...Object.entries(keys)]);
  const packet = { family: program.family, bytes, keys: known, ...(link ? { link } : {}) };
  const run = newRun(viewOf(packet), () => {
    open++;
    return false;
  });
  const ending = runner.run(run);
  return { end: ending.kind, view: run.view, open };
};

/** Whether a rule of these tests lets the packet reach its end, where it is dropped. */
export const matches = (
  tests: readonly object[],
  bytes: Uint8Array,
  keys: Readonly<Record<string, KeyValue>> = {},
  options: Options = {},
): boolean => {
  const { end, open } = fateOf(programOf([...tests, { drop: null }], options), bytes, keys);
  if (open > 0 || end === 'unknown') throw new Error('the answer is not known');
  return end === 'drop';
};

const mark = slotOf('mark');

export const markOf = ({ view }: Fate): number => Number(valueAt(view, mark));
