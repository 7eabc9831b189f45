import type { ListingReader } from '../iptables/grammar.ts';
/** How `iptables -L` lists the matches with a source and a destination port (their print callbacks). */

const portPart = /^ *(spts?|dpts?):(!?)([^\s:]+)(?::([^\s:]+))?(?= |$)/;

/** The options that the front of a listing's text says, and how much of it they are. */
export interface Taken {
  readonly words: readonly string[];
  readonly length: number;
}

/** Takes one part after the other from the front of `text`, from `start` on, as long as `take` finds one. */
export const takeParts = (text: string, start: number, take: (rest: string) => Taken | undefined): Taken => {
  const words: string[] = [];
  let length = start;
  for (let part = take(text.slice(length)); part; part = take(text.slice(length))) {
    words.push(...part.words);
    length += part.length;
  }
  return { words, length };
};

export const takePort = (rest: string): Taken | undefined => {
  const part = portPart.exec(rest);
  if (!part) return undefined;
  const [whole, name = '', inverted, low = '', high] = part;
  const ports = high === undefined ? low : `${low}:${high}`;
  const option = name.startsWith('s') ? '--sport' : '--dport';
  return { words: inverted ? ['!', option, ports] : [option, ports], length: whole.length };
};

/** `udp spt:53 dpts:1024:65535` with `!` after the colon; without options just the name. `takeMore` reads the match's own parts. */
export const portListing = (
  protocol: string,
  takeMore: (rest: string, numeric: boolean) => Taken | undefined = () => undefined,
): ListingReader => {
  const name = new RegExp(`^${protocol}(?= |$)`);
  return (text, { numeric }) =>
    name.test(text) ? takeParts(text, protocol.length, (rest) => takePort(rest) ?? takeMore(rest, numeric)) : undefined;
};
