/** Packets as hex: plain digits, or the dumps of tcpdump -x, xxd, hexdump -C, od and Wireshark. */
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts';
import { type Taken, takeBytes } from './frame.ts';
import { fromHex, joined } from './octets.ts';

/** Longer input is no packet: a jumbo frame has less than a tenth of it. */
const most = 0x30000;

interface Line {
  readonly text: string;
  readonly number: number;
}

const spanAt = (file: string, { text, number }: Line, column: number, length: number): Span => ({
  file,
  line: number,
  column: column + 1,
  length: Math.max(1, length),
  text,
});

/** `0x0010:  ` or `00000010  `: an offset ends in a colon, or says how many bytes stood before it. */
const offsetLength = (text: string, before: number): number => {
  const found = /^\s*(?:0x)?([0-9a-f]{4,8})(:\s*|\s{2,}|\s+(?=(?:[0-9a-f]{2}\s)))/i.exec(text);
  if (!found) return 0;
  const [whole, digits = '', gap = ''] = found;
  const named = gap.startsWith(':') || gap.length > 1 ? Number.parseInt(digits, 16) === before : false;
  return named || (gap === ' ' && digits.length >= 6 && Number.parseInt(digits, 16) === before) ? whole.length : 0;
};

const dumpLine = 16;

/** How much of a dump's line is hex: the column of characters behind it begins at a bar or after a wide gap. */
const hexEnd = (text: string, from: number): number => {
  const bar = text.indexOf('|', from);
  if (bar >= 0) return bar;
  let digits = 0;
  for (let at = from; at < text.length; at++) {
    if (digits === 2 * dumpLine) return at;
    const rest = text.slice(at);
    if (/^\s{2,}/.test(rest)) {
      // A gap in the middle of a line is followed by pairs of digits and nothing else.
      const middle = digits === dumpLine && /^\s{2,}(?:[0-9a-f]{2}(?:\s|$)){1,8}/i.test(rest);
      if (!middle) return at;
      at += (/^\s+/.exec(rest)?.[0].length ?? 1) - 1;
    } else if (!/\s/.test(text[at] as string)) digits++;
  }
  return text.length;
};

/**
 * The bytes of a dump of one packet, and how they were understood. `file` is what the user called the input.
 */
export const readHex = (
  text: string,
  file: string = '--packet-hex',
): { readonly value: Taken | undefined; readonly diagnostics: readonly Diagnostic[] } => {
  const parts: Uint8Array[] = [];
  let size = 0;
  const fail = (what: string, span?: Span, help?: string): ReturnType<typeof readHex> => ({
    value: undefined,
    diagnostics: [
      {
        code: 'bad-packet',
        severity: 'error',
        what,
        ...(span ? { span } : {}),
        ...(help === undefined ? {} : { help }),
      },
    ],
  });
  if (text.length > most * 8) return fail('this is longer than any packet');
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const offset = offsetLength(line, size);
    const end = offset > 0 ? hexEnd(line, offset) : line.length;
    for (const found of line.slice(offset, end).matchAll(/[^\s,:.-]+/g)) {
      const token = found[0].replace(/^(?:0x|\\x)/i, '').replaceAll(/\\x/gi, '');
      const bytes = fromHex(token);
      if (!bytes || bytes.length === 0) {
        const span = spanAt(file, { text: line, number: index + 1 }, offset + found.index, found[0].length);
        return fail(
          `"${found[0]}" is no pairs of hex digits`,
          span,
          'give the bytes from the network header on, or a whole Ethernet frame',
        );
      }
      parts.push(bytes);
      size += bytes.length;
    }
    if (size > most) return fail('this is longer than any packet');
  }
  const found = takeBytes(joined(parts));
  if (!found)
    return fail(
      size === 0
        ? 'there are no bytes'
        : 'these bytes are neither an IPv4 or IPv6 packet nor an Ethernet frame with one',
      undefined,
      'give the bytes from the network header on (45… or 6…), or a whole Ethernet frame',
    );
  return { value: found, diagnostics: found.diagnostics };
};
