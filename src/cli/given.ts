/** Files that commands are given: rules in any form, or captures of whole hosts. What reads those is loaded for them alone. */
import { isCapture } from '../capture/detect.ts';
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import type { Host } from '../guard/host.ts';
import type { Input } from '../iptables/parse.ts';
import type { Ruleset } from '../iptables/types.ts';
import type { LoadedRuleset, RulesetFlags } from '../simulate/rulesets.ts';

/** The dumps of a file: itself, or those that a capture has. */
export const dumpsIn = async (input: Input, flags: RulesetFlags): Promise<Outcome<readonly Input[]>> => {
  if (!isCapture(input)) return { value: [input], diagnostics: [] };
  const { capturedDumps } = await import('./captures.ts');
  return capturedDumps(input, flags);
};

/** The host of a capture; undefined if the file is something else. With an error there is none to rely on. */
export const hostIn = async (
  input: Input,
  flags: RulesetFlags = {},
): Promise<Outcome<Host | undefined> | undefined> => {
  if (!isCapture(input)) return undefined;
  const { capturedHost } = await import('./captures.ts');
  return capturedHost(input, flags);
};

const several: Diagnostic = {
  code: 'usage',
  severity: 'error',
  what: 'these are captures of several hosts',
  help: 'give one of them: all files are of one host',
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
  if (hosts.length > 1 && !diagnostics.some(isError)) diagnostics.push(several);
  return { value: { hosts, rest }, diagnostics };
};
