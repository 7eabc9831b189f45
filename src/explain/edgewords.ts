/** The edges of a rule in sentences. */
import type { Backend, Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import type { WordContext } from '../packet/fieldwords.ts';
import type { Edges, Outcome, ShortPacket } from './edges.ts';
import type { ExplainedEdges } from './explanation.ts';
import { phrase } from './phrase.ts';

const bytes = ({ of, low, high }: ShortPacket): string => {
  const count = low === high ? String(low) : `${low} to ${high}`;
  return of === 'transport' ? `${count} bytes behind the IP header` : `${count} bytes in all`;
};

const usual = 'the rule looks at them as at any other';

const outcomeWords = ({ match, dropped }: Outcome, context: WordContext): string => {
  if (dropped === 'all') return 'dropped on the spot (hotdrop), if what the rule asks before that holds';
  const drop = dropped === 'none' ? '' : `; dropped on the spot (hotdrop) if ${phrase(dropped, context)}`;
  switch (match) {
    case 'never':
      return `no match${drop}`;
    case 'without-looking':
      return `match: what is missing cannot be equal, and the test is inverted${drop}`;
    case 'as-usual':
      return `${usual}${drop}`;
  }
};

const shortWords = ({ short, broken }: Edges, context: WordContext): readonly string[] => {
  const lines = short.map((one) => `${bytes(one)}: ${outcomeWords(one.outcome, context)}`);
  if (broken?.dropped === 'all')
    lines.push('a chain of IPv6 extension headers that cannot be followed: dropped on the spot (hotdrop)');
  return lines.length > 0 ? lines : ['no test looks at bytes that may be missing: they are treated like all others'];
};

const fragmentOutcome = (outcome: Outcome, context: WordContext): string => {
  const { match, reads, dropped } = outcome;
  const drop = dropped === 'none' || dropped === 'all' ? '' : `; dropped on the spot (hotdrop) if ${phrase(dropped, context)}`; // prettier-ignore
  if (dropped === 'all') return 'dropped on the spot (hotdrop)';
  if (match === 'never') return `no match${drop}`;
  return reads
    ? `its bytes are read as if they were a header: it may match by chance${drop}`
    : `treated like any other packet${drop}`;
};

/** net/ipv4/ip_input.c ip_local_deliver reassembles before INPUT; IPv6 does so behind it. */
const neverComes = (family: Family, hooks: ReadonlySet<Hook>): boolean =>
  family === 'ip' && hooks.size > 0 && [...hooks].every((hook) => hook === 'input');

/** What is known of where a rule stands. */
export interface Surroundings {
  /** From which it can be reached; none where that is not known. */
  readonly hooks: ReadonlySet<Hook>;
  /** Whether the rules around it turn connection tracking on, and reassembly with it. */
  readonly tracked: boolean;
}

const fragmentWords = (
  { fragment: { plain, quirk } }: Edges,
  family: Family,
  { hooks, tracked }: Surroundings,
  context: WordContext,
): readonly string[] => {
  if (neverComes(family, hooks)) return ['none comes here: the kernel puts IPv4 datagrams together before INPUT'];
  if (tracked) return ['none comes here: rules that turn connection tracking on have datagrams put together before'];
  const [one, other] = [fragmentOutcome(plain, context), fragmentOutcome(quirk, context)];
  const words =
    one === other
      ? [`a later fragment: ${one}`]
      : [
          `a later fragment, on kernels up to at least 6.18: ${other}`,
          `on kernels that do not load a header from later fragments: ${one}`,
        ];
  return [...words, 'where connection tracking is on, as on every Docker host, datagrams are whole before any rule'];
};

/** Of a rule that has a part without a model. */
export const unknownEdges = (backend: Backend): ExplainedEdges => ({
  backends: [backend],
  short: ['not known: a part of the rule has no model'],
  fragments: ['not known: a part of the rule has no model'],
  notable: { short: false, fragments: false },
});

export const edgeWords = (
  edges: Edges,
  family: Family,
  backend: Backend,
  around: Surroundings,
  context: WordContext,
): ExplainedEdges => {
  const { plain, quirk } = edges.fragment;
  const { hooks, tracked } = around;
  return {
    backends: [backend],
    short: shortWords(edges, context),
    fragments: fragmentWords(edges, family, around, context),
    notable: {
      short: edges.short.some(({ outcome }) => outcome.match === 'without-looking' || outcome.dropped !== 'none'),
      fragments: !tracked && !neverComes(family, hooks) && [plain, quirk].some(({ match, reads, dropped }) => dropped !== 'none' || (match !== 'never' && reads)), // prettier-ignore
    },
  };
};

/** Backends that fare alike are said once. */
export const together = (edges: readonly ExplainedEdges[]): readonly ExplainedEdges[] => {
  const [first, second] = edges;
  if (!first || !second) return edges;
  const { backends: _, ...one } = first;
  const { backends: __, ...other } = second;
  return JSON.stringify(one) === JSON.stringify(other)
    ? [{ ...first, backends: [...first.backends, ...second.backends] }]
    : edges;
};
