/** Text as HTML: whatever is put into a template is escaped, unless a template made it. */
import { visible } from '../../diagnostics/render.ts';

/** Made by `html` only. */
export interface Html {
  readonly markup: string;
}

type Value = string | number | Html | undefined | readonly Value[];

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }; // prettier-ignore

/** For elements and for attributes in quotes. Lines stay; other control characters are shown. */
export const escaped = (text: string): string =>
  text
    .split('\n')
    .map(visible)
    .join('\n')
    .replaceAll(/\p{Surrogate}/gu, '\ufffd')
    .replaceAll(/[&<>"']/g, (c) => escapes[c] ?? c);

const markupOf = (value: Value): string => {
  if (value === undefined) return '';
  if (typeof value === 'string') return escaped(value);
  if (typeof value === 'number') return String(value);
  return 'markup' in value ? value.markup : value.map(markupOf).join('');
};

export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Html => ({
  markup: strings.map((part, index) => `${part}${markupOf(values[index])}`).join(''),
});

export const nothing: Html = { markup: '' };
