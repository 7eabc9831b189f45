/** When the policy match holds (net/netfilter/xt_policy.c). */
import type { Given } from '../iptables/types.ts';
import type { Family } from '../netfilter/family.ts';
import { all, any, type Condition, invertIf, is, no, not, present, unmodelled } from '../packet/condition.ts';
import { type Field, key } from '../packet/field.ts';
import { maskedIs, resting } from './fieldtest.ts';
import type { HostMask } from './hostmask.ts';
import type { Direction, PolicyElement } from './policyelement.ts';

export interface PolicyInfo extends PolicyElement {
  readonly dir?: Given<Direction>;
  readonly pol?: Given<'none' | 'ipsec'>;
  readonly strict?: Given<true>;
}

/** XFRM_MODE_TRANSPORT and XFRM_MODE_TUNNEL of include/uapi/linux/xfrm.h. */
const modes = { transport: 0, tunnel: 1 } as const;

/** XFRM_MAX_DEPTH of include/net/xfrm.h. */
const mostTransforms = 6;

/** The number whose bytes in network order are those of `number` on a little-endian machine. */
const littleEndian = (number: number): number => {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, number, true);
  return bytes.getUint32(0);
};

/** The SPI is compared as it stands in the packet with a number that iptables wrote in the machine's order. */
const spiTest = (field: Field, { value, inverted }: Given<number>): Condition => {
  const spi = littleEndian(value);
  const test = all([present(field), invertIf(inverted, is(field, spi))]);
  return spi === value ? test : resting(test, field, 'spi-order');
};

/**
 * The state's addresses under the mask. Of a tunnel of the other family the module compares the bytes of the address
 * as if they were one of the packet's family, which no key says.
 */
const addressTest = (field: Field, { value, inverted }: Given<HostMask>): Condition =>
  any([
    all([present(field), invertIf(inverted, maskedIs(field, { value: value.address & value.mask, mask: value.mask }))]),
    all([not(present(field)), unmodelled('addresses of an IPsec transform that has none of this family')]),
  ]);

/** match_xfrm_state for transform `number` as nft counts them. False where there is no such transform. */
const transformTest = (element: PolicyElement, stem: string, family: Family): Condition => {
  const plain = (name: string, given: Given<number> | undefined): readonly Condition[] => {
    const field = key(`${stem}.${name}`);
    return given ? [all([present(field), invertIf(given.inverted, is(field, given.value))])] : [];
  };
  const { mode, spi, tunnelSource, tunnelDestination } = element;
  const suffix = family === 'ip' ? '4' : '6';
  return all([
    ...plain('proto', element.proto),
    ...plain('mode', mode && { ...mode, value: modes[mode.value] }),
    ...(spi ? [spiTest(key(`${stem}.spi`), spi)] : []),
    ...plain('reqid', element.reqid),
    ...(tunnelSource ? [addressTest(key(`${stem}.saddr${suffix}`), tunnelSource)] : []),
    ...(tunnelDestination ? [addressTest(key(`${stem}.daddr${suffix}`), tunnelDestination)] : []),
  ]);
};

const asksNothing = ({ reqid, spi, proto, mode, tunnelSource, tunnelDestination }: PolicyElement): boolean =>
  [reqid, spi, proto, mode, tunnelSource, tunnelDestination].every((given) => given === undefined);

/** A packet with a security path, or with a route that goes through a transform. */
const through = (dir: Direction, wanted: boolean): Condition =>
  is(key(dir === 'in' ? 'secpath' : 'rtipsec'), wanted ? 1 : 0);

/**
 * Not strict: some transform is as the one element says. Strict: as many transforms as elements, in their order, which
 * for an incoming policy begins with the transform that was taken off last. (Kernels before the correction of
 * match_policy_in look outside of the rule for incoming policies of several elements.)
 */
export const policyCondition = (groups: readonly PolicyInfo[], family: Family): Condition => {
  const dir = groups.find((group) => group.dir)?.dir?.value ?? 'in';
  if (groups.some((group) => group.pol?.value === 'none')) return through(dir, false);
  const stem = (number: number): string => `ipsec.${dir}.${number}`;
  const [first] = groups;
  if (!first) return no;
  if (!groups.some((group) => group.strict)) {
    if (asksNothing(first)) return through(dir, true);
    return any(Array.from({ length: mostTransforms }, (_, i) => transformTest(first, stem(i), family)));
  }
  const count = groups.length;
  return all([
    ...groups.map((group, i) => transformTest(group, stem(dir === 'in' ? count - 1 - i : i), family)),
    not(present(key(`${stem(count)}.reqid`))),
  ]);
};
