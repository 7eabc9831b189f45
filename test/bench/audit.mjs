#!/usr/bin/env node
// How long audits take: whole processes. `node test/bench/audit.mjs [CAPTURES [FORMAT…]]`, 3000 as text if nothing is
// given; needs a built program and room for the captures in the folder for temporary files.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'dist/cli/main.js');
const number = Number(process.argv[2] ?? 3000);
const formats = process.argv.length > 3 ? process.argv.slice(3) : ['text'];
const folder = mkdtempSync(join(tmpdir(), 'dnfw-bench-'));

/** Seconds and MiB of one run, as /usr/bin/time has them. */
const measured = (...words) => {
  const { stderr, status } = spawnSync('/usr/bin/time', ['-f', '%e %U %M', process.execPath, program, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: folder,
  });
  const [wall, user, memory] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return { wall, user, memory: Math.round(memory / 1024), status };
};

const row = (what, { wall, user, memory, status }) =>
  console.log(`${what.padEnd(44)} ${wall.toFixed(2).padStart(8)} s  user ${user.toFixed(2).padStart(8)} s  ${String(memory).padStart(5)} MiB  exit ${status}`); // prettier-ignore

try {
  const { module } = await runnerImport(join(root, 'test/audit/captures.ts'), { root, logLevel: 'error' });
  const files = [];
  for (const { file, text } of module.fleet(number)) {
    writeFileSync(join(folder, file), text());
    files.push(file);
  }
  const size = files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
  console.log(`${number} captures, ${Math.round(size / number / 1024)} KiB each; ${execFileSync('nproc', { encoding: 'utf8' }).trim()} processors`); // prettier-ignore
  for (const file of files.slice(0, 3)) row(`one capture (${file})`, measured('audit', file));
  row('rules of one host (20.10.24)', measured('audit', join(root, 'test/data/steps/docker-20.10.24/3-service.iptables-save'))); // prettier-ignore
  for (const format of formats)
    row(`${number} captures, ${format}`, measured('audit', '--format', format, '-o', `report.${format}`, ...files));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
