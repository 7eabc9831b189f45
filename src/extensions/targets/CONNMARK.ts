import type { ListingReader } from '../../iptables/grammar.ts';
import type { Given } from '../../iptables/types.ts';
import { ct, mangle, meta, shiftLeft, shiftRight } from '../../nftables/build.ts';
import type { Expression } from '../../nftables/types.ts';
import { defineTarget, type InfoOf, option, refused, statements, type TargetExtension } from '../contract.ts';
import { fullMask, masked } from '../mark.ts';
import { asXmark, changedMark, markOptions, markWord, readMarkListing } from '../markset.ts';
import { flag, wholeNumber } from '../value.ts';
import { not } from '../../packet/condition.ts';
import type { Step } from '../../packet/program.ts';
import { hasEntry } from '../ctmeaning.ts';
import { copySteps, markSteps } from '../markmeaning.ts';

const setting = ['xmark', 'mark', 'and', 'or', 'xor'] as const;

const options = {
  ...markOptions,
  save: option({
    name: '--save-mark',
    value: flag,
    excludes: [...setting, 'restore'],
    about: "copy the packet's mark to the connection's",
  }),
  restore: option({
    name: '--restore-mark',
    value: flag,
    excludes: setting,
    about: "copy the connection's mark to the packet's",
  }),
  nfmask: option({ name: '--nfmask', value: markWord, excludes: setting, about: "the bits of the packet's mark" }),
  ctmask: option({ name: '--ctmask', value: markWord, excludes: setting, about: "the bits of the connection's mark" }),
  mask: option({
    name: '--mask',
    value: markWord,
    excludes: [...setting, 'nfmask', 'ctmask'],
    about: 'the bits of both marks',
  }),
  left: option({
    name: '--left-shift-mark',
    value: wholeNumber(0, 31),
    excludes: ['right'],
    about: 'shift what is written to the left',
  }),
  right: option({
    name: '--right-shift-mark',
    value: wholeNumber(0, 31),
    about: 'shift what is written to the right',
  }),
};
type Info = InfoOf<typeof options>;

/** What iptables stores: one setting form, or a copy with both masks; a shift by nothing is none. */
const canonical = (info: Info, column: number): Info => {
  const shift = {
    ...(info.left?.value ? { left: info.left } : {}),
    ...(info.right?.value ? { right: info.right } : {}),
  };
  const xmark = asXmark(info);
  if (xmark) return { xmark, ...shift };
  const full: Given<number> = { value: fullMask, inverted: false, column };
  const nfmask = info.nfmask ?? info.mask ?? full;
  const ctmask = info.ctmask ?? info.mask ?? full;
  const copy = info.save ? { save: info.save } : info.restore ? { restore: info.restore } : {};
  return { ...copy, nfmask, ctmask, ...shift };
};

/** The shift of connmark_tg_shift, worked out where the value is constant. */
const shifted = (value: Expression, { left, right }: Info): Expression => {
  if (typeof value === 'number') return left ? (value << left.value) >>> 0 : value >>> (right?.value ?? 0);
  if (left) return shiftLeft(value, left.value);
  return right ? shiftRight(value, right.value) : value;
};

const packet = meta('mark');
const connection = ct('mark');

/** `save mask 0xff`, `save nfmask 0xff ctmask ~0xf0`, `restore ctmask 0xf0 nfmask ~0xff`: `~` stands before what is written to. */
const copyForm =
  /^CONNMARK (save|restore)(?: mask (0x[0-9a-f]+)| (nf|ct)mask (0x[0-9a-f]+) (nf|ct)mask ~(0x[0-9a-f]+))?(?= |$)/;

