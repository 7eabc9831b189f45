import type { CheckProblem, ListingReader } from '../../iptables/grammar.ts';
import type { Hook } from '../../netfilter/hooks.ts';
import { equal, meta, rt } from '../../nftables/build.ts';
import { test } from '../../nftables/formula.ts';
import { defineMatch, type MatchExtension, option, type Refusal, refused, translated } from '../contract.ts';
import { hostMask } from '../hostmask.ts';
import {
  allTransforms,
  type Direction,
  isEmpty,
  type PolicyElement,
  someTransform,
  spiDifference,
  transformProtocol,
} from '../policyelement.ts';
import type { Given } from '../../iptables/types.ts';
import { flag, oneOf, wholeNumber } from '../value.ts';
import { policyCondition } from '../policymeaning.ts';

interface PolicyGroup extends PolicyElement {
  readonly dir?: Given<Direction>;
  readonly pol?: Given<'none' | 'ipsec'>;
  readonly strict?: Given<true>;
}

/** `xt_policy.c policy_mt_check`: where the packet's transforms are known. */
const hooksOf: Readonly<Record<Direction, readonly Hook[]>> = {
  in: ['prerouting', 'input', 'forward'],
  out: ['forward', 'output', 'postrouting'],
};

/** XT_POLICY_MAX_ELEM of include/uapi/linux/netfilter/xt_policy.h. */
const mostElements = 4;

const checkElement = (element: PolicyElement, index: number, strict: boolean): CheckProblem | undefined => {
  if (strict && isEmpty(element))
    return {
      code: 'option-required',
      what: `element ${index} of the strict policy is empty`,
      help: 'give each element one of --reqid, --spi, --proto, --mode',
    };
  const { mode } = element;
  const tunnel = mode && (mode.value === 'tunnel') !== mode.inverted;
  const address = element.tunnelSource ? 'tunnelSource' : element.tunnelDestination ? 'tunnelDestination' : undefined;
  return address && !tunnel
    ? {
        code: 'option-required',
        option: address,
        what: 'tunnel addresses need --mode tunnel in the same element',
        help: 'add --mode tunnel',
      }
    : undefined;
};

const check = (groups: readonly PolicyGroup[]): CheckProblem | undefined => {
  for (const key of ['dir', 'strict'] as const)
    if (groups.filter((group) => group[key]).length > 1)
      return { code: 'option-twice', option: key, what: `--${key} is given twice` };
  if (!groups.some((group) => group.dir))
    return { code: 'option-required', what: 'policy needs --dir', help: 'write --dir in or --dir out' };
  const strict = groups.some((group) => group.strict);
  if (groups.some((group) => group.pol?.value === 'none'))
    return strict || groups.length > 1
      ? {
          code: 'options-exclusive',
          option: 'pol',
          what: '--pol none says nothing of transforms: no --strict, no --next',
        }
      : undefined;
  if (groups.length > 1 && !strict)
    return { code: 'option-required', what: '--next needs --strict', help: 'add --strict' };
  if (groups.length > mostElements)
    return { code: 'value-out-of-range', what: `a policy has at most ${mostElements} elements` };
  for (const [index, group] of groups.entries()) {
    const problem = checkElement(group, index, strict);
    if (problem) return problem;
  }
  return undefined;
};

const inexpressible = (key: 'mode' | 'proto', groups: readonly PolicyGroup[]): Refusal | undefined =>
  groups.some((group) => group[key])
    ? refused({
        code: 'not-expressible',
        option: key,
        what: `nft cannot tell the ${key === 'mode' ? 'mode' : 'protocol'} of an IPsec transform`,
        why: 'the ipsec expression loads reqid, spi and addresses of a transform only, and addresses also of BEET transforms (net/netfilter/nft_xfrm.c)',
        help: 'name the transform by --reqid or --spi instead',
      })
    : undefined;

const part = /^ *(?:(strict)|\[(\d)\]|(! )?(reqid|spi|proto|mode|tunnel-dst|tunnel-src) (\S+))(?= |$)/;

/** `policy match dir in pol ipsec strict [0] reqid 1 [1] ! spi 0x2`. */
const listing: ListingReader = (text) => {
  const head = /^policy match dir (in|out) pol (none|ipsec)(?= |$)/.exec(text);
  if (!head) return undefined;
  const words = ['--dir', head[1] ?? '', '--pol', head[2] ?? ''];
  let { length } = head[0];
  for (;;) {
    const found = part.exec(text.slice(length));
    if (!found) return { words, length };
    const [whole, strict, index, inverted, name, value = ''] = found;
    if (strict) words.push('--strict');
    else if (index !== undefined) words.push(...(index === '0' ? [] : ['--next']));
    else words.push(...(inverted ? ['!'] : []), `--${name}`, value);
    length += whole.length;
  }
};

