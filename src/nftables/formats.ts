/** What the formats of the schema mean, and how ajv takes the schema: in `validators.ts` and when these are compiled beforehand. */
import type { Options } from 'ajv';
import { utf8Length } from '../netfilter/bytes.ts';

/** Whether a string is at most `limit` bytes of UTF-8 and has nothing in it that nft's JSON reader refuses (U+0000). */
const fits =
  (limit: number) =>
  (text: string): boolean =>
    !/[\0\ud800-\udfff]/u.test(text) && utf8Length(text) <= limit;

export const formats: Readonly<Record<string, (text: string) => boolean>> = {
  'nft-name': fits(255),
  'nft-comment': fits(253),
  'nft-log-prefix': fits(127),
};

export const strictness: Options = {
  strict: true,
  allowUnionTypes: true,
  // A test holds the schema against draft-07. To do that in every run takes longer than checking most rulesets.
  meta: false,
  validateSchema: false,
};

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/** The length of a string as JSON Schema counts it: a surrogate pair is one character. */
export const schemaLength = (text: string): number => {
  let pairs = 0;
  for (let i = 1; i < text.length; i++) if (isHigh(text.charCodeAt(i - 1)) && isLow(text.charCodeAt(i))) pairs++;
  return text.length - pairs;
};
