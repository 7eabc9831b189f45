// Markdown: rendered by a parser with HTML and links on, as forges do, and searched for what must not be there.
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visible } from '../../../src/diagnostics/render.ts';
import { markdown } from '../../../src/audit/report/markdown.ts';
import { block, code, inline } from '../../../src/audit/report/markdown-text.ts';
import { evil, fleetReport, hostileReport, node1, report, setting, whole } from './fixture.ts';
import { anyReport } from './strings.ts';

interface Token {
  readonly type: string;
  readonly tag: string;
  readonly content: string;
  readonly children: readonly Token[] | null;
  readonly attrs: readonly (readonly [string, string])[] | null;
}
interface Parser {
  readonly parse: (text: string, env: object) => readonly Token[];
  readonly render: (text: string) => string;
}
type MakeParser = new (options: { readonly html: boolean; readonly linkify: boolean }) => Parser;

const MarkdownIt = createRequire(import.meta.url)('markdown-it') as MakeParser;
const parser = new MarkdownIt({ html: true, linkify: true });

const tokensIn = (text: string): readonly Token[] =>
  parser.parse(text, {}).flatMap((token) => [token, ...(token.children ?? [])]);

/** Tags of HTML that the report writes itself. */
const own = /^(?:<\/?(?:details|summary|b)>|<!-- -->|<\/details>)$/;

const checkHarmless = (text: string): void => {
  const tokens = tokensIn(text);
  expect(tokens.filter(({ type }) => type === 'image')).toEqual([]);
  const links = tokens.filter(({ type }) => type === 'link_open').map(({ attrs }) => attrs?.find(([name]) => name === 'href')?.[1]); // prettier-ignore
  expect(links.filter((href) => !/^https:\/\/(?:www\.cve\.org\/|github\.com\/(?:advisories|moby)\/)/.test(href ?? ''))).toEqual([]); // prettier-ignore
  const tags = tokens
    .filter(({ type }) => type === 'html_inline' || type === 'html_block')
    .flatMap(({ content }) => content.match(/<!--[^]*?-->|<[^>]*>?/g) ?? []);
  expect(tags.filter((tag) => !own.test(tag))).toEqual([]);
  const count = (tag: string): number => tags.filter((one) => one === tag).length;
  expect(count('</details>')).toBe(count('<details>'));
  // Someone who is mentioned gets a mail.
  const prose = tokens.filter(({ type }) => type === 'text').map(({ content }) => content);
  expect(prose.filter((one) => /@\w|#\d/.test(one) && !/^moby#\d+$/.test(one))).toEqual([]);
};

/** What a reader sees of the prose of a document, without its markup. */
const proseIn = (text: string): string =>
  tokensIn(text)
    .filter(({ type }) => type === 'text' || type === 'code_inline' || type === 'text_special')
    .map(({ content }) => content)
    .join('');

describe('markdown', () => {
  it.each([
    ['one host', report],
    ['several', fleetReport],
    ['hostile names', hostileReport],
  ] as const)('of %s is harmless', (_name, one) => {
    checkHarmless(whole(markdown(one, setting)));
  });

  it('is harmless whatever is in it', () => {
    fc.assert(
      fc.property(anyReport, (one) => checkHarmless(whole(markdown(one, setting)))),
      { numRuns: 60 },
    );
  });

  it('says of every finding what was seen, its rules and its fix', () => {
    const text = whole(markdown(report, setting));
    const prose = proseIn(text);
    const fences = tokensIn(text)
      .filter(({ type }) => type === 'fence')
      .map(({ content }) => content);
    for (const { title, subject, what, means, evidence, fix, witness } of node1.findings) {
      for (const part of [title, subject, what, means]) expect(prose).toContain(part);
      for (const { text: rule, file, note } of evidence)
        for (const part of [rule, file, note ?? '']) expect(prose).toContain(part);
      for (const { commands } of fix) expect(fences).toContain(`${commands.join('\n')}\n`);
      if (witness) expect(fences).toContain(`${witness.trace.join('\n')}\n`);
    }
  });

  it.each([
    ['one', report],
    ['hostile', hostileReport],
    ['several', fleetReport],
  ] as const)('has tables whose rows are all as wide (%s)', (_name, one) => {
    const html = parser.render(whole(markdown(one, setting)));
    const tables = [...html.matchAll(/<table>([^]*?)<\/table>/g)].map(([, table]) => table ?? '');
    expect(tables.length).toBeGreaterThan(0);
    for (const table of tables) {
      const widths = table.split('<tr>').slice(1).map((row) => (row.match(/<t[hd][ >]/g) ?? []).length); // prettier-ignore
      expect(new Set(widths).size).toBe(1);
    }
    expect(html.match(/<table>/g)?.length).toBe(whole(markdown(one, setting)).match(/^\| :?---/gm)?.length);
  });

  it('has hosts by findings where there are several', () => {
    const text = whole(markdown(fleetReport, setting));
    expect(text).toContain('| **HIGH** | **HIGH** | accepted | low | low |');
    expect(text).toMatch(/^\| rules\\-only \| \? \| \? \| \? \| \? \| info \|$/m);
  });
});

describe('text in Markdown', () => {
  it.each(evil)('comes back as it was: %j', (text) => {
    const seen = visible(text).replaceAll(/\p{Surrogate}/gu, '\ufffd');
    expect(proseIn(`x ${inline(text)} x`)).toBe(`x ${seen} x`);
    expect(proseIn(code(text))).toBe(seen);
    expect(tokensIn(block([text]).join('\n')).map(({ content }) => content)).toEqual([`${text.split('\n').map((line) => visible(line).replaceAll(/\p{Surrogate}/gu, '\ufffd')).join('\n')}\n`]); // prettier-ignore
  });
});
