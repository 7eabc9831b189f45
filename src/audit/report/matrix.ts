/** Hosts by findings: which host has what, in one way through the hosts. */
import { type Finding, jobs, rank, type Severity } from '../finding.ts';
import type { HostReport, PrintableReport } from './types.ts';
import { type Counts, countsOf, isOpen } from './words.ts';

/** `none`: looked for, and not there. `left`: not looked for. `accepted`: there, and every one is accepted. */
export type Cell = Severity | 'accepted' | 'none' | 'left';

export interface Column {
  readonly code: string;
  readonly title: string;
  readonly worst: Severity;
  /** On how many hosts it is, accepted or not. */
  readonly hosts: number;
}

export interface Row {
  readonly name: string;
  readonly counts: Counts;
  readonly cells: readonly Cell[];
}

export interface Matrix {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

interface Sketch {
  readonly name: string;
  readonly counts: Counts;
  readonly found: ReadonlyMap<string, Severity | 'accepted'>;
  readonly looked: ReadonlySet<string>;
}

const rankOf = (cell: Severity | 'accepted'): number => (cell === 'accepted' ? 9 : rank(cell));

const sketchOf = ({ name, findings, looked }: HostReport): Sketch => {
  const found = new Map<string, Severity | 'accepted'>();
  for (const finding of findings) {
    const here = isOpen(finding) ? finding.severity : 'accepted';
    const before = found.get(finding.code);
    if (before === undefined || rankOf(here) < rankOf(before)) found.set(finding.code, here);
  }
  return { name, counts: countsOf(findings), found, looked: new Set(looked) };
};

interface Group {
  readonly first: Finding;
  worst: Severity;
  hosts: number;
}

/** Columns for the codes that any host has, in the order of reports: by job, worst first. */
export const matrixOf = ({ hosts }: PrintableReport): Matrix => {
  const sketches: Sketch[] = [];
  const groups = new Map<string, Group>();
  for (const host of hosts) {
    sketches.push(sketchOf(host));
    for (const code of new Set(host.findings.map((finding) => finding.code))) {
      const some = host.findings.filter((finding) => finding.code === code) as [Finding, ...Finding[]];
      const group = groups.get(code) ?? { first: some[0], worst: some[0].severity, hosts: 0 };
      group.hosts++;
      for (const { severity } of some) if (rank(severity) < rank(group.worst)) group.worst = severity;
      groups.set(code, group);
    }
  }
  const columns = [...groups.values()]
    .toSorted(
      (a, b) =>
        jobs.indexOf(a.first.job) - jobs.indexOf(b.first.job) ||
        rank(a.worst) - rank(b.worst) ||
        a.first.code.localeCompare(b.first.code),
    )
    .map(({ first, worst, hosts: number }) => ({ code: first.code, title: first.title, worst, hosts: number }));
  return {
    columns,
    rows: sketches.map(({ name, counts, found, looked }) => ({
      name,
      counts,
      cells: columns.map(({ code }): Cell => found.get(code) ?? (looked.has(code) ? 'none' : 'left')),
    })),
  };
};