export const policy: MatchExtension = defineMatch({
  name: 'policy',
  families: ['ip', 'ip6'],
  about: 'IPsec transforms that the packet came through or will go through',
  kernel: 'net/netfilter/xt_policy.c',
  support: 'partial',
  notes: [
    '--dir in is known in PREROUTING, INPUT and FORWARD, --dir out in FORWARD, OUTPUT and POSTROUTING.',
    '--mode and --proto are refused, and with --mode the tunnel addresses, which need it: nft does not load them.',
    'iptables gives the kernel the bytes of --spi in the order of the machine: on little-endian machines --spi 0x11000000 is SPI 0x11, and the native form says so.',
    'Kernels without the correction of match_policy_in read outside the rule for an incoming --strict policy with several elements; the native form does what iptables(8) says.',
  ],
  listing,
  options: {
    dir: option({
      name: '--dir',
      value: oneOf<Direction>({ in: 'in', out: 'out' }),
      about: 'transforms of arrival (in) or of departure (out)',
    }),
    pol: option({
      name: '--pol',
      value: oneOf<'none' | 'ipsec'>({ ipsec: 'ipsec', none: 'none' }),
      about: 'whether there are transforms; ipsec if not given',
    }),
    strict: option({ name: '--strict', value: flag, about: 'the elements are all the transforms, in their order' }),
    reqid: option({
      name: '--reqid',
      value: wholeNumber(0, 0xffff_ffff),
      invertible: true,
      about: 'the number that ties the transform to its policy',
    }),
    spi: option({
      name: '--spi',
      value: wholeNumber(0, 0xffff_ffff, 16),
      invertible: true,
      about: 'the security parameter index of the transform',
    }),
    proto: option({
      name: '--proto',
      value: transformProtocol,
      invertible: true,
      about: 'the transform is ESP, AH or IPComp',
    }),
    mode: option({
      name: '--mode',
      value: oneOf<'transport' | 'tunnel'>({ transport: 'transport', tunnel: 'tunnel' }),
      invertible: true,
      about: 'the mode of the transform',
    }),
    tunnelDestination: option({
      name: '--tunnel-dst',
      value: hostMask,
      invertible: true,
      about: 'the far end of the tunnel',
    }),
    tunnelSource: option({
      name: '--tunnel-src',
      value: hostMask,
      invertible: true,
      about: 'the near end of the tunnel',
    }),
    next: option({ name: '--next', value: flag, separator: true, about: 'begins the next element' }),
  },
  // iptables saves --pol always, and forgets elements that --pol none makes pointless.
  canonical: (info, _family, column) =>
    info.pol?.value === 'none' && info.dir
      ? { dir: info.dir, pol: info.pol, ...(info.strict ? { strict: info.strict } : {}) }
      : info.dir && !info.pol
        ? { ...info, pol: { value: 'ipsec' as const, inverted: false, column } }
        : info,
  check: (info, _family, _selector, more) => check([info, ...more]),
  translate: (info, context, more) => {
    const groups: readonly PolicyGroup[] = [info, ...more];
    const dir = groups.find((group) => group.dir)?.dir?.value ?? 'in';
    const wrong = [...context.hooks].find((hook) => !hooksOf[dir].includes(hook));
    if (wrong)
      return refused({
        code: 'wrong-hook',
        option: 'dir',
        what: `--dir ${dir} in a chain that is reached from ${wrong}`,
        why: `the kernel knows transforms of that direction only in ${hooksOf[dir].join(', ')} and refuses the rule`,
        help: 'move the rule to a chain of another hook',
      });
    const there = dir === 'in' ? meta('ipsec') : rt('ipsec');
    if (groups.some((group) => group.pol?.value === 'none')) return translated(test(equal(there, false)));
    if (groups.every(isEmpty)) return translated(test(equal(there, true)));
    const refusal = inexpressible('mode', groups) ?? inexpressible('proto', groups);
    if (refusal) return refusal;
    return translated(groups.some((group) => group.strict) ? allTransforms(groups, dir) : someTransform(info, dir), {
      differences: groups.flatMap(({ spi }) => (spi ? [spiDifference(spi.value)] : [])),
    });
  },
  meaning: (info, { family }, more) => ({ condition: policyCondition([info, ...more], family) }),
});
