/** Text in at most 100 columns. */
import { visible } from './render.ts';

const widest = 100;

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
