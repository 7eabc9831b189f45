/** TCP options in nft, and how xt_tcpudp.c and xt_tcpmss.c walk them. */
import { equal, field, tcpOption, tcpOptionRaw } from '../nftables/build.ts';
import { all, any, type Formula, not, test } from '../nftables/formula.ts';
import type { Difference } from './contract.ts';
import { hasBytes } from './transport.ts';

/** The option kinds that nft has names for, as it lists them. */
const kinds: Readonly<Record<number, string>> = {
  1: 'nop',
  2: 'maxseg',
  3: 'window',
  4: 'sack-perm',
  5: 'sack',
  8: 'timestamp',
  19: 'md5sig',
  30: 'mptcp',
  34: 'fastopen',
};

/**
 * Whether the header has an option of that kind. Never `missing`: nft lists such a test without the `meta l4proto tcp`
 * in front of it, and in a packet that is not TCP every option is missing (nft_exthdr.c).
 */
export const hasOption = (kind: number, inverted: boolean): Formula => {
  const name = kinds[kind];
  const exists = test(equal(name === undefined ? tcpOptionRaw(kind, 0, 8) : tcpOption(name), true));
  return inverted ? all([hasBytes(20), not(exists)]) : exists;
};

/** All of the header is there, options included, and its length field says so: a packet for which this fails is dropped. */
export const wholeTcpHeader: Formula = any(
  Array.from({ length: 11 }, (_, i) => i + 5).map((words) =>
    all([test(equal(field('tcp', 'doff'), words)), hasBytes(words * 4)]),
  ),
);

export const malformedOptions = (module: string): Difference => ({
  code: 'malformed-option',
  from: 'both',
  degree: 'guarded',
  why: `${module} drops a packet that ends inside its TCP options, and takes an option whose length is wrong in another way; nftables drops nothing and sees no option that does not fit`,
});

/** A single NOP may be the last byte of an ordinary header, and nft_exthdr.c stops one byte before the end. */
export const lastPadding: Difference = {
  code: 'malformed-option',
  from: 'both',
  degree: 'approximate',
  why: 'nftables does not look at the last byte of the TCP header, where a single NOP may stand',
};
