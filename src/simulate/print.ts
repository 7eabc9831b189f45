/** A simulation as text for people: the verdict, then what happened hook by hook, within 100 columns. */
import { visible } from '../diagnostics/render.ts';
import { wrapped } from '../diagnostics/wrap.ts';
import type { SimulatedWay, Simulation } from './simulate.ts';
import type { RuleEvent, Supposition, TraceEvent } from './trace.ts';

const supposedLines = (supposed: readonly Supposition[], indent: number): readonly string[] =>
  supposed.flatMap(({ what, answer }) => wrapped(' '.repeat(indent), indent + 2, `supposed ${answer}: ${what}`));

/** A rule as one line of words, without the counters that a dump may have in front of it. */
const ruleWords = (text: string): string =>
  text
    .trim()
    .replace(/^\[\d+:\d+\]\s*/, '')
    .replaceAll(/\s+/g, ' ');

const marks = { matched: '+', dropped: '+', failed: '-', unmodelled: '?' } as const;

/** `place`: how the rule's file and line are written. */
const ruleLines = (event: RuleEvent, place: string): readonly string[] => {
  const indent = 4 + 2 * event.depth;
  const lines = [
    ...wrapped(`${' '.repeat(indent)}${marks[event.result]} ${place}  `, indent + 4, ruleWords(event.text)),
  ];
  const more = (text: string): void => {
    lines.push(...wrapped(' '.repeat(indent + 4), indent + 6, text));
  };
  lines.push(...supposedLines(event.supposed, indent + 4));
  const { why } = event;
  if (why)
    if (event.result === 'unmodelled') more(`${why.field}: dnfw has no model of it`);
    else if (event.result === 'dropped') more(`dropped on the spot: ${why.field}`);
    else if (why.got !== 'unknown' || event.supposed.length === 0)
      more(`${why.field}: wanted ${why.wanted}, got ${why.got}`);
  for (const effect of event.effects) more(effect);
  if (event.verdict !== undefined) more(`→ ${event.verdict}`);
  return lines;
};

/** A rule that all but the last of several tests have let through. */
const isNear = ({ tests, left }: RuleEvent): boolean => tests > 1 && left === 0;

/** How many of them are worth showing; more would hide what matters. */
const mostNear = 3;

const isRule = (event: TraceEvent): event is RuleEvent => event.kind === 'rule';

/** Which rules are shown: those that did something, those that nearly did, if they are few, or all. */
const shownOf = (events: readonly TraceEvent[], all: boolean): ((event: RuleEvent) => boolean) => {
  const near = events.filter(isRule).filter((event) => event.result === 'failed' && isNear(event));
  const few = near.length <= mostNear;
  return (event) => all || event.result !== 'failed' || event.supposed.length > 0 || (few && isNear(event));
};

type PlaceOf = (event: RuleEvent) => string;

/** Where only one file has rules on the way, the line alone says where a rule is. */
const placesIn = (ways: readonly SimulatedWay[]): { readonly file: string | undefined; readonly placeOf: PlaceOf } => {
  const files = new Set(ways.flatMap(({ events }) => events.filter(isRule).map(({ file }) => file)));
  const [file] = files;
  return files.size === 1
    ? { file, placeOf: ({ line }) => `line ${line}` }
    : { file: undefined, placeOf: (event) => `${visible(event.file)}:${event.line}` };
};

const eventLines = (event: TraceEvent, placeOf: PlaceOf): readonly string[] => {
  switch (event.kind) {
    case 'hook':
      return ['', event.hook];
    case 'chain':
      return wrapped(
        '  ',
        6,
        `${event.table} ${event.chain} (${event.runs}, ${event.type === 'filter' ? '' : `type ${event.type}, `}priority ${event.priority})`,
      );
    case 'rule':
      return ruleLines(event, placeOf(event));
    case 'policy':
      return wrapped('    ', 6, `policy of ${event.chain} → ${event.verdict}`);
    case 'kernel':
      return [...wrapped('  ', 4, event.text), ...supposedLines(event.supposed, 4)];
  }
};

const wayLines = ({ events }: SimulatedWay, all: boolean, placeOf: PlaceOf): readonly string[] => {
  const lines: string[] = [];
  const isShown = shownOf(events, all);
  let hidden = 0;
  for (const event of events)
    if (event.kind === 'rule' && !isShown(event)) hidden++;
    else lines.push(...eventLines(event, placeOf));
  if (hidden > 0) lines.push('', `rules that did not match and are not shown (--all): ${hidden}`);
  return lines;
};

const isDeciding = ({ verdict }: RuleEvent): boolean =>
  verdict !== undefined && !/^(?:jump|goto|return|continue)\b/.test(verdict);

/** The rule or policy that ended the way. */
const decidedBy = ({ verdict, events }: SimulatedWay, placeOf: PlaceOf): string => {
  const last = events.findLast(
    (event) =>
      event.kind === 'policy' || (event.kind === 'rule' && (isDeciding(event) || event.result === 'unmodelled')),
  );
  // An accept ends its own chain only: what counts is that nothing else stopped the packet.
  if (verdict === 'accept' || !last) return '';
  if (last.kind === 'rule') return `, ${placeOf(last)}`;
  return last.kind === 'policy' ? `, policy of ${last.chain}` : '';
};

export interface PrintOptions {
  /** Also the rules that did not match. */
  readonly all: boolean;
  /** The packet in words. */
  readonly packet: string;
  /** What was filled in because nobody said it. */
  readonly assumed: readonly string[];
}

/** The text, with a newline at the end. */
export const printSimulation = ({ verdict, detail, unknown, ways }: Simulation, options: PrintOptions): string => {
  const { file, placeOf } = placesIn(ways);
  const [first] = ways;
  const lines: string[] = [];
  const head = (name: string, text: string): void => {
    lines.push(...wrapped(`${name}:`.padEnd(9), 9, text));
  };
  head('verdict', verdict === 'unknown' || !first ? verdict : `${detail}${decidedBy(first, placeOf)}`);
  for (const what of unknown) lines.push(...wrapped('         it depends on: ', 11, what));
  if (file !== undefined) head('rules', file);
  head('packet', options.packet);
  if (options.assumed.length > 0) head('assumed', options.assumed.join(', '));
  for (const [i, way] of ways.entries()) {
    const what =
      way.verdict === 'unknown' ? `unknown, because of ${way.detail}` : `${way.detail}${decidedBy(way, placeOf)}`;
    if (ways.length > 1) lines.push('', ...wrapped(`way ${i + 1}: `, 2, what));
    lines.push(...wayLines(way, options.all, placeOf));
  }
  return `${lines.join('\n')}\n`;
};
