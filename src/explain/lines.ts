/** Text in at most 100 columns. */
import { wrapped } from '../diagnostics/wrap.ts';

/** Where what is said under a heading begins. */
const margin = 11;

/** Sentences under a heading, each beginning on a line of its own. */
export const section = (heading: string, sentences: readonly string[], indent = 0): readonly string[] =>
  sentences.flatMap((sentence, i) => {
    const head = `${' '.repeat(indent)}${i === 0 ? heading : ''}`.padEnd(indent + margin);
    return wrapped(head, indent + margin + 2, sentence);
  });

/** As `section`, for a list of which every line is an item. */
export const listSection = (heading: string, items: readonly string[], indent = 0): readonly string[] =>
  section(heading, items.length > 1 ? items.map((item) => `- ${item}`) : items, indent);
