// What of the guard is on disk for systemd: the boot, its units, and that uninstall leaves nothing of them.
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syncBoot, unitText } from '../../src/guard/boot.ts';
import { confirm } from '../../src/guard/confirm.ts';
import { writeListing } from '../../src/guard/generations.ts';
import { pathsFrom } from '../../src/guard/paths.ts';
import { rollback } from '../../src/guard/rollback.ts';
import { uninstall } from '../../src/guard/uninstall.ts';
import { isWatchPersistent, persistWatch, watchUnitText } from '../../src/guard/watch-unit.ts';
import { engine, folder, nft, paths, policy, run, running, said, waitFor } from './engine-lab.ts';

describe('boot', () => {
  const boot = (): string => readFileSync(join(paths.state, 'good/guard.json'), 'utf8');

  it('loads what was confirmed last, once it is wished', async () => {
    await run(policy('22'));
    expect(() => boot()).toThrow('ENOENT');
    expect(await run(policy('22'), { persist: true })).toMatchObject({ kind: 'unchanged', persisted: true });
    expect(boot()).toContain('dnfw generation 1 ');
    const id = await waitFor(policy('80'));
    expect(boot()).toContain('dnfw generation 1 ');
    await confirm(engine, id, '');
    expect(boot()).toContain('dnfw generation 2 ');
    await rollback(engine, undefined);
    expect(boot()).toContain('dnfw generation 1 ');
  });

  it('knows the encrypted networks that sync has found', async () => {
    await run(policy('22'), { persist: true });
    const rule = { family: 'inet', table: 'dnfw', chain: 'encrypted', comment: 'network 4097', expr: [{ drop: null }] };
    nft.change({ add: { rule } });
    syncBoot(paths, (await nft.listGuard()) ?? null);
    expect(boot()).toContain('network 4097');
    writeListing(paths, 1, (await nft.listGuard()) ?? null);
    expect(await run(policy('22'))).toMatchObject({ kind: 'unchanged', persisted: false });
    expect(boot()).toContain('network 4097');
  });

  it('has a unit that needs nft alone', () => {
    const text = unitText(paths, '/usr/sbin/nft');
    expect(text).toContain(`ExecStart=/usr/sbin/nft -j -f ${paths.state}/good/guard.json`);
    expect(text).not.toContain('node');
    for (const line of [
      'Before=network-pre.target docker.service',
      'After=nftables.service',
      'CapabilityBoundingSet=CAP_NET_ADMIN',
    ])
      // prettier-ignore
      expect(text).toContain(line);
  });
});

describe('nftables.service', () => {
  const dropIn = (): string => join(paths.units, 'nftables.service.d/zz-dnfw.conf');

  it('puts the guard back whenever it has flushed all rules', async () => {
    await run(policy('22'), { persist: true });
    const text = readFileSync(dropIn(), 'utf8');
    const command = `-/usr/sbin/nft -j -f ${paths.state}/good/guard.json`;
    for (const when of ['ExecStartPost', 'ExecReload', 'ExecStopPost'])
      expect(text).toContain(`\n${when}=${command}\n`);
    // The guard's own unit follows no other: systemd skips a reload that is passed on to one that is not active.
    expect(unitText(paths, 'nft')).not.toMatch(/PartOf|ReloadPropagatedFrom/);
  });

  it('gets its commands again where they are missing', async () => {
    await run(policy('22'), { persist: true });
    rmSync(dropIn());
    expect(await run(policy('22'), { persist: true })).toMatchObject({ kind: 'unchanged', persisted: true });
    expect(existsSync(dropIn())).toBe(true);
  });
});

describe('uninstall', () => {
  it('stops the unit before its file goes', async () => {
    await run(policy('22'), { persist: true });
    await uninstall(engine);
    expect(said).toContain('stop dnfw-guard.service');
  });

  it('leaves nothing', async () => {
    await run(policy('22'), { persist: true });
    await waitFor(policy('80'));
    expect(await uninstall(engine)).toMatchObject({ changed: true });
    expect(await nft.listGuard()).toBeUndefined();
    expect(running.size).toBe(0);
    expect(readdirSync(folder)).toEqual(['units']);
    expect(readdirSync(join(folder, 'units'))).toEqual([]);
    expect(await uninstall(engine)).toMatchObject({ changed: false });
  });
});

describe('dnfw watch --persist', () => {
  it('makes the folder of records, should it run before the first install', () => {
    const text = watchUnitText(pathsFrom({}), ['node']);
    expect(text).toContain('\nStateDirectory=dnfw\nStateDirectoryMode=0700\n');
    expect(watchUnitText(paths, ['node'])).not.toContain('StateDirectory=');
  });

  const command = ['/usr/bin/node', '/opt/with blank/100%/main.js'];
  const files = (): readonly string[] => readdirSync(paths.units, { recursive: true, encoding: 'utf8' }).toSorted();

  it('sets up its unit once, and starts it', async () => {
    expect(isWatchPersistent(paths)).toBe(false);
    expect(await persistWatch(engine, command)).toEqual({ changed: true, started: true });
    expect(await persistWatch(engine, command)).toEqual({ changed: false, started: true });
    expect(isWatchPersistent(paths)).toBe(true);
    expect(files()).toEqual(['dnfw-watch.service', 'multi-user.target.wants', 'multi-user.target.wants/dnfw-watch.service']); // prettier-ignore
    const text = readFileSync(join(paths.units, 'multi-user.target.wants/dnfw-watch.service'), 'utf8');
    expect(text).toContain('ExecStart=/usr/bin/node "/opt/with blank/100%%/main.js" watch\n');
    expect(said).toEqual(['restart dnfw-watch.service', 'restart dnfw-watch.service']);
  });

  it('goes with uninstall, without a guard and however it was enabled', async () => {
    await persistWatch(engine, command);
    const link = join(paths.units, 'multi-user.target.wants/dnfw-watch.service');
    rmSync(link);
    symlinkSync(join(paths.units, 'dnfw-watch.service'), link);
    expect(isWatchPersistent(paths)).toBe(true);
    expect(await uninstall(engine)).toMatchObject({ changed: true });
    expect(files()).toEqual([]);
    expect(said).toContain('stop dnfw-watch.service');
  });
});
