// The book itself: its files have the right form, every extension has one, and every one shows both sides.
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../src/diagnostics/catalogue.ts';
import { registry } from '../src/extensions/registry.ts';
import { readBooks, translations } from './book.ts';

const validate = new Ajv({ strict: true, allErrors: true, allowUnionTypes: true }).compile(
  JSON.parse(readFileSync(new URL('schema.json', translations), 'utf8')) as object,
);

const books = readBooks();

describe('the book', () => {
  const registered = [
    ...[...registry.matches.keys()].map((name) => `matches/${name}`),
    ...[...registry.targets.keys()].map((name) => `targets/${name}`),
  ];

  it.each(registered)('has a file for %s', (name) => {
    expect(books.map(({ folder, file }) => `${folder}/${file}`)).toContain(name);
  });

  for (const { folder, file, extension, cases } of books)
    describe(`${folder}/${file}`, () => {
      it('is of an extension that is registered', () => expect(registered).toContain(`${folder}/${file}`));

      it('has the form of schema.json', () => {
        validate({ extension, cases });
        expect(validate.errors ?? []).toEqual([]);
      });

      it('is named after its extension', () => expect(extension).toBe(file));

      it('has no case name twice', () => {
        const names = cases.map(({ name }) => name);
        expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
      });

      it('shows a good rule and one that is wrong or has no nft form', () => {
        const never = registry[folder].get(file)?.support === 'refused';
        const good = cases.filter((one) => (never ? one.refused : one.nft));
        const bad = cases.filter((one) => one.error ?? (never ? undefined : one.refused));
        expect({ good: good.length > 0, bad: bad.length > 0 }).toEqual({ good: true, bad: true });
      });

      it('uses only codes of the catalogue', () => {
        const codes = cases.flatMap((one) => [one.error?.code, one.refused?.code, ...(one.codes ?? [])]);
        expect(codes.filter((code) => code !== undefined && !Object.hasOwn(catalogue, code))).toEqual([]);
      });
    });
});
