/** Files that are captures, for commands that read rules. */
import type { Capture } from '../capture/document.ts';
import { isCapture } from '../capture/detect.ts';
import { readCapture } from '../capture/read.ts';
import { programsOf, seamsOf } from '../capture/replay.ts';
import type { Diagnostic, Outcome } from '../diagnostics/diagnostic.ts';
import { type Gap, type Host, readHost } from '../guard/host.ts';
import { readSaves } from '../guard/iptables-save.ts';
import type { Input } from '../iptables/parse.ts';
import { readInput } from './files.ts';
import { report } from './terminal.ts';
import type { RulesetFlags } from '../simulate/rulesets.ts';

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

/** The dumps that a capture has. */
export const capturedDumps = async (input: Input, flags: RulesetFlags): Promise<Outcome<readonly Input[]>> => {
  const found = captureIn(input, flags);
  if (!found?.value) return { value: [], diagnostics: found?.diagnostics ?? [] };
  const { inputs, diagnostics, failures } = await readSaves(programsOf(found.value.answers, input.name));
  const failed = failures.map(({ program, why }) => lacks(input.name, `${program}: ${why}`, true));
  return { value: inputs, diagnostics: [...diagnostics, ...failed] };
};

/** The host of a capture. With an error there is none to rely on. */
export const capturedHost = async (input: Input, flags: RulesetFlags): Promise<Outcome<Host | undefined>> => {
  const found = captureIn(input, flags);
  if (!found?.value) return { value: undefined, diagnostics: found?.diagnostics ?? [] };
  const host = await readHost(seamsOf(found.value, input.name));
  return { value: host, diagnostics: [...host.diagnostics, ...lacking(input.name, host.gaps)] };
};

/** A file that has to be a capture; undefined if it is none, and that has been said. */
export const requireCapture = (file: string): Capture | undefined => {
  const input = readInput(file);
  const found = captureIn(input);
  report(found ? found.diagnostics : [usage(`${file} is no capture`, 'take one with dnfw capture -o FILE')]);
  return found?.value;
};
