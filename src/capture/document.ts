/**
 * A capture: what the programs of a host answered when dnfw asked them. Replayed, it is read by whatever reads the live
 * host; there is no second way to read one.
 */
import type { GuardRecords } from '../guard/records.ts';
import type { Json } from '../nftables/json.ts';

export const captureKind = 'dnfw-capture';
export const captureVersion = 1;

/**
 * What was answered. `line`: where the first line, or the first object, stands in the file that the capture was read
 * from, if each of the others stands on the next one.
 */
export type Recorded =
  | { readonly kind: 'text'; readonly lines: readonly string[]; readonly line?: number }
  | { readonly kind: 'json'; readonly value: Json; readonly line?: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: string };

/** By command line: `iptables-nft-save -c`. In a namespace, as it would be there. */
export type Answers = ReadonlyMap<string, Recorded>;

/** `loadable`: the kernel has it on its disk, and nobody has needed it. */
export const moduleStates = ['loaded', 'built in', 'loadable', 'absent'] as const;
export type ModuleState = (typeof moduleStates)[number];

export interface CapturedNamespace {
  readonly name: string;
  readonly answers: Answers;
}

/** What could not be read, and why. */
export interface NotRead {
  readonly what: string;
  readonly why: string;
}

export interface Capture {
  /** The dnfw that took it. */
  readonly dnfw: string;
  /** ISO 8601. */
  readonly taken: string;
  readonly host: { readonly name: string; readonly kernel: string; readonly machine: string };
  /** SSH_CONNECTION of the process that took it and of its parents, nearest first; null where there is none. */
  readonly connections: readonly (string | null)[];
  readonly answers: Answers;
  /** By path. */
  readonly files: Answers;
  /** Those of which it is known. */
  readonly modules: ReadonlyMap<string, ModuleState>;
  /** null: there is no guard, and there was none. Undefined: not known. */
  readonly guard: GuardRecords | null | undefined;
  /** Those of containers and networks; undefined: not known. */
  readonly namespaces: readonly CapturedNamespace[] | undefined;
  readonly notRead: readonly NotRead[];
}

export const commandLine = (program: string, args: readonly string[]): string => [program, ...args].join(' ');

/** The lines of a text; what stands behind the last line feed is a line if it is anything. */
export const linesIn = (text: string): readonly string[] => {
  const lines = text.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
};

/** The words of a file, or of what a program printed; undefined if that is not known. */
export const wordsOf = (recorded: Recorded | undefined): string | undefined =>
  recorded?.kind === 'text' ? recorded.lines.join('\n').trim() : undefined;
