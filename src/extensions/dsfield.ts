/** What DSCP and TOS write: the type of service of IPv4, the traffic class of IPv6 (net/netfilter/xt_DSCP.c). */
import type { Family } from '../netfilter/family.ts';
import { payload } from '../packet/field.ts';
import type { Step } from '../packet/program.ts';

/** The byte becomes `(old & ~mask) ^ value`; nothing for a change that changes nothing. */
export const trafficClassSteps = (value: number, mask: number, family: Family): readonly Step[] =>
  value === 0 && mask === 0
    ? []
    : [
        {
          kind: 'effect',
          effect: {
            kind: 'write',
            field: payload('nh', family === 'ip' ? 8 : 4, 8),
            keep: BigInt(~mask & 0xff),
            flip: BigInt(value),
          },
        },
      ];
