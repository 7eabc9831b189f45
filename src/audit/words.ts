/** Words that findings share. */
import type { Family } from '../netfilter/family.ts';

export const familyWords: Readonly<Record<Family, string>> = { ip: 'IPv4', ip6: 'IPv6' };

/** `1 rule`, `3 rules`. */
export const countOf = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** `a`, `a and b`, `a, b and c`; behind the first `most` how many more there are. */
export const listed = (names: readonly string[], most = 6): string => {
  const shown = names.length > most ? [...names.slice(0, most), `${names.length - most} more`] : names;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1) ?? ''}`;
};
