/** The guard's rules while they are made: each with the place of the policy that asked for it. */
import { add, counter } from '../nftables/build.ts';
import type { Command, Statement } from '../nftables/types.ts';
import { guardFamily, guardTableName } from './names.ts';
import type { PolicyPlace } from './policy.ts';

export interface GuardRule {
  readonly chain: string;
  readonly expr: readonly Statement[];
  readonly comment?: string;
  readonly place?: PolicyPlace;
}

/** The text form takes 128 bytes of comment, and no quote in it. */
const longestComment = 128;
const utf8 = new TextEncoder();

/** What of a text a comment can hold in either form of nft. */
export const commentText = (text: string): string => {
  let out = text.replaceAll('"', "'").replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ');
  while (utf8.encode(out).length > longestComment) out = out.slice(0, -1);
  return out.trim().replace(/[\ud800-\udbff]$/u, '');
};

/** `policy.yaml:4`: the file without its folder. */
export const placeText = ({ file, line }: PolicyPlace): string => `${file.slice(file.lastIndexOf('/') + 1)}:${line}`;

/** A rule that the policy asked for: counted, and with its place in the comment. */
export const placedRule = (
  chain: string,
  place: PolicyPlace,
  tests: readonly Statement[],
  verdict: Statement,
  said?: string,
): GuardRule => ({
  chain,
  expr: [...tests, counter(), verdict],
  comment: commentText(said === undefined ? placeText(place) : `${placeText(place)} ${said}`),
  place,
});

/** A rule that every policy has, or that no single line of one asked for. */
export const unplacedRule = (
  chain: string,
  tests: readonly Statement[],
  verdict: Statement,
  said: string,
): GuardRule => ({ chain, expr: [...tests, counter(), verdict], comment: said });

export const ruleCommand = ({ chain, expr, comment }: GuardRule): Command =>
  add({
    rule: {
      family: guardFamily,
      table: guardTableName,
      chain,
      ...(comment === undefined || comment === '' ? {} : { comment }),
      expr,
    },
  });

export const chainCommand = (name: string): Command =>
  add({ chain: { family: guardFamily, table: guardTableName, name } });
