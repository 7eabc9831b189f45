/** What is audited: captures, each a host of its own; all other files together one; or, without files, this host. */
import { bareSource } from '../audit/bare.ts';
import { sourceOfCapture } from '../audit/captured.ts';
import type { BrokenHost } from '../audit/report/types.ts';
import type { Source } from '../audit/source.ts';
import { type Diagnostic, EnvironmentError, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';
import { captureIn } from './captures.ts';
import { readInput } from './files.ts';

/** Why no rule of a host is known; undefined if any could have been. Nothing found would let a pipeline pass. */
const blindness = ({ host: { iptables, gaps } }: Source): string | undefined => {
  const unread = (['iptables', 'nft'] as const).flatMap((part) => gaps.find(({ what }) => what === part)?.why ?? []);
  return iptables.tables.length === 0 && unread.length === 2 ? unread.join('; ') : undefined;
};

/** The live host, read as a capture of it would be. */
export const liveSource = async (): Promise<Source> => {
  const { captureHost } = await import('./capture-host.ts');
  const source = await sourceOfCapture(await captureHost());
  const why = blindness(source);
  if (why !== undefined)
    throw new EnvironmentError('live-read-failed', `no rules of this host can be read: ${why}`, {
      help: 'run dnfw as root, or give it a capture or files made with iptables-save',
    });
  return source;
};

const blind = (file: string, why: string): Diagnostic => ({
  code: 'capture-lacks',
  severity: 'error',
  what: `${file} has no rules of its host: ${why}`,
  help: 'take it again as root',
});

/** The host of a capture; undefined if the file is something else. */
export const capturedSource = async (input: Input): Promise<Outcome<Source | undefined> | undefined> => {
  const found = captureIn(input);
  if (!found?.value) return found && { value: undefined, diagnostics: found.diagnostics };
  const source = await sourceOfCapture(found.value, input.name);
  const why = blindness(source);
  return why === undefined
    ? { value: source, diagnostics: [] }
    : { value: undefined, diagnostics: [blind(input.name, why)] };
};

export interface Sources {
  readonly sources: readonly Source[];
  /** Hosts that could not be read; `diagnostics` say it with the place. */
  readonly broken: readonly BrokenHost[];
  readonly diagnostics: readonly Diagnostic[];
}

const nothing: Sources = { sources: [], broken: [], diagnostics: [] };

const together = (all: readonly Sources[]): Sources => ({
  sources: all.flatMap(({ sources }) => sources),
  broken: all.flatMap(({ broken }) => broken),
  diagnostics: all.flatMap(({ diagnostics }) => diagnostics),
});

const gathered = (files: readonly string[], { value, diagnostics }: Outcome<Source | undefined>): Sources => {
  const wrong = diagnostics.find(isError);
  if (value && !wrong) return { sources: [value], broken: [], diagnostics };
  return { sources: [], broken: [{ name: files[0] ?? '', files, why: wrong?.what ?? 'nothing can be read of it' }], diagnostics }; // prettier-ignore
};

/** One file of many that cannot be opened is a broken host; one alone is the end. */
const readEach = (
  files: readonly string[],
): { readonly inputs: readonly Input[]; readonly unread: readonly Sources[] } => {
  const inputs: Input[] = [];
  const unread: Sources[] = [];
  for (const file of files)
    try {
      inputs.push(readInput(file));
    } catch (error) {
      if (!(error instanceof EnvironmentError) || files.length === 1) throw error;
      const { code, message: what } = error;
      unread.push(gathered([file], { value: undefined, diagnostics: [{ code, severity: 'error', what }] }));
    }
  return { inputs, unread };
};

export const readSources = async (files: readonly string[]): Promise<Sources> => {
  if (files.length === 0) return { ...nothing, sources: [await liveSource()] };
  const { inputs, unread } = readEach(files);
  const found = await Promise.all(inputs.map(async (input) => ({ input, captured: await capturedSource(input) })));
  const rest = found.filter(({ captured }) => captured === undefined).map(({ input }) => input);
  return together([
    ...found.flatMap(({ input, captured }) => (captured ? [gathered([input.name], captured)] : [])),
    ...(rest.length > 0
      ? [
          gathered(
            rest.map(({ name }) => name),
            bareSource(rest),
          ),
        ]
      : []),
    ...unread,
  ]);
};
