/** A thread that audits one host after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { type AuditJob, type JobOptions, runJob } from './audit-jobs.ts';
import { packed } from './audit-packed.ts';

export interface Asked {
  readonly number: number;
  readonly job: AuditJob;
}

// What the pool gives to every thread.
const options = workerData as JobOptions;

parentPort?.on('message', ({ number, job }: Asked) => {
  void runJob(job, options, false).then(
    (audited) => parentPort?.postMessage({ number, audited: packed(audited) }),
    // A bug must not pass for a host without findings: the thread ends, and the pool says so.
    (error: unknown) => {
      throw error;
    },
  );
});
