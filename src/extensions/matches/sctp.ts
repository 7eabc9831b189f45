import { sctp as sctpNumber } from '../../netfilter/protocols.ts';
import { all, always } from '../../nftables/formula.ts';
import { defineMatch, type Difference, type MatchExtension, option, refused } from '../contract.ts';
import { portListing, type Taken } from '../portlisting.ts';
import { portOptions, portTests } from '../portmatch.ts';
import { ascendingPortRange } from '../ports.ts';
import { chunkName, chunksTest, chunkTypes, inexpressibleChunks } from '../sctpchunks.ts';
import { translateHeader } from '../transport.ts';
import { all as allOf, any, no } from '../../packet/condition.ts';
import { portConditions, withHeader } from '../meaning.ts';
import { chunksBroken, chunksCondition } from '../sctpmeaning.ts';

const malformedChunks: Difference = {
  code: 'malformed-chunk',
  from: 'both',
  degree: 'guarded',
  why: 'a packet in which xt_sctp meets a chunk that is cut short or has length 0 is dropped on the spot; the native form drops nothing and judges by the chunks in front of it',
};

/** ` ! any 0x0000:Be,0x0003`; chunk types by name without -n. */
const takeChunks = (rest: string): Taken | undefined => {
  const part = /^ (! )?(any|all|only) (\S+)(?= |$)/.exec(rest);
  if (!part) return undefined;
  const [{ length }, inverted, mode = '', chunks = ''] = part;
  const named = chunks.replace(/0x[0-9A-Fa-f]+/g, (number) => chunkName(Number(number)) ?? number);
  return { words: [...(inverted ? ['!'] : []), '--chunk-types', mode, named], length };
};

export const sctp: MatchExtension = defineMatch({
  name: 'sctp',
  families: ['ip', 'ip6'],
  about: 'ports and chunk types of an SCTP packet',
  kernel: 'net/netfilter/xt_sctp.c',
  support: 'partial',
  notes: [
    'iptables, with either backend, drops an SCTP packet with fewer than 12 bytes at this match and never matches later fragments, inverted or not.',
    'Chunk types: `any` and `all` of the types that nft names, without flags. `only` asks for the absence of every other type, and nft can name 18 of 256.',
  ],
  protocols: [sctpNumber],
  implicit: true,
  options: {
    ...portOptions(ascendingPortRange, false),
    chunks: option({
      name: '--chunk-types',
      value: chunkTypes,
      invertible: true,
      about: 'any of the chunk types, all of them, or only them are in the packet',
    }),
  },
  transport: () => true,
  listing: portListing('sctp', takeChunks),
  translate: (info, context) => {
    const { chunks } = info;
    const problem = chunks && inexpressibleChunks(chunks.value);
    if (problem)
      return refused({
        code: 'not-expressible',
        option: 'chunks',
        ...problem,
        help: 'keep this rule in iptables, or match the ports alone',
      });
    const formula = all([portTests('sctp', info), chunks ? chunksTest(chunks.value, chunks.inverted) : always]);
    return translateHeader(formula, 12, context, chunks ? [malformedChunks] : []);
  },
  meaning: (info, context) => {
    const ports = portConditions(context, info);
    const { chunks } = info;
    if (!chunks) return withHeader(context, 12, ports);
    const header = withHeader(context, 12, ports);
    return {
      hotdrop: any([header.hotdrop ?? no, allOf([header.condition, chunksBroken(chunks.value, context)])]),
      condition: allOf([header.condition, chunksCondition(chunks.value, chunks.inverted, context)]),
    };
  },
});
