// The built program has validators that ajv compiled beforehand: they find what those of the source find.
import { describe, expect, it } from 'vitest';
import type * as source from '../../src/nftables/validators.ts';
import { check, checkStatement } from '../../src/nftables/validators.ts';
import { readBooks, translateCase } from '../book.ts';
import { root } from '../cli/dnfw.ts';
import { spoilt } from './spoilt.ts';

const built = (await import(`${root}/dist/nftables/validators.js`)) as typeof source;

/** What is wrong with a value, in all details. */
const found = (validate: typeof check, value: unknown): unknown => (validate(value) ? [] : validate.errors);

describe('the compiled validators', () => {
  it('find the same in every command and statement of the book, and in each with one thing wrong', () => {
    const commands = readBooks().flatMap(({ cases }) => cases.flatMap((one) => translateCase(one).result.commands));
    const texts = new Set(commands.map((command) => JSON.stringify(command)));
    let wrong = 0;
    for (const text of texts) {
      const command = JSON.parse(text) as unknown;
      for (const value of [command, ...spoilt(command)]) {
        const expected = found(check, value);
        if (!Array.isArray(expected) || expected.length > 0) wrong++;
        expect(found(built.check, value)).toEqual(expected);
      }
      const rule = commands.find((one) => JSON.stringify(one) === text);
      if (rule && 'add' in rule && 'rule' in rule.add)
        for (const value of rule.add.rule.expr.flatMap((statement) => [statement, ...spoilt(statement)]))
          expect(found(built.checkStatement, value)).toEqual(found(checkStatement, value));
    }
    expect(wrong).toBeGreaterThan(1_000);
  });

  it.each([
    '',
    'x'.repeat(255),
    'x'.repeat(256),
    'é'.repeat(128),
    '\u{1f433}'.repeat(63),
    '\u{1f433}'.repeat(64),
    'a\0b',
    'a\ud800b',
  ])('measure a name in the same way: %j', (name) => {
    const command = { add: { table: { family: 'ip', name } } };
    expect(found(built.check, command)).toEqual(found(check, command));
  });
});
