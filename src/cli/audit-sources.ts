/** What is audited: captures, each a host of its own; all other files together one; or, without files, this host. */
import { bareSource } from '../audit/bare.ts';
import { sourceOfCapture } from '../audit/captured.ts';
import type { Source } from '../audit/source.ts';
import { isError, type Outcome } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';
import { captureIn } from './captures.ts';

/** The live host, read as a capture of it would be. */
export const liveSource = async (): Promise<Source> => {
  const { captureHost } = await import('./capture-host.ts');
  return sourceOfCapture(await captureHost());
};

/** The host of a capture; undefined if the file is something else. */
export const capturedSource = async (input: Input): Promise<Outcome<Source | undefined> | undefined> => {
  const found = captureIn(input);
  if (!found?.value) return found && { value: undefined, diagnostics: found.diagnostics };
  return { value: await sourceOfCapture(found.value, input.name), diagnostics: [] };
};

/** With an error among the diagnostics some are missing. */
export const sourcesIn = async (inputs: readonly Input[]): Promise<Outcome<readonly Source[]>> => {
  const found = await Promise.all(inputs.map(async (input) => ({ input, captured: await capturedSource(input) })));
  const rest = found.filter(({ captured }) => captured === undefined).map(({ input }) => input);
  const bare = rest.length > 0 ? bareSource(rest) : undefined;
  const all = [...found.flatMap(({ captured }) => captured ?? []), ...(bare ? [bare] : [])];
  const diagnostics = all.flatMap((one) => one.diagnostics);
  return { value: diagnostics.some(isError) ? [] : all.flatMap(({ value }) => value ?? []), diagnostics };
};
