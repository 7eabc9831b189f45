// The guard in the kernel: nft loads it, lists what was meant, and takes its own listing back.
import { describe, expect, it } from 'vitest';
import { families } from '../../../src/netfilter/family.ts';
import { printJson } from '../../../src/nftables/print.ts';
import { printText } from '../../../src/nftables/text.ts';
import { validateCommands } from '../../../src/nftables/validate.ts';
import { check } from '../../../src/prove/check.ts';
import { guardProgram, programOf } from '../../guard/policies.ts';
import { samples } from '../../guard/samples.ts';
import { inNamespace, nft } from '../namespace.ts';
import { additions, jsonOf, readListing } from '../nft.ts';

describe.each([...samples])('the guard of %s', (_name, { value, diagnostics }) => {
  const document = printJson(value).join('');
  const [loaded, listed] = inNamespace([nft('-j -f -', document), nft('-j list table inet dnfw')]);
  const listing = listed?.stdout ?? '';

  it('is loaded', () => {
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(validateCommands(value)).toBeUndefined();
    expect(loaded).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(listed?.status).toBe(0);
  });

  it('is listed as what was meant', () => {
    const pairs = families.map((family) => [guardProgram(value, family), programOf(listing, family)] as const);
    const found = check(pairs, { assume: new Set(['rate-buckets', 'same-set', 'random-draws', 'counters-agree']) });
    expect(found.hooks.filter(({ verdict }) => verdict !== 'proven')).toEqual([]);
  });

  it('is the same in text', () => {
    const { chunks } = printText(value);
    const [written, second] = inNamespace([nft('-f -', chunks.join('')), nft('-j list table inet dnfw')]);
    expect(written).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readListing(second?.stdout ?? '')).toEqual(readListing(listing));
  });

  it('is listed the same when the listing is loaded', () => {
    const again = jsonOf(additions(readListing(listing)));
    const [reloaded, second] = inNamespace([nft('-j -f -', again), nft('-j list table inet dnfw')]);
    expect(reloaded).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readListing(second?.stdout ?? '')).toEqual(readListing(listing));
  });
});
