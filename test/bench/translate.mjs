#!/usr/bin/env node
// How long `dnfw translate` takes beside iptables-restore-translate, whole process, on Docker-like rulesets and plain
// port rules; and how long it takes to say its version beside bare Node. Build first. Run by hand: test/bench/translate.mjs [RULES...]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { dockerLike, plainPorts } from './ruleset.mjs';

const entry = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** One run of a command: seconds, processor seconds, and the peak of memory in MiB. */
const measureOnce = (command) => {
  const start = performance.now();
  const run = spawnSync('/usr/bin/time', ['-f', '%U %S %M', ...command], {
    // Both write into a pipe, as to a pager or to nft; to /dev/null the stock tool is faster, for it writes line by line.
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 2 ** 30,
  });
  const seconds = (performance.now() - start) / 1000;
  if (run.error) throw new Error('this needs /usr/bin/time', { cause: run.error });
  if (run.status !== 0)
    throw new Error(`${command.join(' ')} exits ${run.status}:\n${String(run.stderr).slice(-2000)}`);
  const [user = 0, system = 0, kilobytes = 0] = (String(run.stderr).trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number);
  return { seconds, processor: user + system, memory: kilobytes / 1024 };
};

/**
 * Runs the commands in turn, several times each: medians, and the highest peak of memory. The ratio is the median of
 * those of each turn, so that a machine that changes its speed changes it for both.
 */
const measure = (runs, ...commands) => {
  const turns = Array.from({ length: runs }, () => commands.map(measureOnce));
  return commands.map((_, i) => ({
    seconds: median(turns.map((turn) => turn[i].seconds)),
    ratio: median(turns.map((turn) => turn[i].seconds / turn[0].seconds)),
    processor: median(turns.map((turn) => turn[i].processor)),
    memory: Math.max(...turns.map((turn) => turn[i].memory)),
  }));
};

const row = (...cells) => console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(30) : cell.padStart(10))).join(''));
const show = (name, { seconds, ratio, processor, memory }, first = false) =>
  row(name, seconds.toFixed(3), first ? '' : `${ratio.toFixed(2)} x`, processor.toFixed(2), memory.toFixed(0));

const folder = mkdtempSync(join(tmpdir(), 'dnfw-bench-'));
try {
  const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1_000, 10_000, 100_000];
  row('', 'seconds', 'ratio', 'CPU s', 'MiB');
  const dumps = [...sizes.map((size) => ['Docker-like', size, dockerLike]), ['plain ports', sizes.at(-1), plainPorts]];
  for (const [kind, size, make] of dumps) {
    const { text, rules } = make(size);
    const file = join(folder, 'rules.iptables-save');
    writeFileSync(file, text);
    const runs = size > 50_000 ? 5 : 7;
    const [stock, own] = measure(
      runs,
      ['iptables-restore-translate', '-f', file],
      [process.execPath, entry, 'translate', '--no-proof', file],
    );
    console.log(`${String(kind)}, ${rules} rules, ${(text.length / 1e6).toFixed(1)} MB`);
    show('  iptables-restore-translate', stock, true);
    show('  dnfw translate', own);
  }
  const [bare, started] = measure(15, [process.execPath, '-e', '0'], [process.execPath, entry, '--version']);
  console.log('start');
  show('  node -e 0', bare, true);
  show('  dnfw --version', started);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
