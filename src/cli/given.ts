/** Files that commands are given: rules in any form, or captures of whole hosts. */
import type { Capture } from '../capture/document.ts';
import { isCapture, readCapture } from '../capture/read.ts';
import { programsOf, seamsOf } from '../capture/replay.ts';
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import { type Gap, type Host, readHost } from '../guard/host.ts';
import { readSaves } from '../guard/iptables-save.ts';
import type { Input } from '../iptables/parse.ts';
import type { Ruleset } from '../iptables/types.ts';
import type { LoadedRuleset, RulesetFlags } from '../simulate/rulesets.ts';

const usage = (what: string, help: string): Diagnostic => ({ code: 'usage', severity: 'error', what, help });

/** What belongs to files that do not say it themselves. */
const misusedFlags = (file: string, flags: RulesetFlags): readonly Diagnostic[] => {
  const given = (['from', 'family', 'backend', 'table'] as const).filter((name) => flags[name] !== undefined);
  return given.length === 0
    ? []
    : [usage(`${file} is a capture, which says itself what its rules are`, `leave --${given.join(', --')} out`)];
};

/** The capture that a file is; undefined if it is something else. */
export const captureIn = (input: Input, flags: RulesetFlags = {}): Outcome<Capture | undefined> | undefined => {
  if (!isCapture(input)) return undefined;
  const wrong = misusedFlags(input.name, flags);
  return wrong.length > 0 ? { value: undefined, diagnostics: wrong } : readCapture(input);
};

const lacks = (file: string, what: string, isSevere: boolean): Diagnostic => ({
  code: 'capture-lacks',
  severity: isSevere ? 'error' : 'warning',
  what: `${file} does not have all rules of its host: ${what}`,
  help: isSevere ? 'take it again as root' : 'install what is missing on that host, and take it again',
});

/** What was not there had no rules to show; what had no right may have had some. */
const lacking = (file: string, gaps: readonly Gap[]): readonly Diagnostic[] =>
  gaps
    .filter(({ what }) => what === 'iptables' || what === 'nft')
    .map(({ why }) => lacks(file, why, !why.endsWith('is not installed')));

/** The dumps of a file: itself, or those that a capture has. */
export const dumpsIn = async (input: Input, flags: RulesetFlags): Promise<Outcome<readonly Input[]>> => {
  const found = captureIn(input, flags);
  if (!found) return { value: [input], diagnostics: [] };
  if (!found.value) return { value: [], diagnostics: found.diagnostics };
  const { inputs, diagnostics, failures } = await readSaves(programsOf(found.value.answers, input.name));
  const failed = failures.map(({ program, why }) => lacks(input.name, `${program}: ${why}`, true));
  return { value: inputs, diagnostics: [...diagnostics, ...failed] };
};

/** The host of a capture; undefined if the file is something else. With an error there is none to rely on. */
export const hostIn = async (
  input: Input,
  flags: RulesetFlags = {},
): Promise<Outcome<Host | undefined> | undefined> => {
  const found = captureIn(input, flags);
  if (!found) return undefined;
  if (!found.value) return { value: undefined, diagnostics: found.diagnostics };
  const host = await readHost(seamsOf(found.value, input.name));
  return { value: host, diagnostics: [...host.diagnostics, ...lacking(input.name, host.gaps)] };
};

const none: Ruleset = { tables: [] };

/** All of a host's rules as one ruleset. */
export const hostRuleset = (host: Host | undefined): LoadedRuleset => ({
  kind: 'host',
  iptables: host?.iptables ?? none,
  nft: host?.nft ?? { tables: [] },
});

/** Captures among files; with an error among the diagnostics, they must not be acted upon. */
export const hostsIn = async (
  inputs: readonly Input[],
  flags: RulesetFlags,
): Promise<Outcome<{ readonly hosts: readonly Host[]; readonly rest: readonly Input[] }>> => {
  const hosts: Host[] = [];
  const rest: Input[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const input of inputs) {
    const found = await hostIn(input, flags);
    if (!found) rest.push(input);
    else if (found.value) hosts.push(found.value);
    for (const diagnostic of found?.diagnostics ?? []) diagnostics.push(diagnostic);
  }
  if (hosts.length > 1 && !diagnostics.some(isError))
    diagnostics.push(usage('these are captures of several hosts', 'give one capture: all files are of one host'));
  return { value: { hosts, rest }, diagnostics };
};
