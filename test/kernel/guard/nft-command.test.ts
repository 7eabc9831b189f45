// One contract for the real nft and for the one that stands for it in tests.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { markIn, objectsOf } from '../../../src/guard/loaded.ts';
import { type NftCommand, NftError } from '../../../src/guard/nft-command.ts';
import { nftProcess } from '../../../src/guard/nft-process.ts';
import { otherInputChains } from '../../../src/guard/plan.ts';
import { deletion, restoring } from '../../../src/guard/revert.ts';
import { fakeNft } from '../../guard/fake-nft.ts';

const namespace = `dnfwnft${process.pid}`;
const folder = mkdtempSync(join(tmpdir(), 'dnfw-contract-'));
const inNamespace = ['ip', 'netns', 'exec', namespace];

const ip = (...args: readonly string[]): void => {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8', timeout: 10_000 });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
};

ip('netns', 'add', namespace);

afterAll(() => {
  ip('netns', 'delete', namespace);
  rmSync(folder, { recursive: true, force: true });
});

const table = { family: 'inet', table: 'dnfw' };
const tableObject = { table: { family: 'inet', name: 'dnfw' } };

/** A guard with one rule in chain `input`. */
const guard = (generation: number, rule: object): string =>
  JSON.stringify({
    nftables: [
      { add: tableObject },
      { delete: tableObject },
      { add: tableObject },
      { add: { set: { ...table, name: 'many4', type: 'ipv4_addr', flags: ['interval'], elem: ['192.0.2.1'] } } },
      { add: { chain: { ...table, name: 'generation' } } },
      { add: { chain: { ...table, name: 'input', type: 'filter', hook: 'input', prio: -10, policy: 'accept' } } },
      {
        add: {
          rule: {
            ...table,
            chain: 'generation',
            comment: `dnfw generation ${generation} 0123456789ab`,
            expr: [{ return: null }],
          },
        },
      },
      { add: { rule: { ...table, chain: 'input', ...rule } } },
    ],
  });

const good = { expr: [{ counter: null }, { accept: null }] };
const wrong = { expr: [{ jump: { target: 'nowhere' } }] };

const file = (text: string): string => {
  const path = join(folder, 'document.json');
  writeFileSync(path, text);
  return path;
};

const subjects: readonly (readonly [string, () => NftCommand])[] = [
  ['the real nft', () => nftProcess({ command: [...inNamespace, 'nft'] })],
  ['the fake', fakeNft],
];

describe.each(subjects)('%s', (_, make) => {
  let nft: NftCommand;

  beforeEach(() => {
    spawnSync('ip', ['netns', 'exec', namespace, 'nft', 'flush', 'ruleset'], { timeout: 10_000 });
    nft = make();
  });

  it('tells its version', async () => {
    const [major = 0] = await nft.version();
    expect(major).toBeGreaterThanOrEqual(1);
  });

  it('has no guard before one is loaded', async () => {
    expect(await nft.listGuard()).toBeUndefined();
    expect(otherInputChains(await nft.listChains())).toEqual([]);
  });

  it('lists what was loaded', async () => {
    await nft.load(file(guard(7, good)));
    const listing = await nft.listGuard();
    if (listing === undefined) throw new Error('there is no guard');
    expect(markIn(listing)).toEqual({ generation: 7, hash: '0123456789ab' });
    expect(objectsOf(listing).map(({ kind }) => kind)).toEqual(['table', 'set', 'chain', 'chain', 'rule', 'rule']);
    expect(otherInputChains(await nft.listChains())).toEqual([]);
  });

  it('takes its listing back, twice as well as once', async () => {
    await nft.load(file(guard(7, good)));
    const before = await nft.listGuard();
    for (let times = 0; times < 2; times++) await nft.load(file(restoring(before ?? null)));
    const withoutHandles = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value, (key, item: unknown) => (key === 'handle' ? undefined : item)));
    expect(withoutHandles(await nft.listGuard())).toEqual(withoutHandles(before));
  });

  it('changes nothing when it checks', async () => {
    await nft.checkFile(file(guard(7, good)));
    expect(await nft.listGuard()).toBeUndefined();
    await expect(nft.checkFile(file(guard(7, wrong)))).rejects.toThrow(NftError);
  });

  it('refuses a document as a whole', async () => {
    await nft.load(file(guard(7, good)));
    await expect(nft.load(file(guard(8, wrong)))).rejects.toThrow(NftError);
    expect(markIn((await nft.listGuard()) ?? null)?.generation).toBe(7);
  });

  it('refuses a document that is cut', async () => {
    await expect(nft.load(file(guard(7, good).slice(0, 400)))).rejects.toThrow(NftError);
    expect(await nft.listGuard()).toBeUndefined();
  });

  it('deletes a guard, and none', async () => {
    await nft.load(file(guard(7, good)));
    for (let times = 0; times < 2; times++) await nft.load(file(deletion));
    expect(await nft.listGuard()).toBeUndefined();
  });
});
