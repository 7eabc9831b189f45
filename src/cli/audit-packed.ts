/** Reports of hosts as bytes: of thousands, only the one that is being printed is there in full. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { HostReport } from '../audit/report/types.ts';
import type { Audited } from './audit-jobs.ts';

export type Packed = Uint8Array;

export const pack = (report: HostReport): Packed => deflateRawSync(JSON.stringify(report), { level: 1 });

// What was packed is a report: it is plain data, and comes back as it was.
export const unpack = (bytes: Packed): HostReport => JSON.parse(inflateRawSync(bytes).toString('utf8')) as HostReport;

export const packed = (audited: Audited): Audited<Packed> => ({
  ...audited,
  hosts: audited.hosts.map(({ report, summary }) => ({ report: pack(report), summary })),
});

/** As often as somebody goes through them, one after the other. */
export const unpacked = (all: readonly Packed[]): Iterable<HostReport> => ({
  *[Symbol.iterator]() {
    for (const bytes of all) yield unpack(bytes);
  },
});
