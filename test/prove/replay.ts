// A witness by its words alone: printed, read back, and sent through both rulesets by the simulator of whole hosts.
import type { Family } from '../../src/netfilter/family.ts';
import { readPacket } from '../../src/packet/words.ts';
import { printPacket } from '../../src/packet/wordprint.ts';
import type { Program, ProgramChain } from '../../src/packet/program.ts';
import type { Oracle } from '../../src/packet/view.ts';
import type { Witness } from '../../src/prove/witness.ts';
import { hostOf } from '../../src/simulate/host.ts';
import { passHost, type SimulatedWay, simulate } from '../../src/simulate/simulate.ts';
import type { TraceEvent } from '../../src/simulate/trace.ts';

/** The program with the base chains of one hook only. */
const onlyAt = (program: Program, { hook, kind }: Pick<Witness, 'hook' | 'kind'>): Program => ({
  ...program,
  tables: program.tables.map((table) => ({
    ...table,
    chains: new Map(
      [...table.chains].map(([name, { base, rules }]): [string, ProgramChain] => [
        name,
        base?.hook === hook && (base.type === 'nat') === (kind === 'nat') ? { name, base, rules } : { name, rules },
      ]),
    ),
  })),
});

/** Answers by the names under which simulators ask for them. */
const oracleOf = ({ answers }: Witness): Oracle =>
  new Map(
    answers.flatMap(([words, answer]) => {
      const [, id = words, number = '1'] = /^(.*?)(?: \(number (\d+)\))?$/.exec(words) ?? [];
      return [[id, answer] as const, [`${id}#${Number(number) - 1}`, answer] as const];
    }),
  );

interface Sent {
  readonly ends: readonly string[];
  /** Lines of the rules that matched, jumps among them. */
  readonly lines: readonly number[];
}

export interface Replay {
  readonly words: string;
  /** What came of it on each side: the verdict, then what rules and the kernel did on the way. */
  readonly a: string;
  readonly b: string;
  /** Whatever is not known (which of two chains of one priority runs first) makes no difference to the difference. */
  readonly differs: boolean;
  /** Lines of B's rules that matched, jumps among them. */
  readonly through: readonly number[];
}

/** What comes after the hook is no part of the comparison: nobody knows where a mapped packet is routed to. */
const atHook = ({ events, detail }: SimulatedWay): string => {
  const next = events.findIndex(({ kind }, index) => index > 0 && kind === 'hook');
  const within = events.filter((_event, index) => next < 0 || index < next);
  const isRouting = (event: TraceEvent): boolean => event.kind === 'kernel' && event.text.startsWith('routing');
  const done: string[] = [];
  for (const event of within) {
    if ((event.kind !== 'rule' && event.kind !== 'kernel') || isRouting(event)) continue;
    const open = event.supposed.find(({ what }) => !what.endsWith('runs before the others'));
    if (open) return `unknown: ${open.what}`;
    done.push(...(event.kind === 'rule' ? event.effects : [event.text]));
  }
  const isOver = next < 0 && !within.some(isRouting);
  return [isOver ? detail : 'accept', ...done].join('; ');
};

const send = (program: Program, witness: Witness, words: string, family: Family): Sent => {
  const said = readPacket(words).value;
  if (!said?.hook) throw new Error(`not read back: ${words}`);
  // Rate limits are numbered over the whole program: where one is asked, the rest of it stays.
  const host = hostOf([witness.answers.length > 0 ? program : onlyAt(program, witness)], family);
  // Asking a rate limit takes from its bucket: who asks is part of what is done.
  const asked = new Set<string>();
  const oracle = new Map(oracleOf(witness));
  const watched = new Map(oracle);
  watched.get = (name) => {
    if (oracle.has(name)) asked.add(name);
    return oracle.get(name);
  };
  // Without a trace, whose reasons ask again.
  passHost(host, said.packet, { start: said.hook, oracle: watched });
  const { ways } = simulate(host, said.packet, { start: said.hook, oracle });
  const asks = [...asked].toSorted().map((name) => `asks ${name}`);
  const matched = ways
    .flatMap(({ events }) => events)
    .flatMap((event) => (event.kind === 'rule' && event.result === 'matched' ? [event.line] : []));
  return { ends: ways.map((way) => [atHook(way), ...asks].join('; ')), lines: matched };
};

export const replay = (a: Program, b: Program, witness: Witness): Replay => {
  const words = printPacket(witness.packet, witness.hook);
  const { family } = witness.packet;
  const [left, right] = [send(a, witness, words, family), send(b, witness, words, family)];
  const isKnown = ![...left.ends, ...right.ends].some((end) => end.startsWith('unknown'));
  return {
    words,
    a: left.ends.join(' or '),
    b: right.ends.join(' or '),
    differs: isKnown && !left.ends.some((end) => right.ends.includes(end)),
    through: right.lines,
  };
};
