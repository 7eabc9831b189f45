/** `dnfw translate`: read, translate, check, print; everything or nothing. */
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { isError } from '../diagnostics/diagnostic.ts';
import { describeRole, overlayRole } from '../docker/roles.ts';
import { registry } from '../extensions/registry.ts';
import type { Format } from '../iptables/detect.ts';
import { parse } from '../iptables/parse.ts';
import type { Ruleset } from '../iptables/types.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import type { TableName } from '../netfilter/hooks.ts';
import { type Checks, jsonWriter } from '../nftables/print.ts';
import type { Command } from '../nftables/types.ts';
import type { Entry, Tally } from '../translate/report.ts';
import { translate, translateInto, type TranslateOptions, type TranslationReport } from '../translate/translate.ts';
import { exit, type ExitStatus } from './exit.ts';
import { writeAtomically, writeOut } from './files.ts';
import { misusedTable, readInputs } from './inputs.ts';
import { report, say } from './terminal.ts';
import { version } from './version.ts';

export interface TranslateFlags {
  readonly format: 'json' | 'nft';
  readonly from?: Format;
  readonly family?: Family;
  readonly backend?: Backend;
  readonly table?: TableName;
  readonly exactLegacy?: boolean;
  readonly counters?: boolean;
  readonly tablePrefix: string;
  readonly report?: string;
  readonly output?: string;
  readonly allowUntranslated?: boolean;
  readonly proof: boolean;
}

/**
 * Terminals obey these, and JSON lets them pass: an operator who looks at the document must not be shown another one.
 * They stand in strings only, where the escape means the same.
 */
const obeyed = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const allObeyed = new RegExp(obeyed, 'g');

