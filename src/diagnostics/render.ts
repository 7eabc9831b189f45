import type { Diagnostic, Span } from './diagnostic.ts';

/** Paints a part of a message. The plain painter returns its text; only `cli/` knows whether colours are allowed. */
export type Paint = (style: 'error' | 'warning' | 'note' | 'place' | 'caret' | 'strong', text: string) => string;

export const plain: Paint = (_style, text) => text;

const widest = 160;

/** Control characters of an input must not reach a terminal: they are shown as their Unicode pictures. */
export const visible = (text: string): string =>
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is replaced here
  text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const code = c.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });

const drawn = (span: Span, paint: Paint): string[] => {
  // A line of a huge file may be megabytes long: only the part around the place is drawn.
  const start = Math.max(0, Math.min(span.column - 1 - Math.floor(widest / 2), span.text.length - widest));
  const part = span.text.slice(start, start + widest);
  const lead = start > 0 ? '…' : '';
  const tail = start + widest < span.text.length ? '…' : '';
  const number = String(span.line);
  const gutter = ' '.repeat(number.length);
  const column = span.column - 1 - start + lead.length;
  const length = Math.max(1, Math.min(span.length, part.length + lead.length - column));
  return [
    `${gutter} |`,
    `${number} | ${lead}${visible(part)}${tail}`,
    `${gutter} | ${' '.repeat(column)}${paint('caret', '^'.repeat(length))}`,
  ];
};

/** A diagnostic as lines of text: place, what, the source line with a caret, why, help. No trailing newline. */
export const render = (diagnostic: Diagnostic, paint: Paint = plain): string => {
  const { span, severity } = diagnostic;
  const place = span ? `${paint('place', `${visible(span.file)}:${span.line}:${span.column}`)}: ` : '';
  const lines = [`${place}${paint(severity, severity)}[${diagnostic.code}]: ${visible(diagnostic.what)}`];
  if (span) lines.push(...drawn(span, paint));
  if (diagnostic.why) lines.push(`  why: ${visible(diagnostic.why)}`);
  if (diagnostic.help) lines.push(`  help: ${visible(diagnostic.help)}`);
  return lines.join('\n');
};
