#!/usr/bin/env node
// How long `dnfw translate` takes beside iptables-restore-translate, whole process, on Docker-like rulesets; and how
// long it takes to say its version beside bare Node. Build first. Run by hand: test/bench/translate.mjs [RULES...]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { dockerLike } from './ruleset.mjs';

const entry = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Runs a command several times: seconds and processor seconds (medians), and the highest peak of memory in MiB. */
const measure = (command, runs) => {
  const results = Array.from({ length: runs }, () => {
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
  });
  return {
    seconds: median(results.map((r) => r.seconds)),
    processor: median(results.map((r) => r.processor)),
    memory: Math.max(...results.map((r) => r.memory)),
  };
};

const row = (...cells) => console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(30) : cell.padStart(10))).join(''));
const show = (name, { seconds, processor, memory }, base) =>
  row(
    name,
    seconds.toFixed(3),
    base ? `${(seconds / base.seconds).toFixed(2)} x` : '',
    processor.toFixed(2),
    memory.toFixed(0),
  );

const folder = mkdtempSync(join(tmpdir(), 'dnfw-bench-'));
try {
  const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1_000, 10_000, 100_000];
  row('', 'seconds', 'ratio', 'CPU s', 'MiB');
  for (const size of sizes) {
    const { text, rules } = dockerLike(size);
    const file = join(folder, 'rules.iptables-save');
    writeFileSync(file, text);
    const runs = size > 50_000 ? 3 : 5;
    const stock = measure(['iptables-restore-translate', '-f', file], runs);
    const own = measure([process.execPath, entry, 'translate', '--no-proof', file], runs);
    console.log(`${rules} rules, ${(text.length / 1e6).toFixed(1)} MB`);
    show('  iptables-restore-translate', stock);
    show('  dnfw translate', own, stock);
  }
  const bare = measure([process.execPath, '-e', '0'], 15);
  console.log('start');
  show('  node -e 0', bare);
  show('  dnfw --version', measure([process.execPath, entry, '--version'], 15), bare);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
