/** What TCPMSS does (net/netfilter/xt_TCPMSS.c tcpmss_mangle_packet). */
import { all, any, type Condition, interval, is, isNamed, no, not, within } from '../packet/condition.ts';
import { key } from '../packet/field.ts';
import type { Step } from '../packet/program.ts';
import type { MeaningContext } from './contract.ts';
import { resting } from './fieldtest.ts';
import { atStart, hasHeader, transportField } from './meaning.ts';

/** The smallest and the largest TCP header, in words of 4 bytes. */
const least = 5;
const most = 15;

/** The header is cut short, or its length is: the packet is dropped. */
const isBroken = (context: MeaningContext): Condition => {
  const words = transportField(context, 96, 4);
  const cut = Array.from({ length: most - least }, (_, i) => least + 1 + i).map((count) =>
    all([is(words, count), not(hasHeader(context, count * 4))]),
  );
  return any([not(hasHeader(context, least * 4)), within(words, [interval(0, least - 1)]), ...cut]);
};

/**
 * IPv6 over loopback has a path of 65536 bytes, which leaves more than any segment has that TCP itself asks for: the
 * path lowers nothing. That loopback still has this size is a question of routing. In FORWARD nothing leaves by it.
 */
const isUnlimited = ({ family, hooks }: MeaningContext): Condition => {
  const local = !hooks || hooks.has('output') || hooks.has('postrouting');
  const name = key('oifname');
  return family === 'ip6' && local ? resting(isNamed(name.key, 'lo'), name, 'same-lookup') : no;
};

/** Later fragments are left alone; so is an option that is not above `size`, which the assumption does not touch. */
export const segmentSteps = (size: number | 'pmtu', context: MeaningContext): readonly Step[] => {
  const alone = any([not(atStart(context)), size === 'pmtu' ? isUnlimited(context) : no]);
  const broken = all([atStart(context), isBroken(context)]);
  return [
    {
      kind: 'choose',
      arms: [
        { condition: broken, steps: [{ kind: 'verdict', verdict: { kind: 'drop' } }] },
        { condition: all([not(broken), alone]), steps: [] },
        {
          condition: all([not(broken), not(alone)]),
          steps: [{ kind: 'effect', effect: { kind: 'other', text: `mss ${size}`, assumption: 'mss-present' } }],
        },
      ],
    },
  ];
};
