// One form of a rule, and where it can stand.
import type { Family } from '../../src/netfilter/family.ts';
import { equal, match, meta } from '../../src/nftables/build.ts';
import type { Expression, Match, Operator, Statement } from '../../src/nftables/types.ts';

/** The base chains of the sample; `plain` is one that is only jumped to. */
export type Place =
  'plain' | 'raw' | 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'dnat' | 'redirect' | 'snat';

export interface FormSample {
  readonly family: Family | 'inet';
  readonly place: Place;
  readonly statements: readonly Statement[];
}

export const form =
  (family: Family | 'inet', place: Place = 'plain') =>
  (...statements: readonly Statement[]): FormSample => ({ family, place, statements });
export const ip = form('ip');
export const ip6 = form('ip6');
export const inet = form('inet');
/** Each constant under each operator. */
export const tests = (
  left: Expression,
  rights: readonly Expression[],
  operators: readonly Operator[] = ['==', '!='],
): readonly FormSample[] => rights.flatMap((right) => operators.map((op) => ip(match(left, op, right))));
export const tcp: Match = equal(meta('l4proto'), 6);
