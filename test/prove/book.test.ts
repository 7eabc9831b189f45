// The whole book: every translation is proven to do what the kernel's module does, under the assumptions that go with
// how the case is rated.
import { describe, expect, it } from 'vitest';
import { proveTranslation } from '../../src/cli/translate-proof.ts';
import type { Assumption } from '../../src/packet/assumption.ts';
import type { Check } from '../../src/prove/check.ts';
import { type Case, readBooks, translateCase } from '../book.ts';

/** Assumptions that an exact translation may rest on: the two sides ask the same world in other words. */
const aboutTheWorld: ReadonlySet<Assumption> = new Set([
  'rate-buckets',
  'random-draws',
  'counters-agree',
  'same-lookup',
  'same-clock',
  'same-set',
  'header-chains',
]);

/** Cases whose module would look at truncated headers, were it ever asked: the rule's protocol keeps it from that. */
const needless: ReadonlySet<string> = new Set([
  'IPv6: in nft the protocol is the header itself, never the one behind it',
]);

const proofOf = (one: Case): Check => {
  const { parsed, result } = translateCase(one);
  return proveTranslation(parsed.value, result.entries, JSON.stringify({ nftables: result.commands }));
};

const reasonsOf = ({ hooks }: Check): readonly string[] => hooks.flatMap(({ reasons }) => reasons);

for (const book of readBooks().filter(({ cases }) => cases.some(({ nft }) => nft !== undefined)))
  describe(`the translations of ${book.extension}`, () => {
    for (const one of book.cases.filter(({ nft }) => nft !== undefined))
      it(`${one.name} is proven`, () => {
        const proof = proofOf(one);
        expect({ verdict: proof.verdict, reasons: reasonsOf(proof) }).toEqual({ verdict: 'proven', reasons: [] });
        expect(proof.assumed.includes('iptables-fixed')).toBe(one.codes?.includes('iptables-version') ?? false);
        // A case that calls itself exact may not need packets to be whole.
        if ((one.status ?? 'exact') === 'exact' && !needless.has(one.name))
          expect(proof.assumed.filter((name) => !aboutTheWorld.has(name))).toEqual([]);
      });
  });
