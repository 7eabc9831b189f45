/** Audits many hosts, in as many threads as there are processors. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Audited, type AuditJob, brokenJob, type JobOptions, runJob } from './audit-jobs.ts';
import { type Packed, packed } from './audit-packed.ts';
import type { Asked } from './audit-worker.ts';

/** Fewer hosts than these are audited sooner than a thread has started. */
const fewest = 12;

/** MiB of one thread: a host that needs more is one that cannot be audited beside thousands of others. */
const roomOfThread = 384;

export type Progress = (done: number, all: number) => void;

interface Answer {
  readonly number: number;
  readonly audited: Audited<Packed>;
}

const inThreads = (
  jobs: readonly AuditJob[],
  options: JobOptions,
  threads: number,
  progress: Progress,
): Promise<readonly Audited<Packed>[]> =>
  new Promise((resolve) => {
    const results: (Audited<Packed> | undefined)[] = jobs.map(() => undefined);
    let next = 0;
    let done = 0;
    const alive = new Set<Worker>();

    const finish = (number: number, audited: Audited<Packed>): void => {
      results[number] = audited;
      done++;
      progress(done, jobs.length);
      if (done < jobs.length) return;
      for (const worker of alive) void worker.terminate();
      resolve(results.filter((one) => one !== undefined));
    };

    const start = (): void => {
      // Beside this file in the built program, which is the only one that has threads.
      const worker = new Worker(new URL('audit-worker.js', import.meta.url), {
        workerData: options,
        resourceLimits: { maxOldGenerationSizeMb: roomOfThread },
      });
      alive.add(worker);
      let busy: Asked | undefined;
      const ask = (): void => {
        const job = jobs[next];
        if (!job) return;
        busy = { number: next, job };
        next++;
        worker.postMessage(busy);
      };
      worker.on('message', ({ number, audited }: Answer) => {
        busy = undefined;
        finish(number, audited);
        ask();
      });
      // A thread ends by itself only where a host was too much for it.
      worker.on('error', (error) => {
        alive.delete(worker);
        const { number, job } = busy ?? {};
        if (next < jobs.length) start();
        if (number !== undefined && job)
          finish(number, brokenJob(job, { code: 'internal', severity: 'error', what: `${job[0] ?? ''} could not be audited: ${error.message}` })); // prettier-ignore
      });
      ask();
    };
    for (let i = 0; i < threads; i++) start();
  });

/** In the order of the jobs. One that fails is a broken host, unless it is the only one. */
export const runJobs = async (
  jobs: readonly AuditJob[],
  options: JobOptions,
  progress: Progress,
): Promise<readonly Audited<Packed>[]> => {
  const threads = Math.min(availableParallelism(), Math.floor(jobs.length / fewest) + 1);
  if (jobs.length >= fewest) return inThreads(jobs, options, threads, progress);
  const results: Audited<Packed>[] = [];
  for (const job of jobs) results.push(packed(await runJob(job, options, jobs.length === 1)));
  return results;
};
