/** Explanations as text for people. */
import type { Backend } from '../netfilter/family.ts';
import type { ProgramLine } from '../extensions/programline.ts';
import type { ExplainedDocker, ExplainedEdges, ExplainedNft, Explanation } from './explanation.ts';
import { listSection, section } from './lines.ts';
import { wrapped } from '../diagnostics/wrap.ts';
import { familyWords } from './phrase.ts';

const everyPacket = 'every packet';

const backendWords = (backends: readonly Backend[]): string => backends.map((one) => `iptables-${one}`).join(', ');

/** The steps of a program in two columns. */
export const programLines = (heading: string, lines: readonly ProgramLine[]): readonly string[] => {
  const width = Math.min(28, Math.max(...lines.map(({ text }) => text.length)));
  const margin = ' '.repeat(11);
  return lines.flatMap(({ text, about }, i) => {
    const head = i === 0 ? heading.padEnd(11) : margin;
    if (text === '') return wrapped(head, 11, about);
    if (text.length <= width) return wrapped(`${head}${text.padEnd(width)}  `, 11 + width + 2, about);
    return [...wrapped(head, 13, text), ...wrapped(' '.repeat(11 + width + 2), 11 + width + 2, about)];
  });
};

const textsOf = ({ rules }: ExplainedNft): readonly string[] => {
  if (rules.length === 0) return ['none is needed: no packet can match the rule'];
  const several = new Set(rules.map(({ chain }) => chain)).size > 1;
  return rules.map(({ chain, text }) => (several ? `${chain}: ${text}` : text));
};

const refusalOf = ({ statuses, help }: ExplainedNft): readonly string[] | undefined => {
  const refused = statuses.find(({ status }) => status === 'refused');
  return refused && [`there is none: ${refused.why.join('; ')}`, ...(help === undefined ? [] : [help])];
};

/** The nft rules, and how true they are where they are not exact. */
export const nftLines = (nft: ExplainedNft): readonly string[] => {
  const several = nft.statuses.length > 1;
  return (
    refusalOf(nft) ?? [
      ...textsOf(nft),
      ...nft.statuses.flatMap(({ status, why, backends }) => {
        const of = several ? `for ${backendWords(backends)}: ` : '';
        if (status === 'exact') return several ? [`${of}exact`] : [];
        return [`${of}${status}: ${why.join('; ')}`];
      }),
    ]
  );
};

/** As nftLines, with codes for sentences. */
const compactNft = (nft: ExplainedNft): readonly string[] =>
  refusalOf(nft)?.slice(0, 1) ?? [
    ...textsOf(nft),
    ...nft.statuses.flatMap(({ status, codes }) => (status === 'exact' ? [] : [`${status}: ${codes.join(', ')}`])),
  ];

export const dockerLines = ({ about, releases, remark, part }: ExplainedDocker): readonly string[] => [
  about,
  ...(part === 'operator' || part === 'unknown'
    ? []
    : [releases === 'every version' ? 'every version of Docker Engine' : `Docker Engine ${releases}`]),
  ...(remark === undefined ? [] : [remark]),
];

/** What both backends do is said once. */
const perBackend = (edges: readonly ExplainedEdges[], of: 'short' | 'fragments'): readonly string[] => {
  const said = new Set(edges.map((edge) => JSON.stringify(edge[of])));
  if (said.size === 1) return edges[0]?.[of] ?? [];
  return edges.flatMap((edge) => [`${backendWords(edge.backends)}:`, ...edge[of].map((one) => `- ${one}`)]);
};

export const edgeLines = (edges: readonly ExplainedEdges[]): readonly string[] => [
  ...section('cut short', perBackend(edges, 'short')),
  ...section('fragments', perBackend(edges, 'fragments')),
];

const whereWords = ({ family, table, chain, backends }: Explanation): string =>
  `${familyWords[family]}, table ${table}${table === 'nat' ? ' (first packets of connections only)' : ''}, ${chain === undefined ? 'any chain' : `chain ${chain}`}; ${backends.map((one) => `iptables-${one}`).join(' or ')}`;

/** One rule with everything that there is to say about it. */
export const printExplanation = (explanation: Explanation): string => {
  const { rule, chain, matches, programs, does, edges, nft, docker } = explanation;
  const lines = [
    ...section('rule', [`${chain === undefined ? '' : `-A ${chain} `}${rule}`]),
    ...section('where', [whereWords(explanation)]),
    ...listSection('matches', matches.length === 0 ? [everyPacket] : matches),
    ...programs.flatMap(({ match, lines: steps }) => programLines(match, steps)),
    ...section('does', does),
    ...edgeLines(edges),
    ...section('nft', nftLines(nft)),
    ...(docker ? section('Docker', dockerLines(docker)) : []),
  ];
  return `${lines.join('\n')}\n`;
};

/** Only what is more than not matching. */
const shortEdges = (short: readonly string[]): string =>
  short
    .filter((one) => /dropped|: match/.test(one))
    .map((one) => one.replace(/, if what the rule asks .*$/, ''))
    .join('; ');

const compactEdges = (edges: readonly ExplainedEdges[]): readonly string[] =>
  edges.flatMap(({ short, fragments, notable }) => [
    ...(notable.short ? section('cut short', [shortEdges(short)], 4) : []),
    ...(notable.fragments ? section('fragments', fragments.slice(0, -1), 4) : []),
  ]);

/** Verdicts without what follows from them. */
const shortly = (does: readonly string[]): string => {
  const short = does.map((one) => one.replace(/^(accepts it|drops it|goes on in chain [^\s;,]+)[:;] .*$/, '$1'));
  return short.filter((one) => short.length === 1 || one !== 'then the next rule follows').join('; ');
};

const compactLines = (explanation: Explanation): readonly string[] => {
  const { line, rule, matches, does, edges, nft, docker } = explanation;
  return [
    ...wrapped(`  line ${line}  `, 6, rule === '' ? '(no match, no target)' : rule),
    ...section('matches', [matches.length === 0 ? everyPacket : matches.join('; ')], 4),
    ...section('does', [shortly(does)], 4),
    ...compactEdges(edges),
    ...section('nft', compactNft(nft), 4),
    ...(docker ? section('Docker', [dockerLines(docker).join('; ')], 4) : []),
  ];
};

export interface PrintedChain {
  /** `IPv4 table filter (iptables-nft)`. */
  readonly table: string;
  readonly chain: string;
  readonly policy?: string;
  readonly rules: readonly Explanation[];
}

const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** The rules of whole tables, a block each, in chunks of text; `about` stands in front. */
export function* printChains(chains: readonly PrintedChain[], about: readonly string[]): Generator<string> {
  yield text(about);
  let table: string | undefined;
  for (const chain of chains) {
    if (chain.table !== table) {
      if (table !== undefined || about.length > 0) yield '\n';
      table = chain.table;
      yield text([table]);
    }
    const head = `chain ${chain.chain}${chain.policy === undefined ? '' : `, policy ${chain.policy}`}`;
    yield text(wrapped('', 2, chain.rules.length === 0 ? `${head}: no rules` : head));
    for (const rule of chain.rules) yield text(compactLines(rule));
  }
}
