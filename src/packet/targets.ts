/** What a word in front of `=` is about, by the context words in front of it. */
import { type KeyWord, isUnfinished, keyContexts, keyWords } from './keywords.ts';
import { keyInfo } from './field.ts';
import { type HeaderName, headerNames, isHeaderName, layouts } from './layout.ts';
import { number } from './values.ts';

export type Special =
  'hook' | 'family' | 'payload' | 'length' | 'truncate' | 'bytes' | 'link' | 'l4proto' | 'frag-off' | 'more-fragments';

export type Target =
  | { readonly kind: 'field'; readonly header: HeaderName; readonly field: string }
  | { readonly kind: 'rest'; readonly header: HeaderName }
  | { readonly kind: 'key'; readonly word: KeyWord }
  | { readonly kind: 'special'; readonly name: Special }
  /** The packet's bytes say it. */
  | { readonly kind: 'derived' };

const specials: ReadonlyMap<string, Special> = new Map([
  ['hook', 'hook'],
  ['family', 'family'],
  ['nfproto', 'family'],
  ['payload', 'payload'],
  ['length', 'length'],
  ['truncate', 'truncate'],
  ['bytes', 'bytes'],
  ['link', 'link'],
  ['l4proto', 'l4proto'],
  ['frag-off', 'frag-off'],
  ['more-fragments', 'more-fragments'],
]);

const metaSpecials: readonly string[] = ['length', 'nfproto', 'l4proto'];

/** Keys that Packet never carries: the simulator reads them off the bytes. */
const isDerived = (key: string): boolean =>
  /^(?:length|l4proto|xtproto|(?:xt)?fragoff|(?:tcpopt|sctp|exthdr)\..+)$/.test(key);

/** A key by its own name, such as `ct.original.saddr4`. */
const dotted = (name: string): Target | undefined => {
  const info = keyInfo(name);
  if (!info) return undefined;
  if (isDerived(name)) return { kind: 'derived' };
  return { kind: 'key', word: { key: name, value: info.kind === 'name' ? 'text' : number(info.bits) } };
};

const inHeader = (header: HeaderName, name: string): Target | undefined => {
  if (layouts[header].fields.has(name)) return { kind: 'field', header, field: name };
  return layouts[header].rest?.word === name ? { kind: 'rest', header } : undefined;
};

/** The target of a word in a context ('' for none), or undefined. */
export const targetOf = (context: string, name: string): Target | undefined => {
  const found = isHeaderName(context) ? inHeader(context, name) : undefined;
  if (found) return found;
  const special =
    context === '' || (context === 'meta' && metaSpecials.includes(name)) ? specials.get(name) : undefined;
  if (special) return { kind: 'special', name: special };
  const word = keyWords(context)?.get(name);
  if (word) return { kind: 'key', word };
  return context === '' ? dotted(name) : undefined;
};

/** Whether a word alone can stand here: it is a context, or may become one with the words that follow. */
export const isContext = (context: string): boolean =>
  context !== '' && (isHeaderName(context) || isUnfinished(context) || keyWords(context) !== undefined);

/** Every word that can stand in a context, for suggestions. */
export const wordsIn = (context: string): readonly string[] => {
  const header = isHeaderName(context) ? [...layouts[context].fields.keys(), layouts[context].rest?.word ?? ''] : [];
  const more = context === '' ? [...specials.keys()] : context === 'meta' ? metaSpecials : [];
  return [...header, ...more, ...(keyWords(context)?.keys() ?? [])].filter((word) => word !== '');
};

export const contextWords: readonly string[] = [...headerNames, ...keyContexts];

/** Two targets that are about the same. */
export const isSame = (a: Target, b: Target): boolean => {
  if (a.kind === 'key' && b.kind === 'key') return a.word.key === b.word.key;
  if (a.kind === 'special' && b.kind === 'special') return a.name === b.name;
  // `frag-off` and `more-fragments` without a context are the header's own.
  if (a.kind === 'field' && b.kind === 'special') return a.field === b.name && ['ip', 'frag'].includes(a.header);
  return false;
};
