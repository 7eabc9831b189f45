/** What `dnfw translate` reads: files, standard input or the live host. */
import { fstatSync } from 'node:fs';
import type { Diagnostic, Outcome } from '../diagnostics/diagnostic.ts';
import { detectFormat, type Format } from '../iptables/detect.ts';
import type { Input } from '../iptables/parse.ts';
import type { TableName } from '../netfilter/hooks.ts';
import type { RulesetFlags } from '../simulate/rulesets.ts';
import { readInput } from './files.ts';
import { dumpsIn } from './given.ts';
import { report } from './terminal.ts';

/** Whether something was redirected or piped to standard input; a terminal or /dev/null is nothing. */
const isFed = (): boolean => {
  try {
    const stdin = fstatSync(0);
    return stdin.isFIFO() || (stdin.isFile() && stdin.size > 0);
  } catch {
    return false;
  }
};

const notRead: Diagnostic = {
  code: 'usage',
  severity: 'note',
  what: 'standard input is not read: the rules of this host are translated',
  help: 'write - as FILE to translate what comes from standard input',
};

/** The rules of files, of captures, or of the live host. With an error among the diagnostics they are not all. */
export const readInputs = async (
  files: readonly string[],
  flags: RulesetFlags = {},
): Promise<Outcome<readonly Input[]>> => {
  if (files.length > 0) {
    const given = await Promise.all(files.map((file) => dumpsIn(readInput(file), flags)));
    return { value: given.flatMap(({ value }) => value), diagnostics: given.flatMap(({ diagnostics }) => diagnostics) };
  }
  if (isFed()) report([notRead]);
  const { readLive } = await import('./live.ts');
  const live = await readLive();
  return { value: live.inputs, diagnostics: live.diagnostics };
};

/** `--table` names the table of an output that does not; whoever wants it to choose one would get all of them. */
export const misusedTable = (
  inputs: readonly Input[],
  table: TableName | undefined,
  from: Format | undefined,
): Diagnostic | undefined =>
  table !== undefined && inputs.length > 0 && inputs.every((input) => (from ?? detectFormat(input)) === 'save')
    ? {
        code: 'usage',
        severity: 'error',
        what: `--table ${table} does not choose a table: iptables-save output names its tables itself`,
        why: '--table says which table a listing or iptables -S output is of',
        help: `give dnfw the output of iptables-save -t ${table} to translate that table alone`,
      }
    : undefined;