const escapeObeyed = (json: string): string =>
  json.replace(allObeyed, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

const oneLine = (text: string): string => {
  const folded = text.trim().replace(/\s+/g, ' ');
  return folded.length > 400 ? `${folded.slice(0, 400)}…` : folded;
};

/** For the text form: above each rule the line it came from, and what Docker wants with it. */
const commentsFor = (
  entries: readonly Entry[],
  commands: readonly Command[],
): ReadonlyMap<number, readonly string[]> => {
  const comments = new Map<number, string[]>();
  for (const entry of entries) {
    const [first] = entry.nft;
    if (first === undefined) continue;
    const lines = comments.get(first) ?? [];
    lines.push(`${entry.file}:${entry.line}: ${oneLine(entry.text)}`);
    for (const index of entry.nft) {
      const command = commands[index];
      const role =
        command && 'add' in command && 'rule' in command.add ? overlayRole(command.add.rule.expr) : undefined;
      if (role) lines.push(describeRole(role));
    }
    if (entry.status !== 'exact') lines.push(`${entry.status}: ${entry.codes.join(', ')}`);
    comments.set(first, lines);
  }
  return comments;
};

function* reportText(entries: readonly Entry[], tally: Tally): Generator<string> {
  yield `{"schemaVersion":1,"dnfw":${JSON.stringify(version())},"tally":${JSON.stringify(tally)},"rules":[\n`;
  for (const [index, entry] of entries.entries()) {
    const { refusal, ...rest } = entry;
    const place = refusal?.span
      ? {
          column: refusal.span.column,
          what: refusal.what,
          ...(refusal.help === undefined ? {} : { help: refusal.help }),
        }
      : {};
    yield `${index > 0 ? ',\n' : ''}${escapeObeyed(JSON.stringify({ ...rest, ...place }))}`;
  }
  yield '\n]}\n';
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

const tallyLine = (
  { rules, exact, guarded, approximate, refused }: Tally,
  printed: boolean,
  proof: string | undefined,
): string => {
  const parts = [`${exact} exact`, `${guarded} guarded`, `${approximate} approximate`, `${refused} refused`];
  const rest = refused === 0 ? '' : printed ? '; the refused rules are NOT in the output' : '; nothing was printed';
  const proven = proof === undefined ? '' : `; ${proof}`;
  return `dnfw: ${plural(rules, 'rule')}: ${parts.join(', ')}${proven}${rest}`;
};

interface Result extends TranslationReport {
  readonly format: 'json' | 'nft';
  readonly chunks: readonly (string | Uint8Array)[];
  /** Strings that the text form cannot carry. */
  readonly unprintable: readonly Diagnostic[];
}

const refusedBySchema = (what: unknown, why: string): Error =>
  new Error(`the schema refuses ${JSON.stringify(what)}: ${why}`);

/** Every command passes the schema before anything is printed. */
const checker = async (): Promise<Checks> => {
  const { validateCommands, validateStatements } = await import('../nftables/validate.ts');
  return {
    command: (command) => {
      const wrong = validateCommands([command]);
      if (wrong) throw refusedBySchema(command, wrong.what);
    },
    statements: (statements) => {
      const wrong = validateStatements(statements);
      if (wrong !== undefined) throw refusedBySchema(statements, wrong);
    },
  };
};

/** `hostile`: the input has characters that a terminal obeys; where it has none, neither has the document. */
const asJson = async (ruleset: Ruleset, options: TranslateOptions, hostile: boolean): Promise<Result> => {
  const writer = jsonWriter(await checker(), hostile ? escapeObeyed : undefined);
  const made = translateInto(ruleset, registry, options, writer.table);
  return { ...made, format: 'json', chunks: writer.chunks(), unprintable: [] };
};

const asText = async (ruleset: Ruleset, options: TranslateOptions): Promise<Result> => {
  const { printText } = await import('../nftables/text.ts');
  const { commands, ...made } = translate(ruleset, registry, options);
  const checks = await checker();
  for (const command of commands) checks.command(command);
  const { chunks, refusals } = printText(commands, commentsFor(made.entries, commands));
  const unprintable = refusals.map(({ index, what }): Diagnostic => {
    const entry = made.entries.find(({ nft }) => nft.includes(index));
    return {
      code: 'text-not-expressible',
      severity: 'error',
      what,
      why: 'the text syntax of nft has no escapes',
      help: 'use --format json, which carries any string',
      ...(entry
        ? { span: { file: entry.file, line: entry.line, column: 1, length: entry.text.length, text: entry.text } }
        : {}),
    };
  });
  return { ...made, format: 'nft', chunks, unprintable };
};

const decoder = new TextDecoder();

const asDocument = (chunks: readonly (string | Uint8Array)[]): string =>
  chunks.map((chunk) => (typeof chunk === 'string' ? chunk : decoder.decode(chunk))).join('');

/** Proves the translation; a difference is a bug, which is shown and reported, and nothing else is printed. */
const proven = async (
  ruleset: Ruleset,
  result: Result,
  options: TranslateOptions,
): Promise<{ readonly verdict: string; readonly words: string }> => {
  const { proofWords, proveTranslation } = await import('./translate-proof.ts');
  // The text form says the same commands; the proof reads JSON.
  const { chunks } = result.format === 'json' ? result : await asJson(ruleset, options, false);
  const check = proveTranslation(ruleset, result.entries, asDocument(chunks));
  if (check.verdict === 'refuted') {
    const { checkText } = await import('./check-report.ts');
    say(checkText(check, ['the input', 'its translation']));
    say('error[internal]: this is a bug in dnfw: the translation does something else; nothing was printed');
    say('  help: please report it with the input that shows it');
  }
  return { verdict: check.verdict, words: proofWords(check) };
};

export const translateFiles = async (files: readonly string[], flags: TranslateFlags): Promise<ExitStatus> => {
  const { value: inputs, diagnostics } = await readInputs(files, flags);
  const misused = misusedTable(inputs, flags.table, flags.from);
  if (misused || diagnostics.some(isError)) {
    report(misused ? [misused] : diagnostics);
    return exit.usage;
  }
  report(diagnostics);
  if (inputs.length === 0)
    say(`dnfw: ${files.length === 0 ? 'this host' : files.join(', ')} has no iptables rules of either backend`);
  const backend = flags.exactLegacy ? 'legacy' : flags.backend;
  const parsed = parse(inputs, registry, {
    ...(flags.from ? { format: flags.from } : {}),
    ...(flags.family ? { family: flags.family } : {}),
    ...(backend ? { backend } : {}),
    ...(flags.table ? { table: flags.table } : {}),
  });
  const errors = parsed.diagnostics.filter(isError).length;
  // Beside an error, what was assumed about the rest is noise.
  report(errors > 0 ? parsed.diagnostics.filter(({ severity }) => severity !== 'note') : parsed.diagnostics);
  if (errors > 0) {
    say(`dnfw: ${plural(errors, 'error')} in the input; nothing was translated`);
    return exit.usage;
  }
  const options: TranslateOptions = {
    tablePrefix: flags.tablePrefix,
    exactLegacy: flags.exactLegacy ?? false,
    counters: flags.counters ?? false,
  };
  const hostile = inputs.some((input) => obeyed.test(input.text));
  const result = await (flags.format === 'json'
    ? asJson(parsed.value, options, hostile)
    : asText(parsed.value, options));
  const { entries, tally, unprintable } = result;
  report(result.diagnostics);
  const cut = entries.filter(({ codes }) => codes.includes('comment-shortened')).length;
  if (cut > 0)
    report([
      {
        code: 'comment-shortened',
        severity: 'warning',
        what: `${plural(cut, 'comment')} longer than 253 bytes ${cut === 1 ? 'was' : 'were'} cut: nft stores no more`,
      },
    ]);
  report(entries.flatMap((entry) => (entry.refusal ? [entry.refusal] : [])));
  report(unprintable);
  const wanted = unprintable.length === 0 && (tally.refused === 0 || flags.allowUntranslated === true);
  const isProvable = flags.proof && wanted && tally.rules > tally.refused;
  const proof = isProvable ? await proven(parsed.value, result, options) : undefined;
  if (proof?.verdict === 'refuted') return exit.bug;
  if (flags.report !== undefined) writeAtomically(flags.report, reportText(entries, tally));
  if (wanted) {
    if (flags.output === undefined) writeOut(result.chunks);
    else writeAtomically(flags.output, result.chunks);
  }
  if (unprintable.length > 0)
    say(`dnfw: ${plural(unprintable.length, 'string')} cannot be written as nft text; nothing was printed`);
  else say(tallyLine(tally, wanted, proof?.words));
  return tally.refused > 0 || unprintable.length > 0 ? exit.untranslated : exit.done;
};
