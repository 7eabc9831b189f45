// Install, confirm, rollback and the records with an nft that remembers and a timer that waits for the test.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { confirm } from '../../src/guard/confirm.ts';
import { history } from '../../src/guard/history.ts';
import { rollback } from '../../src/guard/rollback.ts';
import { readSituation } from '../../src/guard/situation.ts';
import { parseState } from '../../src/guard/state.ts';
import {
  engine,
  fire,
  loaded,
  nft,
  paths,
  policy,
  recorded,
  run,
  running,
  said,
  state,
  waitFor,
} from './engine-lab.ts';

describe('install', () => {
  it('loads a policy, and then has nothing to do', async () => {
    expect(await run(policy('22'))).toMatchObject({ kind: 'installed', generation: 1 });
    const loads = nft.loads();
    expect(await run(policy('22'))).toMatchObject({ kind: 'unchanged' });
    expect(nft.loads()).toBe(loads);
    expect(running.size).toBe(0);
    expect(state()).toEqual({ schemaVersion: 1, current: 1, good: 1, pending: null });
  });

  it('shows what changes', async () => {
    await run(policy('22'));
    const result = await run(policy('22, 80'));
    expect(result).toMatchObject({
      changes: [
        {
          head: 'chain allow',
          changes: [{ sign: '-' }, { sign: '+', text: expect.stringContaining('{ 22, 80 }') as string }],
        },
      ],
    });
  });

  it('makes a changed guard whole, though the policy is the same', async () => {
    await run(policy('22'));
    nft.change({ flush: { chain: { family: 'inet', table: 'dnfw', name: 'refuse' } } });
    expect(await run(policy('22'))).toMatchObject({ kind: 'installed', generation: 2 });
  });

  it('keeps what other programs put into external sets', async () => {
    const asked = policy('22', 'sets: { banned: external }\n');
    await run(asked);
    const set = { family: 'inet', name: 'banned4', table: 'dnfw', type: 'ipv4_addr', flags: ['interval'] };
    const listing = await nft.listGuard();
    expect(JSON.stringify(listing)).toContain('banned4');
    // As `nft add element` would leave it.
    nft.change(
      { delete: { table: { family: 'inet', name: 'dnfw' } } },
      { add: { table: { family: 'inet', name: 'dnfw' } } },
      { add: { set: { ...set, elem: ['192.0.2.9'] } } },
    );
    await run(policy('22, 80', 'sets: { banned: external }\n'));
    expect(JSON.stringify(await nft.listGuard())).toContain('192.0.2.9');
    await rollback(engine, 1);
    expect(JSON.stringify(await nft.listGuard())).toContain('192.0.2.9');
  });

  it('stops where the preflight finds a loss, unless it is forced', async () => {
    await expect(run(policy('80'), {}, ['SSH'])).rejects.toMatchObject({ kind: 'refused', code: 'would-lose' });
    expect(await loaded()).toBeUndefined();
    await run(policy('80'), { force: true }, ['SSH']);
    expect(await loaded()).toBe(1);
  });

  it.each(['before', 'after'] as const)('leaves what was there when nft fails %s loading', async (when) => {
    await run(policy('22'));
    nft.fail(when);
    await expect(run(policy('80'))).rejects.toMatchObject({ kind: 'refused', code: 'nft-refused' });
    expect(await loaded()).toBe(1);
    expect(running.size).toBe(0);
    expect(history(paths, recorded()).map(({ outcome }) => outcome)).toEqual(['refused', 'confirmed']);
    expect(state()).toMatchObject({ current: 1, good: 1, pending: null });
  });

  it('refuses a priority that another chain has', async () => {
    nft.change(
      { add: { table: { family: 'ip', name: 'other' } } },
      {
        add: {
          chain: {
            family: 'ip',
            table: 'other',
            name: 'in',
            type: 'filter',
            hook: 'input',
            prio: -10,
            policy: 'accept',
          },
        },
      },
    );
    await expect(run(policy('22'))).rejects.toMatchObject({ kind: 'usage', code: 'priority-taken' });
  });
});

