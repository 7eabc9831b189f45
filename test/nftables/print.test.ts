import { describe, expect, it } from 'vitest';
import { accept, add, table } from '../../src/nftables/build.ts';
import { printDocument, printJson } from '../../src/nftables/print.ts';
import type { Command } from '../../src/nftables/types.ts';

const rule = (comment: string): Command =>
  add({ rule: { family: 'ip', table: 't', chain: 'c', comment, expr: [accept] } });

describe('printJson', () => {
  it('prints one command a line', () => {
    expect(printJson([add({ table: table('ip', 't') }), rule('x')]).join('')).toBe(
      '{"nftables": [\n' +
        '{"add":{"table":{"family":"ip","name":"t"}}},\n' +
        '{"add":{"rule":{"family":"ip","table":"t","chain":"c","comment":"x","expr":[{"accept":null}]}}}\n' +
        ']}\n',
    );
  });

  it('prints an empty document', () => {
    expect(JSON.parse(printDocument({ nftables: [] }))).toEqual({ nftables: [] });
  });

  it('keeps every string and every line', () => {
    const nftables = ['a"b', 'a\nb', '\\', '\u2028', '\u{1f433}'].map(rule);
    const text = printDocument({ nftables });
    expect(JSON.parse(text)).toEqual({ nftables });
    expect(text.split('\n')).toHaveLength(nftables.length + 3);
  });

  it('prints long rulesets in chunks', () => {
    const commands = Array.from({ length: 10_000 }, (_, index) => rule(`rule ${index}`));
    const chunks = printJson(commands);
    expect(chunks.length).toBeGreaterThan(10);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(70_000);
    expect(JSON.parse(chunks.join(''))).toEqual({ nftables: commands });
  });
});
