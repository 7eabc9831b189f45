// What pages of mdoc(7) are written with.

/** Set by hand when the pages are released anew; a clock would make every build another page. */
export const dated = 'November 28, 2026';

export const bySpelling = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** Running text. roff reads a leading dot or quote as a request and may turn a hyphen into another character. */
export const text = (words) =>
  words
    .replaceAll('\\', '\\e')
    .replace(/(?<![\w.])-{1,2}\w[\w-]*/g, (option) => option.replaceAll('-', '\\-'))
    .replaceAll('…', '...')
    .replace(/`([^`]*)`/g, '\\(oq$1\\(cq')
    .replace(/^(?=[.'])/gm, '\\&');

/** One argument of a macro: never a macro or a delimiter itself. */
export const argument = (words) => {
  const escaped = words.replaceAll('\\', '\\e').replaceAll('…', '...').replaceAll('"', '\\(dq');
  const guarded = /^(?:[A-Z][A-Za-z0-9]{0,2}|[^\w\s]+)$/.test(escaped) ? `\\&${escaped}` : escaped;
  return /\s/.test(guarded) ? `"${guarded}"` : guarded;
};

/** A phrase as a sentence of its own, each sentence on its own line as mdoc wants it. */
export const sentences = (phrase) => {
  const capital = /^[a-z]/.test(phrase) && !/^(?:iptables|ip6tables|nft|nftables|nfnetlink_acct|dnfw)\b/.test(phrase);
  const begun = capital ? `${phrase[0].toUpperCase()}${phrase.slice(1)}` : phrase;
  const whole = /[.!?]$/.test(begun) ? begun : `${begun}.`;
  return whole.split(/(?<=[.;]) (?=[A-Z-])/).map(text);
};

export const list = (words, last) =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
