/** One packet through a host: the verdict, three-valued, and for each way that it could go what happened on it. */
import type { Hook } from '../netfilter/hooks.ts';
import type { Packet } from '../packet/packet.ts';
import { type Oracle, type View, viewOf } from '../packet/view.ts';
import { deciding, explore, goOneWay, type Way as ExploredWay } from './explore.ts';
import type { Host, Way } from './host.ts';
import { type Decide, type Ending, newRun } from './run.ts';
import { newTrace, type Supposition, type Trace, type TraceEvent } from './trace.ts';
import { goWay } from './way.ts';
import { describeVerdict } from './words.ts';

export type VerdictWord = Ending['kind'];

export interface SimulatedWay {
  readonly verdict: VerdictWord;
  /** The verdict with what belongs to it: `reject with icmp port-unreachable`. */
  readonly detail: string;
  /** What this way takes for true although the packet does not say it. */
  readonly supposed: readonly Supposition[];
  readonly events: readonly TraceEvent[];
}

export interface Simulation {
  readonly verdict: VerdictWord;
  readonly detail: string;
  /** What the verdict depends on; empty if it is known. */
  readonly unknown: readonly string[];
  /** One way for each different ending; one if the verdict is known. */
  readonly ways: readonly SimulatedWay[];
}

export interface SimulateOptions {
  /** The first hook; prerouting if it is not given. */
  readonly start?: Hook;
  /** Answers to predicates, by `oracleKey`. */
  readonly oracle?: Oracle;
  /** How many ways are gone before the answer is unknown. */
  readonly limit?: number;
}

const mostWays = 256;

const detailOf = (ending: Ending): string => (ending.kind === 'unknown' ? ending.what : describeVerdict(ending));

/** Two endings with one key are the same. */
const endingKey = (ending: Ending): string => `${ending.kind} ${detailOf(ending)}`;

interface Passage {
  readonly ending: Ending;
  readonly view: View;
}

/**
 * The verdict, and the packet as it is in the end, of a packet about which everything is known that the rules ask: the
 * fast form, without a trace. `unknown` if anything else was asked; `simulate` then says more.
 */
export const passHost = (
  host: Host,
  packet: Packet,
  { start = 'prerouting', oracle }: SimulateOptions = {},
): Passage => {
  const run = newRun(viewOf(packet, oracle));
  const ending = goWay(start, { run, host, trace: undefined, sensitive: new Set() });
  return { ending, view: run.view };
};

const openIn = (ways: readonly ExploredWay<Ending>[], complete: boolean): readonly string[] => {
  const unmodelled = ways.flatMap(({ result }) => (result.kind === 'unknown' ? [`${result.what}: no model`] : []));
  const more = complete ? [] : [`more than ${ways.length} ways to go`];
  return [...new Set([...deciding(ways, endingKey), ...unmodelled, ...more])];
};

/** The whole way, with its trace. What is not known is followed both ways. */
export const simulate = (host: Host, packet: Packet, options: SimulateOptions = {}): Simulation => {
  const { start = 'prerouting', oracle, limit = mostWays } = options;
  const sensitive = new Set<string>();
  const walk =
    (trace?: Trace) =>
    (decide: Decide): Ending => {
      const way: Way = { run: newRun(viewOf(packet, oracle), decide, trace?.recorder), host, trace, sensitive };
      return goWay(start, way);
    };
  // Each round may find another priority whose order matters; there are finitely many.
  let exploration = explore(walk(), limit);
  for (let known = 0; known < sensitive.size;) {
    known = sensitive.size;
    exploration = explore(walk(), limit);
  }
  const { ways, complete } = exploration;
  const endings = new Map(ways.map((way) => [endingKey(way.result), way]).toReversed() as [string, (typeof ways)[0]][]);
  const shown = [...endings.values()].toReversed().map(({ script }): SimulatedWay => {
    const trace = newTrace(packet.family);
    const { result, supposed } = goOneWay(script, walk(trace), trace.suppose);
    return { verdict: result.kind, detail: detailOf(result), supposed, events: trace.events };
  });
  const [only] = shown;
  if (complete && shown.length === 1 && only && only.verdict !== 'unknown')
    return { verdict: only.verdict, detail: only.detail, unknown: [], ways: shown };
  return { verdict: 'unknown', detail: 'unknown', unknown: openIn(ways, complete), ways: shown };
};
