/** Text in at most 100 columns. */
import { visible } from '../diagnostics/render.ts';

const widest = 100;
/** Where what is said under a heading begins. */
const margin = 11;

/** Lines of at most `widest` columns, the first behind `first`, the others behind `hang` blanks. Long words are cut. */
export const wrapped = (first: string, hang: number, text: string): readonly string[] => {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  const flush = (): void => {
    lines.push(line.trimEnd());
    line = ' '.repeat(hang);
    empty = true;
  };
  for (const given of visible(text).split(' ')) {
    let word = given;
    if (!empty && line.length + 1 + word.length > widest) flush();
    for (; line.length + word.length > widest; flush()) {
      const room = widest - line.length;
      line += word.slice(0, room);
      word = word.slice(room);
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  flush();
  return lines;
};

/** Sentences under a heading, each beginning on a line of its own. */
export const section = (heading: string, sentences: readonly string[], indent = 0): readonly string[] =>
  sentences.flatMap((sentence, i) => {
    const head = `${' '.repeat(indent)}${i === 0 ? heading : ''}`.padEnd(indent + margin);
    return wrapped(head, indent + margin + 2, sentence);
  });

/** As `section`, for a list of which every line is an item. */
export const listSection = (heading: string, items: readonly string[], indent = 0): readonly string[] =>
  section(heading, items.length > 1 ? items.map((item) => `- ${item}`) : items, indent);
