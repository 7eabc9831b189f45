/** How `iptables -L` shows the NAT targets. */
import type { ListingPart, ListingReader } from '../iptables/grammar.ts';
import { orNothing } from './log.ts';

/** ` random random-fully persistent` behind what has been read, whichever of them are there. */
const withFlags = (text: string, words: readonly string[], length: number): ListingPart => {
  const found = /^(?: ?(?:random-fully|random|persistent)(?= |$))*/.exec(text.slice(length))?.[0] ?? '';
  const flags = found.split(' ').filter((word) => word !== '');
  return { words: [...words, ...flags.map((word) => `--${word}`)], length: length + found.length };
};

/** `to:10.0.0.1:80 random persistent`, the same in both families. */
export const toListing =
  (option: string): ListingReader =>
  (text) => {
    const found = /^to:(\S+)(?= |$)/.exec(text);
    return found ? withFlags(text, [option, found[1] ?? ''], found[0].length) : undefined;
  };

/** `masq ports: 80-90 random`; nothing at all without options. */
export const portsListing = (front: string): ListingReader =>
  orNothing((text) => {
    const found = new RegExp(`^${front}(\\S+)(?= |$)`).exec(text);
    const part = found ? withFlags(text, ['--to-ports', found[1] ?? ''], found[0].length) : withFlags(text, [], 0);
    return part.length > 0 ? part : undefined;
  });
