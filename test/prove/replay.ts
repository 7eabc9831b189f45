// A witness by its words alone: printed, read back, and sent through both rulesets by the simulator of whole hosts.
import type { Family } from '../../src/netfilter/family.ts';
import { readPacket } from '../../src/packet/words.ts';
import { printPacket } from '../../src/packet/wordprint.ts';
import type { Program, ProgramChain } from '../../src/packet/program.ts';
import type { Oracle } from '../../src/packet/view.ts';
import type { Witness } from '../../src/prove/witness.ts';
import { hostOf } from '../../src/simulate/host.ts';
import { simulate } from '../../src/simulate/simulate.ts';

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

export interface Replay {
  readonly words: string;
  /** What came of it on each side: the verdict, then what rules and the kernel did on the way. */
  readonly a: string;
  readonly b: string;
}

const send = (program: Program, witness: Witness, words: string, family: Family): string => {
  const said = readPacket(words).value;
  if (!said?.hook) throw new Error(`not read back: ${words}`);
  const host = hostOf([onlyAt(program, witness)], family);
  // Asking a rate limit takes from its bucket: who asks is part of what is done.
  const asked = new Set<string>();
  const oracle = new Map(oracleOf(witness));
  const watched = new Map(oracle);
  watched.get = (name) => {
    if (oracle.has(name)) asked.add(name);
    return oracle.get(name);
  };
  const { detail, unknown, ways } = simulate(host, said.packet, { start: said.hook, oracle: watched });
  if (unknown.length > 0) return `unknown: ${unknown.join(', ')}`;
  const events = ways.flatMap((way) => way.events);
  const done = events.flatMap((event) =>
    event.kind === 'rule' ? event.effects : event.kind === 'kernel' ? [event.text] : [],
  );
  return [detail, ...done, ...[...asked].toSorted().map((name) => `asks ${name}`)].join('; ');
};

export const replay = (a: Program, b: Program, witness: Witness): Replay => {
  const words = printPacket(witness.packet, witness.hook);
  const { family } = witness.packet;
  return { words, a: send(a, witness, words, family), b: send(b, witness, words, family) };
};
