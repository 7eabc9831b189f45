/** Programs whose answers are written down, as far as they are to be kept; who asks gets what a replay will give. */
import type { Answer, Programs } from '../guard/programs.ts';
import { isList, isObject, type Json, property } from '../nftables/json.ts';
import { readArray } from '../nftables/json-text.ts';
import { commandLine, linesIn, type Recorded } from './document.ts';
import { keptOf } from './kept.ts';
import { answerOf } from './replay.ts';

/** Seconds. The client of an engine on a busy host takes one to start. */
const limits: Readonly<Record<string, number>> = { docker: 10, 'firewall-cmd': 5 };
const usualLimit = 30;

const isText = (value: Json): boolean => isList(value) && value.every((item) => typeof item === 'string');

/** Json that the document would take for lines, or for no answer. */
const isAmbiguous = (value: Json): boolean =>
  isText(value) || (!isList(value) && !isObject(value)) || isObject(property(value, 'missing')) || property(value, 'missing') === true || typeof property(value, 'failed') === 'string'; // prettier-ignore

const parsed = (text: string): Json | undefined => {
  try {
    // What JSON.parse gives is Json.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

/** nft's numbers may have more digits than JSON.parse keeps. */
const listing = (text: string): Json | undefined => {
  const elements = readArray(text, 'nftables');
  return 'kind' in elements ? undefined : { nftables: elements.map(({ value }) => value) };
};

const isJson = (args: readonly string[]): boolean => args.includes('-j');

/** An address that could not be reached may have a password in it: `http://user:password@proxy`. */
const withoutSecrets = (why: string): string =>
  why.replaceAll(/\/\/[^/\s]*@/g, '//…@').replace(/^([^]{300})[^]+$/, '$1…');

export const recordedOf = (program: string, args: readonly string[], answer: Answer): Recorded => {
  if (answer.kind === 'missing') return { kind: 'missing' };
  if (answer.kind === 'failed') return { kind: 'failed', why: withoutSecrets(answer.why) };
  const kept = keptOf(program, args, answer.text);
  if (kept === undefined) return { kind: 'failed', why: 'it answers something else than was asked' };
  const text = 'text' in kept ? kept.text : '';
  const value =
    'json' in kept ? kept.json : !isJson(args) ? undefined : program === 'nft' ? listing(text) : parsed(text);
  return value === undefined || isAmbiguous(value) ? { kind: 'text', lines: linesIn(text) } : { kind: 'json', value };
};

/** Whether a question can be asked as it is, has an answer without, or has to be asked in other words. */
export type Way = 'ask' | 'nothing' | readonly [program: string, ...args: string[]];

export interface Recorder {
  readonly programs: Programs;
  /** All that were asked so far, in the order of the questions. */
  readonly answers: () => Promise<ReadonlyMap<string, Recorded>>;
}

/** Each question is asked once. An engine that did not answer in time is not asked again. */
export const recorder = (
  programs: Programs,
  wayOf: (program: string, args: readonly string[]) => Way = () => 'ask',
): Recorder => {
  const asked = new Map<string, Promise<Recorded>>();
  const slow = new Set<string>();
  const put = async (program: string, args: readonly string[]): Promise<Recorded> => {
    const way = wayOf(program, args);
    if (way === 'nothing') return { kind: 'text', lines: [] };
    if (slow.has(program)) return { kind: 'failed', why: `${program} did not answer an earlier question in time` };
    const limit = limits[program] ?? usualLimit;
    const [first, ...rest] = way === 'ask' ? [program, ...args] : way;
    const answer = await programs.ask(first, rest, limit);
    if (answer.kind === 'failed' && answer.why.startsWith('it does not answer within')) slow.add(program);
    return recordedOf(program, args, answer);
  };
  return {
    programs: {
      ask: async (program, args) => {
        const key = commandLine(program, args);
        const known = asked.get(key) ?? put(program, args);
        asked.set(key, known);
        return answerOf(await known);
      },
    },
    answers: async () => {
      const all = new Map<string, Recorded>();
      for (const [key, answer] of asked) all.set(key, await answer);
      return all;
    },
  };
};