const listing: ListingReader = (text) => {
  let found = readMarkListing('CONNMARK', text);
  if (!found) {
    const copy = copyForm.exec(text);
    if (!copy) return undefined;
    const [whole, verb, both, from, source = '', to, target = ''] = copy;
    const masks = from === undefined ? [] : [`--${from}mask`, source, `--${to}mask`, target];
    found = {
      words: [`--${verb}-mark`, ...(both === undefined ? masks : ['--mask', both])],
      length: whole.length,
    };
  }
  const shift = /^ (left|right)-shift-mark (\d+)(?= |$)/.exec(text.slice(found.length));
  if (!shift) return found;
  return {
    words: [...found.words, `--${shift[1]}-shift-mark`, shift[2] ?? ''],
    length: found.length + shift[0].length,
  };
};

/** The three modes of connmark_tg_shift. A shift applies to what is written, in --set-xmark to the whole new mark. */
const connectionSteps = (info: Info): readonly Step[] => {
  const { save, restore, left, right } = info;
  const shift = (left?.value ?? 0) - (right?.value ?? 0);
  const xmark = asXmark(info);
  if (xmark) {
    const { value, mask } = xmark.value;
    if (shift === 0) return markSteps('ct.mark', xmark.value);
    const moved = shift > 0 ? (value << shift) >>> 0 : value >>> -shift;
    return [
      ...copySteps('ct.mark', ~mask >>> 0, 'ct.mark', fullMask, shift),
      ...markSteps('ct.mark', { value: moved, mask: 0 }),
    ];
  }
  const nfmask = (info.nfmask ?? info.mask)?.value ?? fullMask;
  const ctmask = (info.ctmask ?? info.mask)?.value ?? fullMask;
  if (save) return copySteps('mark', nfmask, 'ct.mark', ctmask, shift);
  return restore ? copySteps('ct.mark', ctmask, 'mark', nfmask, shift) : [];
};

export const CONNMARK: TargetExtension = defineTarget({
  name: 'CONNMARK',
  families: ['ip', 'ip6'],
  about: 'changes the mark of the connection, or copies it to or from the mark of the packet',
  kernel: 'net/netfilter/xt_connmark.c connmark_tg_shift',
  support: 'partial',
  notes: [
    'A copy that keeps bits of the mark that it writes to is not translated: nft 1.0.6 cannot combine two marks.',
    'In mangle OUTPUT a restored mark makes the kernel look up route and IPsec policy again; nftables does so in chains of type route only.',
  ],
  options,
  atLeastOne: [...setting, 'save', 'restore'],
  canonical: (info, _family, column) => canonical(info, column),
  listing,
  translate: (info) => {
    const { xmark, save, nfmask, ctmask } = info;
    if (xmark) {
      const value = changedMark(connection, xmark.value) ?? (info.left || info.right ? connection : undefined);
      return statements(value === undefined ? [] : [mangle(connection, shifted(value, info))]);
    }
    const [from, source, to, target] = save
      ? ([packet, nfmask?.value ?? fullMask, connection, ctmask?.value ?? fullMask] as const)
      : ([connection, ctmask?.value ?? fullMask, packet, nfmask?.value ?? fullMask] as const);
    // Only where the connection is written to: without one, a restore must leave the packet alone.
    if (save && source === 0) {
      const value = changedMark(to, { value: 0, mask: target });
      return statements(value === undefined ? [] : [mangle(to, value)]);
    }
    if (target === fullMask) return statements([mangle(to, shifted(masked(from, source), info))]);
    return refused({
      code: 'not-expressible',
      option: save ? 'ctmask' : 'nfmask',
      what: `${save ? '--save-mark' : '--restore-mark'} that keeps bits of the mark it writes to`,
      why: 'the kernel computes (old & ~mask) ^ new from two marks; before nft 1.1 the second operand of a bitwise operation has to be a constant',
      help: 'copy whole marks, with a mask on the source only, or copy bit by bit: one rule that tests the bit and one that sets it',
    });
  },
  // Without an entry the target does nothing, whatever it was to do.
  meaning: (info) => [
    {
      kind: 'choose',
      arms: [
        { condition: hasEntry, steps: connectionSteps(info) },
        { condition: not(hasEntry), steps: [] },
      ],
    },
  ],
});
