/** What MARK and CONNMARK do to a mark: `(old & ~mask) ^ value` (net/netfilter/xt_mark.c mark_tg, xt_connmark.c). */
import type { Step } from '../packet/program.ts';
import type { MarkMask } from './mark.ts';

export const without = (mask: number): bigint => BigInt(~mask >>> 0);

/** Nothing for a change that changes nothing. */
export const markSteps = (key: 'mark' | 'ct.mark', { value, mask }: MarkMask): readonly Step[] =>
  value === 0 && mask === 0
    ? []
    : [{ kind: 'effect', effect: { kind: 'set', key, keep: without(mask), flip: BigInt(value) } }];

/** `to` becomes `(to & ~mask) ^ ((from & take) << shift)`; a negative shift goes right. */
export const copySteps = (
  from: 'mark' | 'ct.mark',
  take: number,
  to: 'mark' | 'ct.mark',
  mask: number,
  shift: number,
): readonly Step[] =>
  take === 0
    ? markSteps(to, { value: 0, mask })
    : [
        {
          kind: 'effect',
          effect: { kind: 'copy', key: to, from, keep: without(mask), take: BigInt(take), shift },
        },
      ];
