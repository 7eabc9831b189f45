/** A capture as the programs that it was taken from: whoever reads the live host reads it the same way. */
import { callersOf } from '../guard/caller.ts';
import type { HostSeams } from '../guard/host.ts';
import type { Answer, AnswerPlace, Programs } from '../guard/programs.ts';
import { isList, type Json, property } from '../nftables/json.ts';
import { type Answers, type Capture, commandLine, type Recorded } from './document.ts';

/** One object a line: each then has the place of its own line. */
const jsonText = (value: Json): string => {
  const objects = property(value, 'nftables');
  if (!isList(objects)) return JSON.stringify(value);
  return `{"nftables": [${objects.map((one) => JSON.stringify(one)).join(',\n')}]}`;
};

/** What the program said. A question that nobody has asked has failed: what it would have said is not known. */
export const answerOf = (recorded: Recorded | undefined, place?: AnswerPlace): Answer => {
  if (recorded === undefined) return { kind: 'failed', why: 'the capture has no answer to this' };
  if (recorded.kind === 'missing' || recorded.kind === 'failed') return recorded;
  const text = recorded.kind === 'json' ? jsonText(recorded.value) : recorded.lines.map((line) => `${line}\n`).join('');
  return { kind: 'text', text, ...(place ? { place } : {}) };
};

/** Where lines are: those of the file, or, if they do not stand below each other in it, those of the answer. */
const placeIn = (
  file: string | undefined,
  program: string,
  recorded: Recorded | undefined,
): AnswerPlace | undefined => {
  if (file === undefined || recorded === undefined || !('line' in recorded || recorded.kind === 'text' || recorded.kind === 'json')) return undefined; // prettier-ignore
  return recorded.line === undefined ? { file: `${file}#${program}`, line: 1 } : { file, line: recorded.line };
};

/** `file`: what the capture was read from; without it, answers have no other place than the program that gave them. */
export const programsOf = (answers: Answers, file?: string): Programs => ({
  ask: (program, args) => {
    const recorded = answers.get(commandLine(program, args));
    return Promise.resolve(answerOf(recorded, placeIn(file, program, recorded)));
  },
});

export const seamsOf = ({ answers, connections }: Capture, file?: string): HostSeams => ({
  programs: programsOf(answers, file),
  ancestry: { environments: () => connections.map((one) => (one === null ? {} : { SSH_CONNECTION: one })) },
});

/** Those of a process whose callers are to be found again: nobody looks further than the first that is there. */
export const connectionsOf = (
  environments: readonly (Readonly<Record<string, string | undefined>> | undefined)[],
): readonly (string | null)[] => {
  const all = environments.map((one) => one?.['SSH_CONNECTION'] ?? null);
  const first = environments.findIndex((one) => callersOf({ environments: () => [one] }, []).length > 0);
  return first < 0 ? [] : all.slice(0, first + 1).map((one, index) => (index === first ? one : null));
};
