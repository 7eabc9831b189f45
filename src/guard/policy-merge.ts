/** Several policy files as one: lists add up in the order of the files, and of single values the last one counts. */
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts';
import type { PolicyPlace } from './policy.ts';
import type { RawPolicy } from './policy-schema.ts';
import { isWrong, type Wrong } from './policy-values.ts';
import type { Path, YamlFile } from './policy-yaml.ts';

export interface PolicyFile extends YamlFile {
  readonly raw: RawPolicy;
}

/** A value with the place that said it. */
export interface Said<T> {
  readonly value: T;
  readonly file: PolicyFile;
  readonly path: Path;
}

/** Collects what is wrong, up to a limit: a list of 100,000 mistakes helps nobody. */
export interface Talk {
  readonly diagnostics: Diagnostic[];
  readonly error: (wrong: Wrong, span: Span) => undefined;
  readonly warn: (wrong: Wrong, span: Span) => undefined;
}

const mostMistakes = 100;

export const newTalk = (): Talk => {
  const diagnostics: Diagnostic[] = [];
  const say =
    (severity: Diagnostic['severity']) =>
    (wrong: Wrong, span: Span): undefined => {
      if (diagnostics.length < mostMistakes) diagnostics.push({ severity, ...wrong, span });
    };
  return { diagnostics, error: say('error'), warn: say('warning') };
};

export const spanOf = ({ file, path }: Said<unknown>): Span => file.spanOf(path);

export const placeOf = (said: Said<unknown>): PolicyPlace => {
  const { file, line } = spanOf(said);
  return { file, line };
};

/** A word as its value, or the mistake said at its place. */
export const take = <T extends object>(talk: Talk, value: T | Wrong, said: Said<unknown>): T | undefined =>
  isWrong(value) ? talk.error(value, spanOf(said)) : value;

/** The elements of a list, from every file. */
export const listed = <T>(
  files: readonly PolicyFile[],
  path: Path,
  list: (raw: RawPolicy) => readonly T[] | undefined,
): readonly Said<T>[] =>
  files.flatMap((file) => (list(file.raw) ?? []).map((value, index) => ({ value, file, path: [...path, index] })));

/** A single value: the last file that has it counts, and it is said when that changes another one's word. */
export const single = <T extends string | number | boolean>(
  talk: Talk,
  files: readonly PolicyFile[],
  path: Path,
  value: (raw: RawPolicy) => T | undefined,
): Said<T> | undefined => {
  let last: Said<T> | undefined;
  for (const file of files) {
    const found = value(file.raw);
    if (found === undefined) continue;
    const said: Said<T> = { value: found, file, path };
    if (last && last.value !== found) {
      const { file: other, line } = spanOf(last);
      const what = `\`${path.join('.')}\` is ${String(found)} here and ${String(last.value)} in ${other}:${line}`;
      talk.warn({ code: 'policy-replaced', what, help: 'the later file counts' }, spanOf(said));
    }
    last = said;
  }
  return last;
};
