// Install, confirm, rollback and uninstall with an nft that remembers and a timer that waits for the test.
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { syncBoot, unitText } from '../../src/guard/boot.ts';
import { confirm } from '../../src/guard/confirm.ts';
import type { Engine } from '../../src/guard/engine.ts';
import type { HostFacts } from '../../src/guard/facts.ts';
import { noFacts } from '../../src/guard/facts.ts';
import { writeListing } from '../../src/guard/generations.ts';
import { history } from '../../src/guard/history.ts';
import { install, type InstallRequest, type InstallResult } from '../../src/guard/install.ts';
import { markIn } from '../../src/guard/loaded.ts';
import { type Paths, pathsFrom } from '../../src/guard/paths.ts';
import type { Policy } from '../../src/guard/policy.ts';
import { readPolicy } from '../../src/guard/policy-read.ts';
import { rollback } from '../../src/guard/rollback.ts';
import { uninstall } from '../../src/guard/uninstall.ts';
import { readSituation } from '../../src/guard/situation.ts';
import { isWatchPersistent, persistWatch, watchUnitText } from '../../src/guard/watch-unit.ts';
import { noState, parseState, type State } from '../../src/guard/state.ts';
import { type FakeNft, fakeNft } from './fake-nft.ts';

let folder = '';
let paths: Paths;
let nft: FakeNft;
let engine: Engine;
let said: string[] = [];
let running: Set<string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dnfw-engine-'));
  const at = (name: string): string => join(folder, name);
  paths = pathsFrom({
    DNFW_STATE_DIR: at('lib'),
    DNFW_RUN_DIR: at('run'),
    DNFW_UNIT_DIR: at('units'),
    DNFW_CONFIG_DIR: at('etc'),
  });
  nft = fakeNft();
  said = [];
  running = new Set();
  engine = {
    nft,
    paths,
    timer: {
      start: async (where) => {
        await Promise.resolve();
        running.add(where);
      },
      runs: (where) => running.has(where),
      stop: (where) => void running.delete(where),
    },
    services: {
      nft: () => '/usr/sbin/nft',
      reload: () => Promise.resolve(),
      restart: (unit) => Promise.resolve(said.push(`restart ${unit}`) > 0),
      stop: (unit) => Promise.resolve(void said.push(`stop ${unit}`)),
    },
    now: () => new Date('2026-11-23T12:00:00Z'),
    say: (line) => void said.push(line),
  };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the dead-man of the only guard that waits does. */
const fire = async (): Promise<void> => {
  const [id = ''] = readdirSync(join(paths.run, 'pending'));
  const pending = join(paths.run, 'pending', id);
  renameSync(join(pending, 'armed'), join(pending, 'firing'));
  await nft.load(join(pending, 'revert.json'));
  renameSync(join(pending, 'firing'), join(pending, 'reverted'));
  running.delete(pending);
};

const policy = (ports: string, more = ''): Policy => {
  const text = `version: 1\nmode: enforce\ndefault: drop\nallow: [{ proto: tcp, ports: [${ports}] }]\n${more}`;
  const { value, diagnostics } = readPolicy([{ name: 'policy.yaml', text }]);
  if (!value) throw new Error(JSON.stringify(diagnostics));
  return value;
};

const request = (parts: Partial<InstallRequest> = {}): InstallRequest => ({
  confirmSeconds: undefined,
  persist: false,
  force: false,
  connection: '',
  dnfw: '0',
  ...parts,
});

const run = (
  asked: Policy,
  parts: Partial<InstallRequest> = {},
  lost: readonly string[] = [],
  facts: HostFacts = noFacts,
): Promise<InstallResult> =>
  install(engine, request(parts), () =>
    Promise.resolve({
      proposal: { policy: asked, policyName: 'policy.yaml', facts, priority: -10 },
      preflight: () => lost,
    }),
  );

const loaded = async (): Promise<number | undefined> => {
  const listing = await nft.listGuard();
  return listing === undefined ? undefined : markIn(listing)?.generation;
};

const recorded = (): State => state() ?? noState;
const state = () => parseState(readFileSync(join(paths.state, 'state.json'), 'utf8'));

const waitFor = async (asked: Policy): Promise<string> => {
  const result = await run(asked, { confirmSeconds: 60 });
  return result.kind === 'waiting' ? result.pending.id : '';
};

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