describe('a guard that waits', () => {
  it('stays when it is confirmed', async () => {
    const id = await waitFor(policy('22'));
    expect(running.size).toBe(1);
    expect(await confirm(engine, id, '')).toMatchObject({ generation: 1, sameConnection: false });
    expect(running.size).toBe(0);
    expect(state()).toMatchObject({ current: 1, good: 1, pending: null });
    await expect(confirm(engine, id, '')).rejects.toMatchObject({ kind: 'usage', code: 'no-pending' });
  });

  it('goes when nobody confirms it, and that is said', async () => {
    await run(policy('22'));
    const id = await waitFor(policy('80'));
    await fire();
    expect(await loaded()).toBe(1);
    await expect(confirm(engine, id, '')).rejects.toMatchObject({ kind: 'refused', code: 'not-confirmed' });
    expect(said).toContain('nobody confirmed generation 2 in time: generation 1 is back');
    expect(state()).toMatchObject({ current: 1, good: 1, pending: null });
    expect(history(paths, recorded())[0]).toMatchObject({ generation: 2, outcome: 'reverted' });
  });

  it('is not loaded again by the same policy', async () => {
    const id = await waitFor(policy('22'));
    expect(await run(policy('22'), { confirmSeconds: 60 })).toMatchObject({
      kind: 'waiting',
      pending: { id },
      changes: [],
    });
  });

  it('is never what another one falls back to', async () => {
    await run(policy('22'));
    await waitFor(policy('80'));
    await waitFor(policy('443'));
    expect(running.size).toBe(1);
    await fire();
    expect(await loaded()).toBe(1);
  });

  it('is told when it is confirmed over the same connection', async () => {
    await run(policy('22'), { confirmSeconds: 60, connection: '192.0.2.1 5000 192.0.2.2 22' });
    const [id = ''] = readdirSync(join(paths.run, 'pending'));
    expect(await confirm(engine, id, '192.0.2.1 5000 192.0.2.2 22')).toMatchObject({ sameConnection: true });
  });

  it('is taken back by the next install if its timer is gone', async () => {
    await run(policy('22'));
    await waitFor(policy('80'));
    running.clear();
    expect(await run(policy('22'))).toMatchObject({ kind: 'unchanged' });
    expect(await loaded()).toBe(1);
  });

  it('may be confirmed although its timer is gone', async () => {
    const id = await waitFor(policy('22'));
    running.clear();
    await confirm(engine, id, '');
    expect(await loaded()).toBe(1);
  });
});

describe('rollback', () => {
  it('goes back one, and to any', async () => {
    for (const ports of ['22', '80', '443']) await run(policy(ports));
    expect(await rollback(engine, undefined)).toEqual({ from: 3, to: 2 });
    expect(await rollback(engine, undefined)).toEqual({ from: 2, to: 1 });
    await expect(rollback(engine, undefined)).rejects.toMatchObject({ kind: 'usage' });
    expect(await rollback(engine, 3)).toEqual({ from: 1, to: 3 });
    expect(state()).toMatchObject({ current: 3, good: 3 });
    await expect(rollback(engine, 9)).rejects.toMatchObject({ kind: 'usage', code: 'no-generation' });
  });

  it('takes back a guard that waits, to none if there was none', async () => {
    await waitFor(policy('22'));
    expect(await rollback(engine, undefined)).toEqual({ from: 1, to: null });
    expect(await nft.listGuard()).toBeUndefined();
    expect(running.size).toBe(0);
  });
});

describe('the records', () => {
  it('are found out when the state is damaged', async () => {
    await run(policy('22'));
    writeFileSync(join(paths.state, 'state.json'), '{"schemaVersion": 1, "current": ');
    expect(await readSituation(engine)).toMatchObject({ state: { current: 1, good: 1 }, recorded: undefined });
    expect(await run(policy('22'))).toMatchObject({ kind: 'unchanged' });
    expect(state()).toMatchObject({ current: 1, good: 1 });
  });

  it('say that somebody flushed', async () => {
    await run(policy('22'));
    nft.change({ delete: { table: { family: 'inet', name: 'dnfw' } } });
    const { repairs } = await readSituation(engine);
    expect(repairs).toEqual(['generation 1 is not loaded any more: somebody took the table away']);
    expect(await run(policy('22'))).toMatchObject({ kind: 'installed', generation: 2 });
  });

  it('are no state with numbers that make no sense', () => {
    expect(parseState('{"schemaVersion":1,"current":-1,"good":null,"pending":null}')).toBeUndefined();
    expect(parseState('{"schemaVersion":1,"current":1,"good":null,"pending":{"id":"x"}}')).toBeUndefined();
    expect(parseState('[]')).toBeUndefined();
  });
});
