/** `dnfw check`: whether two rulesets mean the same, or the packets that tell them apart. */
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';
import type { Family } from '../netfilter/family.ts';
import { families } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { writePcap } from '../packet/pcap.ts';
import type { Program } from '../packet/program.ts';
import { check, type Check, type CheckOptions } from '../prove/check.ts';
import { focusOn, hooksOf, tablesWith } from '../prove/focus.ts';
import { everyAssumption, isAssumption } from '../packet/assumption.ts';
import { checkJson, checkText } from './check-report.ts';
import { exit, type ExitStatus } from './exit.ts';
import { readInput, writeAtomically, writeOut } from './files.ts';
import { hostIn, hostRuleset } from './given.ts';
import { familiesOf, type LoadedRuleset, programOf, readRuleset, type RulesetFlags } from '../simulate/rulesets.ts';
import { report, say } from './terminal.ts';

export interface CheckFlags extends RulesetFlags {
  readonly hook?: readonly Hook[];
  readonly chain?: string;
  /** Names of assumptions, or `none`; all of them if it is not given. */
  readonly assume?: readonly string[];
  readonly budget?: number;
  readonly json?: boolean;
  readonly pcapOut?: string;
}

const emptyProgram = (family: Family): Program => ({ family, tables: [] });

/** One pair of programs per family that one of the rulesets has. */
const pairsOf = (a: LoadedRuleset, b: LoadedRuleset): readonly (readonly [Program, Program])[] => {
  const [left, right] = [familiesOf(a), familiesOf(b)];
  return families
    .filter((family) => left.has(family) || right.has(family))
    .map((family) => [
      left.has(family) ? programOf(a, family) : emptyProgram(family),
      right.has(family) ? programOf(b, family) : emptyProgram(family),
    ]);
};

const missingChain = (name: string, file: string): Diagnostic => ({
  code: 'unknown-chain',
  severity: 'error',
  what: `there is no chain ${name} in ${file}`,
  help: 'names of chains are case-sensitive; without --chain whole hooks are compared',
});

/** The pairs with nothing but one chain, for each hook that reaches it on either side. */
const focused = (
  pairs: readonly (readonly [Program, Program])[],
  name: string,
  files: readonly [string, string],
): readonly (readonly [Program, Program])[] | Diagnostic => {
  const found: (readonly [Program, Program])[] = [];
  const has = [false, false];
  for (const [a, b] of pairs) {
    const [left, right] = [tablesWith(a, name), tablesWith(b, name)];
    if (left.length > 0) has[0] = true;
    if (right.length > 0) has[1] = true;
    const both = new Set([...hooksOf(a, name), ...hooksOf(b, name)]);
    const at: ReadonlySet<Hook> = both.size > 0 ? both : new Set(['forward']);
    for (const [i, table] of left.entries()) {
      // A translated table keeps the name of the one it came from at its end.
      const other = right.find(({ name: one }) => one === table.name || one.endsWith(`-${table.name}`)) ?? right[i];
      if (other) found.push([focusOn(a, table, name, at), focusOn(b, other, name, at)]);
    }
  }
  const lacking = has.indexOf(false);
  return lacking >= 0 ? missingChain(name, files[lacking] as string) : found;
};

const optionsOf = ({ assume, hook, budget }: CheckFlags): CheckOptions => ({
  assume: assume === undefined ? everyAssumption : new Set(assume.filter(isAssumption)),
  ...(hook === undefined ? {} : { hooks: new Set(hook) }),
  ...(budget === undefined ? {} : { budget }),
});

const statuses = { proven: exit.done, refuted: exit.different, unknown: exit.unknown } as const;

const writeWitnesses = (file: string, { hooks }: Check): void => {
  const packets = hooks.flatMap(({ witnesses }) => witnesses.map(({ packet }) => packet));
  if (packets.length === 0) return say('dnfw: there is no packet to write');
  writeAtomically(file, [writePcap(packets)]);
};

/** What is to be compared, or why nothing is. What the files held is let go of: large rulesets need the room. */
/** One family that only one of the rulesets has rules of: it is compared with nothing. */
const alone = (a: LoadedRuleset, b: LoadedRuleset, [nameA, nameB]: readonly [string, string]): readonly Diagnostic[] =>
  families.flatMap((family): Diagnostic[] => {
    const [left, right] = [familiesOf(a).has(family), familiesOf(b).has(family)];
    if (left === right) return [];
    return [
      {
        code: 'usage',
        severity: 'note',
        what: `${left ? nameB : nameA} has no ${family} rules: those of ${left ? nameA : nameB} are compared with none`,
        help: 'a dump may hold both families: put what iptables-save and ip6tables-save print into one file',
      },
    ];
  });

const loadOne = async (input: Input, flags: CheckFlags): Promise<Outcome<LoadedRuleset>> => {
  const found = await hostIn(input, flags);
  return found ? { value: hostRuleset(found.value), diagnostics: found.diagnostics } : readRuleset(input, flags);
};

type Loaded = readonly (readonly [Program, Program])[] | readonly Diagnostic[];

const loadPairs = async (files: readonly [string, string], flags: CheckFlags): Promise<Loaded> => {
  const loaded = await Promise.all(files.map((file) => loadOne(readInput(file), flags)));
  const diagnostics = loaded.flatMap((one) => one.diagnostics);
  if (diagnostics.some(isError)) return diagnostics;
  report(diagnostics);
  const [a, b] = loaded.map(({ value }) => value) as [LoadedRuleset, LoadedRuleset];
  report(alone(a, b, files));
  const whole = pairsOf(a, b);
  const pairs = flags.chain === undefined ? whole : focused(whole, flags.chain, files);
  return 'code' in pairs ? [pairs] : pairs;
};

const areDiagnostics = (loaded: Loaded): loaded is readonly Diagnostic[] => loaded.some((one) => 'code' in one);

export const checkFiles = async (files: readonly [string, string], flags: CheckFlags): Promise<ExitStatus> => {
  if (files[0] === '-' && files[1] === '-') {
    report([{ code: 'usage', severity: 'error', what: 'standard input cannot be both rulesets' }]);
    return exit.usage;
  }
  const pairs = await loadPairs(files, flags);
  if (areDiagnostics(pairs)) {
    report(pairs);
    return exit.usage;
  }
  const result = check(pairs, optionsOf(flags));
  writeOut([flags.json === true ? checkJson(result, files) : checkText(result, files)]);
  if (flags.pcapOut !== undefined) writeWitnesses(flags.pcapOut, result);
  return statuses[result.verdict];
};
