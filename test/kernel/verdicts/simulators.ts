// The simulators' answer for one hook: every base chain of a program there, in the order of priorities.
import type { Hook } from '../../../src/netfilter/hooks.ts';
import { payload } from '../../../src/packet/field.ts';
import type { Packet } from '../../../src/packet/packet.ts';
import type { Program } from '../../../src/packet/program.ts';
import { slotOf, valueAt, valueOf, type View, viewOf } from '../../../src/packet/view.ts';
import { instancesOf } from '../../../src/simulate/instances.ts';
import { iptablesRunners } from '../../../src/simulate/iptables.ts';
import { nftablesRunners } from '../../../src/simulate/nftables.ts';
import { newRun } from '../../../src/simulate/run.ts';
import { oracle } from './environment.ts';
import { openLeaves } from './open.ts';
import type { Outcome } from './record.ts';

export type Answer =
  | { readonly kind: 'passed'; readonly outcome: Outcome }
  | { readonly kind: 'dropped' }
  /** `outcome` is what comes of it if everything unknown is answered with no. */
  | { readonly kind: 'unknown'; readonly what: string; readonly outcome?: Outcome };

export type Simulator = (packet: Packet) => Answer;

const fields = {
  ip: { hops: payload('nh', 64, 8), traffic: payload('nh', 8, 8) },
  ip6: { hops: payload('nh', 56, 8), traffic: payload('nh', 0, 16) },
} as const;

const mark = slotOf('mark');

const outcomeOf = (view: View): Answer => {
  const { hops, traffic } = fields[view.family];
  const values = [valueAt(view, mark), valueOf(view, hops), valueOf(view, traffic)].map(Number);
  const [first = 0, second = 0, third = 0] = values;
  if (values.some(Number.isNaN)) return { kind: 'unknown', what: 'the mark is not known' };
  return { kind: 'passed', outcome: { mark: first, hops: second, traffic: third } };
};

export const simulatorOf = (program: Program, hook: Hook): Simulator => {
  const instances = instancesOf(program);
  const runners = program.tables
    .flatMap((table) => (table.runs === 'nft' ? nftablesRunners : iptablesRunners)(table, instances))
    .filter(({ base }) => base.hook === hook)
    .toSorted((a, b) => a.base.priority - b.base.priority);
  return (packet) => {
    let open: string | undefined;
    const run = newRun(viewOf(packet, oracle), (question, { view }) => {
      open ??= openLeaves(question, view);
      return false;
    });
    for (const runner of runners) {
      const ending = runner.run(run);
      switch (ending.kind) {
        case 'accept':
          break;
        case 'drop':
        case 'reject':
          return open === undefined ? { kind: 'dropped' } : { kind: 'unknown', what: open };
        case 'unknown':
          return { kind: 'unknown', what: open ?? ending.what };
        case 'queue':
        case 'taken':
          return { kind: 'unknown', what: ending.kind };
      }
    }
    const answer = outcomeOf(run.view);
    return open === undefined ? answer : { kind: 'unknown', what: open, ...(answer.kind === 'passed' ? { outcome: answer.outcome } : {}) }; // prettier-ignore
  };
};
