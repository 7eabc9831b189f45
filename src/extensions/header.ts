/** Numbers that point to the transport header, and what of nft's `@th` may stand for them. */
import type { RuleContext } from './contract.ts';
import { isFirstFragment, type Path } from './path.ts';
import { enumerate, type Load, type Value, type Word } from './word.ts';

/** The start of the transport header plus some bytes. Without a word it cannot be computed from the header length. */
export interface Header {
  readonly kind: 'header';
  readonly word?: Word;
  readonly plus: number;
  /** Whether `@th` stands for it even where later fragments may come; the translation then names the difference. */
  readonly native?: true;
}

/** More values than this are not tried one by one. */
export const mostFreeBits = 6;

/** No packet is as long as this (GSO_MAX_SIZE in include/linux/netdevice.h), so no load there succeeds. */
export const beyondPackets = 0x10_0000;

/** The last byte offset that nft_payload takes before Linux 6.18 (NFTA_PAYLOAD_OFFSET was 8 bits wide). */
export const lastOffset = 255;

/** Whether a value is 4 times the low nibble of the first byte: the length of an IPv4 header, however it is computed. */
export const isHeaderLength = (value: Value): value is Word =>
  value.kind === 'word' &&
  value.load.base === 'nh' &&
  value.load.offset === 0 &&
  value.mask === 0x0f * 2 ** (8 * (value.load.size - 1)) &&
  value.shift === 8 * (value.load.size - 1) - 2 &&
  value.flip === 0 &&
  value.plus === 0;

/** The header length plus a constant, as a place. */
export const asHeader = (value: Value): Header | undefined => {
  if (value.kind === 'constant' || (value.flip & 0x3c) !== 0) return undefined;
  const word: Word = { ...value, flip: 0, plus: 0 };
  return isHeaderLength(word) ? { kind: 'header', word, plus: (value.flip + value.plus) % 2 ** 32 } : undefined;
};

/**
 * Which loads from `@th` read the bytes that follow the IPv4 header, later fragments included: all where no later
 * fragment comes; where another match of the rule reads the transport header, the aligned ones, which nft makes for
 * later fragments exactly when it makes that match's (net/netfilter/nf_tables_core.c nft_payload_fast_eval).
 */
export const transportLoads = (context: RuleContext, path: Path): 'all' | 'aligned' | 'none' => {
  if (context.family === 'ip6') return 'none';
  if (!context.fragmentsVisible || context.selector.fragment?.inverted || isFirstFragment(path)) return 'all';
  if (!context.readsTransport) return 'none';
  return context.exactLegacy ? 'all' : 'aligned';
};

/** The load from `@th`, if it may stand for the one from the end of the IPv4 header. */
export const transportLoad = (
  header: Header,
  offset: number,
  size: 1 | 2 | 4,
  context: RuleContext,
  path: Path,
): Load | undefined => {
  const allowed = header.native ? 'all' : transportLoads(context, path);
  if (allowed === 'none' || offset > lastOffset) return undefined;
  return allowed === 'all' || offset % size === 0 ? { base: 'th', offset, size } : undefined;
};

/** Only raw sockets send an IPv4 header length below 5: ip_rcv drops such packets before any hook. */
export const isWhole = (context: RuleContext): boolean =>
  context.family === 'ip' &&
  context.hooks.size > 0 &&
  !context.hooks.has('output') &&
  !context.hooks.has('postrouting');

/** Every value that the word may have, with the masked load that makes it. */
export const valuesOf = (
  word: Word,
  context: RuleContext,
): readonly { readonly masked: number; readonly value: number }[] =>
  isHeaderLength(word) && isWhole(context) ? enumerate(word).filter(({ value }) => value >= 20) : enumerate(word);
