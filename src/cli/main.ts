#!/usr/bin/env node
// Kept small: `dnfw --version` in a provisioning loop should cost no more than starting Node.
import process from 'node:process';

// A reader that closes early (head, less) is no error of ours, nor a reason to stop before the result is written.
// Standard output is written to by its descriptor: touching the stream would make a pipe non-blocking, and waiting for
// its reader a matter of polling.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

// A folder that has been removed is no place to start programs from, and whoever wants the guard back may well stand in one.
try {
  process.cwd();
} catch {
  process.chdir('/');
}

const [first] = process.argv.slice(2);
if (process.argv.length === 3 && (first === '--version' || first === '-V')) {
  const { printVersion } = await import('./version.ts');
  printVersion();
} else {
  const { run } = await import('./program.ts');
  process.exitCode = await run(process.argv.slice(2));
}
