// The document of a capture: written, read again, and replayed, it says what the host said.
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import type * as source from '../../src/capture/validators.ts';
import { isCapture } from '../../src/capture/detect.ts';
import { readCapture } from '../../src/capture/read.ts';
import { seamsOf } from '../../src/capture/replay.ts';
import { captureSchema } from '../../src/capture/schema.ts';
import { checkCapture } from '../../src/capture/validators.ts';
import { type Host, readHost } from '../../src/guard/host.ts';
import { root } from '../cli/dnfw.ts';
import { captureOf, dockerHost, fakePrograms } from './fakes.ts';

const { taken, text, read } = await captureOf(dockerHost);
const lines = text.split('\n');

/** Without the places of lines: a program that was asked has others than a file. */
const withoutPlaces = (host: unknown): unknown =>
  JSON.parse(
    JSON.stringify(host, (key, value: unknown) => {
      if (['origin', 'place', 'file', 'span'].includes(key)) return undefined;
      if (value instanceof Map || value instanceof Set) return [...value];
      return typeof value === 'bigint' ? `${value}n` : value;
    }),
  );

const withoutLines = (capture: object): unknown =>
  JSON.parse(
    JSON.stringify(capture, (key, value: unknown) =>
      key === 'line' ? undefined : value instanceof Map ? [...value] : value,
    ),
  );

const told = (document: string, name = 'host.json'): readonly string[] =>
  readCapture({ name, text: document }).diagnostics.map(
    ({ code, span, severity }) => `${severity} ${code} ${span ? `${span.file}:${span.line}:${span.column}` : ''}`,
  );

describe('a capture', () => {
  it('is the same when it is written and read again', () => {
    expect(withoutLines(read)).toEqual(withoutLines(taken));
  });

  it('is read as the host is that it was taken from', async () => {
    const ancestry = { environments: () => [{ SSH_CONNECTION: '198.51.100.7 1 192.0.2.1 22' }] };
    const live = await readHost({ programs: fakePrograms(dockerHost), ancestry });
    const again = await captureOf(dockerHost, { ancestry });
    const replayed: Host = await readHost(seamsOf(again.read, 'host.json'));
    // Who else is connected to it is nobody's business.
    const sockets = live.sockets.filter(({ local }) => local.port !== 443);
    expect(live.sockets.length - sockets.length).toBe(1);
    expect(withoutPlaces(replayed)).toEqual(withoutPlaces({ ...live, sockets }));
    expect(replayed.callers).toEqual(live.callers);
    expect(replayed.gaps).toEqual([]);
  });

  it('keeps numbers that a double has no room for', async () => {
    const { nft } = await readHost(seamsOf(read, 'host.json'));
    const [rule] = [...(nft.tables[0]?.chains.values() ?? [])].flatMap(({ rules }) => rules);
    expect(JSON.stringify(rule?.statements)).toContain(`0x${12_345_678_901_234_567_890n.toString(16)}`);
  });

  it('has a line for each rule, and rules have those places', async () => {
    const host = await readHost(seamsOf(read, 'host.json'));
    const origins = host.iptables.tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules.map(({ origin }) => origin))); // prettier-ignore
    expect(origins.length).toBe(3);
    for (const origin of origins) {
      expect(origin.file).toBe('host.json');
      expect(JSON.parse((lines[origin.line - 1] ?? '').trim().replace(/,$/, ''))).toBe(origin.text);
    }
    const [table] = host.nft.tables;
    expect(lines[(table?.place.line ?? 0) - 1]).toContain('"table":{"family":"inet","name":"own"');
    const [rule] = [...(table?.chains.values() ?? [])].flatMap(({ rules }) => rules);
    expect(lines[(rule?.place.line ?? 0) - 1]).toContain('"drop":null');
  });

  it.each([
    ['jq -c', JSON.stringify(JSON.parse(text))],
    ['one key a line', JSON.stringify(JSON.parse(text), null, 0).replaceAll('","', '", "')],
  ])('formatted by %s has the lines of the program', async (_how, document) => {
    const { value } = readCapture({ name: 'host.json', text: document });
    const host = await readHost(seamsOf(value as NonNullable<typeof value>, 'host.json'));
    const places = host.iptables.tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules.map(({ origin }) => `${origin.file}:${origin.line}`))); // prettier-ignore
    expect(places).toEqual(['host.json#iptables-nft-save:5', 'host.json#iptables-nft-save:6', 'host.json#iptables-legacy-save:3']); // prettier-ignore
    expect(host.nft.tables[0]?.place).toEqual({ file: 'host.json#nft', line: 2 });
  });

  it('with its keys sorted and its lines indented otherwise is the same', async () => {
    const document = JSON.parse(text) as Record<string, unknown>;
    const sorted = Object.fromEntries(Object.entries(document).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const spread = JSON.stringify(sorted, null, 7).replaceAll('\n', '\r\n');
    expect(isCapture({ name: 'x', text: spread })).toBe(true);
    const { value } = readCapture({ name: 'host.json', text: `\ufeff${spread}` });
    expect(withoutLines({ ...value })).toEqual(withoutLines({ ...read }));
    const host = await readHost(seamsOf(value as NonNullable<typeof value>, 'host.json'));
    const [origin] = host.iptables.tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules)).map((rule) => rule.origin); // prettier-ignore
    expect(origin?.file).toBe('host.json');
    expect(spread.split('\n')[(origin?.line ?? 0) - 1]).toContain('--dport 22');
  });

  it('shows a terminal nothing that it would obey', async () => {
    const comment = `*filter\n:INPUT ACCEPT [0:0]\n[0:0] -A INPUT -m comment --comment "a\u001b[31m\u0085\u202e" -j DROP\nCOMMIT\n`;
    const hostile = await captureOf({ ...dockerHost, 'iptables-nft-save -c': comment });
    // eslint-disable-next-line no-control-regex -- these are what must not be there
    expect(hostile.text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(withoutLines(hostile.read)).toEqual(withoutLines(hostile.taken));
  });
});

