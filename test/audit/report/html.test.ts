// HTML in a real browser: what is in it, what is not, how wide it is, what can be read of it and what is printed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { htmlPage } from '../../../src/audit/report/html.ts';
import { escaped, html } from '../../../src/audit/report/html-tag.ts';
import type { Report } from '../../../src/audit/report/types.ts';
import { visible } from '../../../src/diagnostics/render.ts';
import { evil, fleetReport, hostileReport, node1, report, setting, whole } from './fixture.ts';

const reports: Readonly<Record<string, Report>> = {
  one: report,
  several: fleetReport,
  hostile: hostileReport,
  clean: { ...report, hosts: [{ ...node1, findings: [], lacks: [], ladder: [], overlays: [], exposure: [] }] },
};

let folder = '';
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dnfw-html-'));
  for (const [name, one] of Object.entries(reports)) writeFileSync(join(folder, `${name}.html`), whole(htmlPage(one, setting))); // prettier-ignore
  browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'], // prettier-ignore
  });
});

afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Look {
  readonly width?: number;
  readonly scheme?: 'light' | 'dark';
  readonly scripts?: boolean;
}

interface Opened {
  readonly page: Page;
  /** Beside the file itself. */
  readonly requests: readonly string[];
  readonly said: readonly string[];
}

const open = async (name: string, { width = 1280, scheme = 'light', scripts = true }: Look = {}): Promise<Opened> => {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, javaScriptEnabled: scripts }); // prettier-ignore
  const page = await context.newPage();
  const file = pathToFileURL(join(folder, `${name}.html`)).href;
  const requests: string[] = [];
  const said: string[] = [];
  await page.route('**/*', async (route) => {
    if (route.request().url() === file) return route.continue();
    requests.push(route.request().url());
    return route.abort();
  });
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(error.message));
  await page.goto(file);
  return { page, requests, said };
};

/** Runs in the page. Scripts of the report itself are forbidden to it; the browser's owner may. */
const ask = async <T>(page: Page, expression: string): Promise<T> => (await page.evaluate(expression)) as T;

/** Text as it stands in the document, shown or not; blanks folded. */
const textOf = async (page: Page, selector = 'body'): Promise<string> =>
  (await page.locator(selector).allTextContents()).join(' ').replaceAll(/\s+/g, ' ');

const flat = (text: string): string =>
  text.split('\n').map(visible).join('\n').replaceAll(/\p{Surrogate}/gu, '\ufffd').replaceAll(/\s+/g, ' ').trim(); // prettier-ignore

