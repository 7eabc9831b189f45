/** An engine with an nft that remembers and a timer that waits for the test; each test has a new one. */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Engine } from '../../src/guard/engine.ts';
import type { HostFacts } from '../../src/guard/facts.ts';
import { noFacts } from '../../src/guard/facts.ts';
import { install, type InstallRequest, type InstallResult } from '../../src/guard/install.ts';
import { markIn } from '../../src/guard/loaded.ts';
import { type Paths, pathsFrom } from '../../src/guard/paths.ts';
import type { Policy } from '../../src/guard/policy.ts';
import { readPolicy } from '../../src/guard/policy-read.ts';
import { noState, parseState, type State } from '../../src/guard/state.ts';
import { type FakeNft, fakeNft } from './fake-nft.ts';

export let folder = '';
export let paths: Paths;
export let nft: FakeNft;
export let engine: Engine;
export let said: string[] = [];
export let running: Set<string>;

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
export const fire = async (): Promise<void> => {
  const [id = ''] = readdirSync(join(paths.run, 'pending'));
  const pending = join(paths.run, 'pending', id);
  renameSync(join(pending, 'armed'), join(pending, 'firing'));
  await nft.load(join(pending, 'revert.json'));
  renameSync(join(pending, 'firing'), join(pending, 'reverted'));
  running.delete(pending);
};

export const policy = (ports: string, more = ''): Policy => {
  const text = `version: 1\nmode: enforce\ndefault: drop\nallow: [{ proto: tcp, ports: [${ports}] }]\n${more}`;
  const { value, diagnostics } = readPolicy([{ name: 'policy.yaml', text }]);
  if (!value) throw new Error(JSON.stringify(diagnostics));
  return value;
};

export const request = (parts: Partial<InstallRequest> = {}): InstallRequest => ({
  confirmSeconds: undefined,
  persist: false,
  force: false,
  connection: '',
  dnfw: '0',
  ...parts,
});

export const run = (
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

export const loaded = async (): Promise<number | undefined> => {
  const listing = await nft.listGuard();
  return listing === undefined ? undefined : markIn(listing)?.generation;
};

export const recorded = (): State => state() ?? noState;
export const state = (): State | undefined => parseState(readFileSync(join(paths.state, 'state.json'), 'utf8'));

export const waitFor = async (asked: Policy): Promise<string> => {
  const result = await run(asked, { confirmSeconds: 60 });
  return result.kind === 'waiting' ? result.pending.id : '';
};
