/** Named sets in the text form of nft, nft(8). */
import { isTextName } from './names.ts';
import { printExpression, quoteText, type Refuse } from './text-expression.ts';
import type { SetElement, SetObject } from './types.ts';

const printElement = (element: SetElement, refuse: Refuse): string => {
  if (typeof element === 'string' || !('elem' in element)) return printExpression(element, undefined, refuse);
  const { val, comment } = element.elem;
  return `${printExpression(val, undefined, refuse)} comment ${quoteText(comment, 'the comment', refuse)}`;
};

/** The lines of `set NAME { … }`; undefined if something of it was refused. */
export const printSet = (
  { name, type, flags, elem = [] }: SetObject,
  refuse: Refuse,
): readonly string[] | undefined => {
  let spoilt = false;
  const spoil: Refuse = (what) => {
    spoilt = true;
    return refuse(what);
  };
  if (!isTextName(name)) spoil(`the set name ${JSON.stringify(name)} is no word that nft text takes`);
  const elements = elem.map((element) => printElement(element, spoil));
  const lines = elements.map((element, index) => `\t\t${element}${index < elements.length - 1 ? ',' : ''}`);
  const body = lines.length > 0 ? ['\telements = {', ...lines, '\t}'] : [];
  return spoilt ? undefined : [`set ${name} {`, `\ttype ${type}`, `\tflags ${flags.join(', ')}`, ...body, '}'];
};
