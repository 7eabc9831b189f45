/** `dnfw explain`: rules and programs in words. */
import { type Diagnostic, isError } from '../diagnostics/diagnostic.ts';
import { commonVersions } from '../docker/recognise.ts';
import { versionWords } from '../docker/versions.ts';
import type { Explanation } from '../explain/explanation.ts';
import { section } from '../explain/lines.ts';
import { explainProgram, printProgramExplanation, type ProgramKind, programKinds } from '../explain/programs.ts';
import { printChains, type PrintedChain, printExplanation } from '../explain/print.ts';
import { familyWords } from '../explain/phrase.ts';
import { explainRules } from '../explain/rules.ts';
import { registry } from '../extensions/registry.ts';
import { parse, type ParseOptions } from '../iptables/parse.ts';
import { readSingleRule } from '../iptables/single.ts';
import type { Ruleset } from '../iptables/types.ts';
import type { Backend } from '../netfilter/family.ts';
import { exit, type ExitStatus } from './exit.ts';
import { readInput, writeOut } from './files.ts';
import { hostIn } from './given.ts';
import { misusedTable } from './inputs.ts';
import type { RulesetFlags } from '../simulate/rulesets.ts';
import { report } from './terminal.ts';

export interface ExplainFlags extends RulesetFlags {
  readonly file?: string;
  readonly u32?: string;
  readonly bytecode?: string;
  readonly json?: boolean;
}

const usage = (what: string, help?: string): Diagnostic => ({
  code: 'usage',
  severity: 'error',
  what,
  ...(help === undefined ? {} : { help }),
});

/** A rule has at least two words; everything else that stands alone names a file. */
const isFileName = (text: string): boolean => !/\s/.test(text.trim()) && !/^-./.test(text.trim());

const optionsOf = ({ from, family, backend, table }: ExplainFlags): ParseOptions => ({
  ...(from ? { format: from } : {}),
  ...(family ? { family } : {}),
  ...(backend ? { backend } : {}),
  ...(table ? { table } : {}),
});

/** What to explain: exactly one thing. */
const misuse = (words: readonly string[], { file, u32, bytecode, from }: ExplainFlags): Diagnostic | undefined => {
  const [only] = words;
  const things = [file, u32, bytecode, only].filter((thing) => thing !== undefined).length;
  if (words.length > 1)
    return usage('the rule is several words of the command line', "put it in quotes: dnfw explain '-A INPUT -j DROP'");
  if (things === 0) return usage('there is nothing to explain', 'give a rule in quotes, --file, --u32 or --bytecode');
  if (things > 1) return usage('only one of a rule, --file, --u32 and --bytecode can be explained at a time');
  if (only !== undefined && /^--?\w[\w-]*(?:=\S*)?$/.test(only)) return usage(`there is no option ${only}`);
  const isWhole = file !== undefined || (only !== undefined && isFileName(only));
  return from !== undefined && !isWhole ? usage('--from says what a file is') : undefined;
};

/** Nothing is explained beside an error. */
const refused = (diagnostics: readonly Diagnostic[]): boolean => {
  const wrong = diagnostics.some(isError);
  report(wrong ? diagnostics.filter(({ severity }) => severity !== 'note') : diagnostics);
  return wrong;
};

const both: readonly Backend[] = ['legacy', 'nft'];

/**
 * Terminals obey some characters; JSON.stringify leaves those beyond ASCII as they are. They stand in strings only,
 * where the escape means the same.
 */