describe('what is no capture of this version', () => {
  const line = (part: string): number => lines.findIndex((one) => one.includes(part)) + 1;
  const document = (): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
  const changed = (part: object): string => JSON.stringify({ ...document(), ...part }, null, 2);

  it.each([
    [1, 'cut in the middle', text.slice(0, text.length / 2), /^error json-syntax host\.json:\d+:\d+$/],
    [2, 'nothing behind its head', '{\n  "schemaVersion": 1,\n  "kind": "dnfw-capture"\n}\n', /^error capture-invalid host\.json:1:1$/], // prettier-ignore
    [3, 'newer', text.replace('"schemaVersion": 1', '"schemaVersion": 2'), /^error capture-newer host\.json:2:20$/],
    [4, 'version 0', text.replace('"schemaVersion": 1', '"schemaVersion": 0'), /^error capture-invalid host\.json:2:20$/], // prettier-ignore
    [
      5,
      'a number for lines',
      changed({ answers: { 'nft -j list ruleset': 7 } }),
      /^error capture-invalid host\.json:\d+:\d+$/,
    ],
    [6, 'numbers among lines', text.replace(/^ {6}"\*filter",$/m, '      7,'), new RegExp(`^error capture-invalid host\\.json:${line('"*filter"')}:7$`)], // prettier-ignore
    [7, 'no state of a guard', changed({ guard: { state: null } }), /^error capture-invalid /],
    [8, 'no names of namespaces', changed({ namespaces: [{ answers: {} }] }), /^error capture-invalid /],
    [9, 'a module in no state', changed({ modules: { xt_u32: 'perhaps' } }), /^error capture-invalid /],
    [10, 'a list', `[${text}]`, /^error capture-invalid host\.json:1:1$/],
  ])('%i: %s', (_number, _what, wrong, expected) => {
    const said = told(wrong);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(expected);
  });

  it('may have properties that nobody knows', () => {
    expect(told(changed({ weather: 'rain' }))).toEqual([]);
  });

  it('is told apart from rules and other JSON', () => {
    const kinds = ['*filter\nCOMMIT\n', '{"nftables": []}', '{"kind": "dnfw"}', JSON.stringify({ comment: '"kind": "dnfw-capture"' })]; // prettier-ignore
    expect(kinds.map((one) => isCapture({ name: 'x', text: one }))).toEqual([false, false, false, false]);
  });
});

describe('the schema', () => {
  it('is draft-07', () => {
    expect(new Ajv({ strict: true, allowUnionTypes: true }).validateSchema(captureSchema)).toBe(true);
  });

  it('is shipped as it is', () => {
    expect(JSON.parse(readFileSync('src/capture/capture.schema.json', 'utf8'))).toEqual(captureSchema);
  });

  it('is compiled to what finds the same', async () => {
    const built = (await import(`${root}/dist/capture/validators.js`)) as typeof source;
    const document = JSON.parse(text) as Record<string, unknown>;
    const found = (validate: typeof checkCapture, value: unknown): unknown => (validate(value) ? [] : validate.errors);
    expect(found(built.checkCapture, document)).toEqual([]);
    let wrong = 0;
    for (const key of Object.keys(document))
      for (const value of [undefined, null, 7, 'x', [7], { x: 7 }, [{ x: 7 }]]) {
        const spoilt = JSON.parse(JSON.stringify({ ...document, [key]: value })) as unknown;
        const expected = found(checkCapture, spoilt);
        if (Array.isArray(expected) && expected.length > 0) wrong++;
        expect(found(built.checkCapture, spoilt)).toEqual(expected);
      }
    expect(wrong).toBeGreaterThan(50);
  });
});