describe.each(Object.keys(reports))('the page of %s', (name) => {
  it.each([
    ['wide and light', {}],
    ['wide and dark', { scheme: 'dark' }],
    ['narrow and light', { width: 375 }],
    ['narrow and dark', { width: 375, scheme: 'dark' }],
  ] as const)('asks for nothing, runs nothing, complains of nothing and fits: %s', async (_how, look) => {
    const { page, requests, said } = await open(name, look);
    await ask(page, "document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    expect({ requests, said }).toEqual({ requests: [], said: [] });
    expect(await ask(page, 'typeof globalThis.hit')).toBe('undefined');
    expect(await ask(page, "document.querySelectorAll('script, img, iframe, object, link, form, [onerror], [onmouseover]').length")).toBe(0); // prettier-ignore
    expect(await ask(page, 'document.documentElement.scrollWidth')).toBe(look && 'width' in look ? look.width : 1280);
    await page.context().close();
  });

  it('has the same in it without scripts', async () => {
    const texts: string[] = [];
    for (const scripts of [true, false]) {
      const { page } = await open(name, { scripts });
      texts.push(await textOf(page, 'main'));
      await page.context().close();
    }
    expect(texts[1]).toBe(texts[0]);
    expect(texts[0]?.length).toBeGreaterThan(20);
  });

  it('is well formed: no place has the name of another, and every link leads somewhere', async () => {
    const { page } = await open(name);
    const ids = await ask<string[]>(page, "[...document.querySelectorAll('[id]')].map((one) => one.id)");
    expect(new Set(ids).size).toBe(ids.length);
    const links = await ask<string[]>(
      page,
      "[...document.querySelectorAll('a')].map((one) => one.getAttribute('href'))",
    );
    for (const link of links) expect(link.startsWith('#') ? ids.includes(link.slice(1)) : /^https:\/\/(?:www\.cve\.org|github\.com)\//.test(link)).toBe(true); // prettier-ignore
    await page.context().close();
  });

  it.each(['light', 'dark'] as const)('can be read by whoever sees little: contrast of 4.5 in %s', async (scheme) => {
    const { page } = await open(name, { scheme });
    await ask(page, "document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    const weak = await ask<string[]>(
      page,
      `(() => {
        const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const ground = (one) => { for (let e = one; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0.99) return c; } return [255, 255, 255]; };
        const behind = (one) => { const box = one.closest('.chain-box'); const rect = box && box.querySelector('rect'); return rect ? rgb(getComputedStyle(rect).fill) : ground(one); };
        const found = new Set();
        for (const one of document.querySelectorAll('body *')) {
          if (![...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== '') || ['TITLE', 'title', 'STYLE'].includes(one.tagName)) continue;
          const style = getComputedStyle(one);
          const front = light(rgb(one instanceof SVGElement ? style.fill : style.color));
          const back = light(behind(one));
          const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
          if (ratio < 4.5) found.add(one.tagName + '.' + (one.className.baseVal ?? one.className) + ' ' + ratio.toFixed(2));
        }
        return [...found];
      })()`,
    );
    expect(weak).toEqual([]);
    await page.context().close();
  });
});

describe('the page of one host', () => {
  it('says everything of every finding without opening anything but the trace', async () => {
    const { page } = await open('one');
    const cards = page.locator('article.finding');
    expect(await cards.count()).toBe(node1.findings.length);
    for (const [index, finding] of node1.findings.entries()) {
      const seen = (await cards.nth(index).innerText()).replaceAll(/\s+/g, ' ');
      const { title, subject, what, means, code, evidence, fix, accepted, references, witness } = finding;
      for (const part of [title, subject, what, means, code, accepted?.reason ?? '', ...references])
        expect(seen).toContain(part);
      for (const { file, line, text, note } of evidence) expect(seen).toContain(flat(`${line === 0 ? file : `${file}:${line}`} ${note ?? ''} ${text}`)); // prettier-ignore
      for (const { what: how } of fix) expect(seen).toContain(how);
      if (witness) {
        expect(seen).toContain('dnfw simulate node.iptables-save node.ip6tables-save --packet');
        expect(seen).not.toContain('policy accept');
        await cards.nth(index).locator('summary').click();
        const trace = (await cards.nth(index).innerText()).replaceAll(/\s+/g, ' ');
        for (const line of witness.trace) expect(trace).toContain(flat(line));
      }
    }
    await page.context().close();
  });

  it('begins with all findings, worst first whatever their job', async () => {
    const { page } = await open('one');
    const rows = await page.locator('[aria-label="Findings"] tbody tr td:first-child').allTextContents();
    expect(rows).toEqual(['high', 'high', 'low', 'low', 'info', 'accepted']);
    await page.locator('[aria-label="Findings"] a').last().click();
    expect(page.url()).toMatch(/#finding-3$/);
    await page.context().close();
  });

  it('has the ladder as a picture, with the owner of each chain', async () => {
    const { page } = await open('one');
    const hooks = await page.locator('svg .hook').allTextContents();
    expect(hooks).toEqual(['prerouting', 'input', 'forward', 'output', 'postrouting']);
    const titles = await page.locator('svg title').allTextContents();
    for (const { rungs } of node1.ladder)
      for (const { table, chain, owner, policy, family } of rungs)
        expect(titles.some((title) => title.includes(` ${table} ${chain}: ${owner},`) && title.includes(`policy ${policy}`) && title.split(`${table} `)[0]?.includes(family))).toBe(true); // prettier-ignore
    // From top to bottom by priority.
    const tops = await ask<[string, number, number][]>(page, "[...document.querySelectorAll('svg svg')].map((one) => [one.querySelector('title').textContent, Number(one.getAttribute('x')), Number(one.getAttribute('y'))])"); // prettier-ignore
    const order = (words: string): number => tops.find(([title]) => title.includes(words))?.[2] ?? Number.NaN;
    expect(order('mangle INPUT')).toBeLessThan(order('dnfw input'));
    expect(order('dnfw input')).toBeLessThan(order('filter INPUT'));
    expect(order('filter INPUT')).toBeLessThan(order('firewalld filter_INPUT'));
    // No box lies on another one.
    const boxes = await ask<{ x: number; y: number; width: number; height: number }[]>(page, "[...document.querySelectorAll('svg svg')].map((one) => ({ x: +one.getAttribute('x'), y: +one.getAttribute('y'), width: +one.getAttribute('width'), height: +one.getAttribute('height') }))"); // prettier-ignore
    for (const [index, a] of boxes.entries())
      for (const b of boxes.slice(index + 1))
        expect(a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y).toBe(
          true,
        );
    await page.context().close();
  });

  it('has the ladder as a list where the picture would be too small', async () => {
    const { page } = await open('one', { width: 375 });
    expect(await page.locator('.picture').isVisible()).toBe(false);
    expect((await page.locator('.narrow').innerText()).replaceAll(/\s+/g, ' ')).toContain('0 ip + ip6 filter INPUT Docker, ufw · iptables-nft · policy drop'); // prettier-ignore
    await page.context().close();
  });

  it('has overlays and ports as tables', async () => {
    const { page } = await open('one');
    const rows = async (label: string): Promise<readonly string[]> =>
      (await page.locator(`[aria-label="${label}"] tbody tr`).allInnerTexts()).map((row) =>
        row.replaceAll(/\s+/g, ' ').trim(),
      );
    expect(await rows('Encrypted overlays')).toEqual([
      'payments VNI 4097 (0x1001), port 4789, IPv4 1 1 1 ✓ guarded ✗ let in',
      'web VNI 4098 (0x1002), port 4789, IPv4 1 none 1 ✓ guarded ✓ dropped',
      'VNI 4103 (0x1007), port 4789, IPv4 none 1 none no ? it depends',
      'VNI 4104 (0x1008), port 4789, IPv6 2 none none no not known',
    ]);
    expect((await rows('Who reaches which port'))[2]).toBe('127.0.0.1:5432/tcp IPv4 published · 172.17.0.3:5432 ○ closed ● open ○ closed ● open'); // prettier-ignore
    await page.context().close();
  });

  it('can be printed: the traces are on paper too', async () => {
    const { page } = await open('one');
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('nav').isVisible()).toBe(false);
    expect(await page.locator('details pre').first().isVisible()).toBe(true);
    expect(await page.locator('.picture').isVisible()).toBe(true);
    const pdf = await page.pdf({ preferCSSPageSize: true });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    const pages = pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0;
    expect(pages).toBeGreaterThanOrEqual(2);
    expect(pages).toBeLessThan(15);
    await page.context().close();
  });
});

describe('the page of several hosts', () => {
  it('begins with hosts by findings, and each name leads to its host', async () => {
    const { page } = await open('several');
    const rows = await page.locator('table.matrix tbody tr').allInnerTexts();
    expect(rows.map((row) => row.replaceAll(/\s+/g, ' ').trim())).toEqual([
      'node1 H H a L L',
      'node2 · not there H · not there · not there L',
      `node3.of-a-very-long-domain-name.example.net${' · not there'.repeat(5)}`,
      `rules-only${' ? not looked for'.repeat(4)} i`,
    ]);
    await page.locator('table.matrix a').nth(1).click();
    expect(page.url()).toMatch(/#host-2$/);
    expect(await textOf(page, '#host-2 > summary')).toContain('node2');
    await page.context().close();
  });

  it('has the networks by node, what all show together, and who could not be read', async () => {
    const { page } = await open('several');
    const overlays = (await page.locator('[aria-label="Encrypted overlays by node"] tbody').allInnerTexts()).map((group) => group.replaceAll(/\s+/g, ' ')); // prettier-ignore
    expect(overlays).toHaveLength(4);
    expect(overlays[0]).toContain(
      'VNI 4097 (0x1001), port 4789, IPv4 node1 1 1 1 ✓ guarded ✗ let in node2 none 1 1 no ✗ let in',
    );
    const text = await textOf(page, 'main');
    for (const part of ['An encrypted network is sent in clear', 'node5: the file is no JSON: it ends early', 'known.yaml:7']) expect(text).toContain(part); // prettier-ignore
    await page.context().close();
  });
});

describe('hostile names', () => {
  it('are text, and all there', async () => {
    const { page } = await open('hostile');
    const text = (await textOf(page, 'main')).replaceAll(/\s+/g, ' ');
    for (const word of evil) expect(text).toContain(flat(word));
    expect(await page.title()).toBe('dnfw audit: 1 host');
    await page.context().close();
  });

  it.each(evil)('are escaped in elements and attributes: %j', (text) => {
    const { markup } = html`<p title="${text}">${text}</p>`;
    expect(markup).toBe(`<p title="${escaped(text)}">${escaped(text)}</p>`);
    expect(markup.slice(3, -4)).not.toMatch(/<(?!\/p|p)|"[^" ]*"[^>]*"/);
    expect(html`${html`<b>x</b>`}`.markup).toBe('<b>x</b>');
  });
});