const safe = (json: string): string =>
  json.replaceAll(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`); // prettier-ignore

const json = (value: object): string =>
  safe(JSON.stringify(value, (key, part: unknown) => (key === 'notable' ? undefined : part), 2));

/** Rule by rule: those of a large host do not fit into one string. */
function* rulesJson(rules: readonly Explanation[]): Generator<string> {
  yield '{\n"schemaVersion": 1,\n"rules": [\n';
  for (const [i, rule] of rules.entries()) yield `${i === 0 ? '' : ',\n'}${json(rule)}`;
  yield '\n]\n}\n';
}

const explainProgramText = (kind: ProgramKind, text: string, flags: ExplainFlags): ExitStatus => {
  const backends = flags.backend ? [flags.backend] : both;
  const { value, diagnostics } = explainProgram(kind, text, registry, { backends, ...(flags.family ? { family: flags.family } : {}) }); // prettier-ignore
  if (refused(diagnostics) || !value) return exit.usage;
  if (flags.json) writeOut([`${json({ schemaVersion: 1, ...value })}\n`]);
  else writeOut([printProgramExplanation(value)]);
  return exit.done;
};

const explainRule = (text: string, flags: ExplainFlags): ExitStatus => {
  const { value, diagnostics } = readSingleRule(text, registry, optionsOf(flags));
  if (refused(diagnostics) || !value) return exit.usage;
  const { table, chain, rules, backendTold } = value;
  const unnamed = chain === undefined ? { unnamed: table.chains.find((one) => one.rules === rules)?.name ?? '' } : {};
  const explained = explainRules({ tables: [table] }, registry, { ...unnamed, ...(backendTold ? {} : { backends: both }) }); // prettier-ignore
  if (flags.json) writeOut(rulesJson(explained));
  else writeOut([explained.map(printExplanation).join('\n')]);
  return exit.done;
};

const releasesOf = (rules: readonly Explanation[]): readonly string[] => {
  const known = rules.flatMap(({ docker }) => (docker && docker.versions.length > 0 ? [docker] : []));
  if (known.length === 0) return [];
  const common = commonVersions(known);
  const several = 'by several releases of Docker Engine: no single one writes all of them';
  const words = common.length === 0 ? several : `Docker Engine ${versionWords(common)}`;
  return section('Docker', [`${known.length} of ${rules.length} rules are as Docker writes them`, words]);
};

const chainsOf = ({ tables }: Ruleset, rules: readonly Explanation[]): readonly PrintedChain[] => {
  let at = 0;
  return tables.flatMap(({ family, name, backend, chains }) =>
    chains.map((chain): PrintedChain => {
      const own = rules.slice(at, at + chain.rules.length);
      at += chain.rules.length;
      return {
        table: `${familyWords[family]} table ${name} (iptables-${backend})`,
        chain: chain.name,
        ...(chain.policy === undefined ? {} : { policy: chain.policy.toLowerCase() }),
        rules: own,
      };
    }),
  );
};

const explainFile = async (path: string, flags: ExplainFlags): Promise<ExitStatus> => {
  const input = readInput(path);
  const host = await hostIn(input, flags);
  const misused = host ? undefined : misusedTable([input], flags.table, flags.from);
  const { value, diagnostics } = host
    ? { value: host.value?.iptables ?? { tables: [] }, diagnostics: host.diagnostics }
    : parse([input], registry, optionsOf(flags));
  if (refused([...(misused ? [misused] : []), ...diagnostics])) return exit.usage;
  const rules = explainRules(value, registry);
  if (flags.json) writeOut(rulesJson(rules));
  else writeOut(printChains(chainsOf(value, rules), releasesOf(rules)));
  return exit.done;
};

/** `words`: what stands on the command line beside options. */
export const explain = async (words: readonly string[], flags: ExplainFlags): Promise<ExitStatus> => {
  const wrong = misuse(words, flags);
  if (wrong) {
    report([wrong]);
    return exit.usage;
  }
  const { file } = flags;
  for (const kind of programKinds) {
    const text = flags[kind];
    if (text !== undefined) return explainProgramText(kind, text, flags);
  }
  const [only = ''] = words;
  if (file !== undefined) return explainFile(file, flags);
  return isFileName(only) ? explainFile(only, flags) : explainRule(only, flags);
};
