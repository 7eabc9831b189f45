/** XML 1.0: an element with its attributes and what is in it, escaped. */
import { visible } from '../../diagnostics/render.ts';

/** Text of which XML cannot hold every character, escaped or not: pictures stand for those. Tabs and lines stay. */
const allowed = (text: string): string =>
  text
    .split(/(\r\n|\n|\t)/)
    .map((part, index) => (index % 2 === 0 ? visible(part) : part.replace('\r', '')))
    .join('')
    .replaceAll(/\p{Surrogate}|[\ufffe\uffff]/gu, '\ufffd');

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** For text and for attributes. A parser would make blanks of an attribute's lines and tabs. */
export const xmlText = (text: string): string => allowed(text).replaceAll(/[&<>"']/g, (c) => escapes[c] ?? c);

const xmlAttribute = (text: string): string => xmlText(text).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');

type Attributes = Readonly<Record<string, string | number>>;

export const openTag = (name: string, attributes: Attributes = {}): string =>
  `<${name}${Object.entries(attributes).map(([key, value]) => ` ${key}="${xmlAttribute(String(value))}"`).join('')}>`; // prettier-ignore

export const element = (name: string, attributes: Attributes, text = ''): string => {
  const open = openTag(name, attributes);
  return text === '' ? `${open.slice(0, -1)}/>` : `${open}${xmlText(text)}</${name}>`;
};
