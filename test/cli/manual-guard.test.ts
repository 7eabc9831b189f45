// The manuals of the guard's commands say what the program says: options and exit statuses.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dnfw, root } from './dnfw.ts';

interface Row {
  readonly page: string;
  readonly commands: readonly string[];
  readonly statuses: readonly number[];
}

const rows: readonly Row[] = [
  { page: 'dnfw-status.8', commands: ['status'], statuses: [0, 1, 2, 3, 13, 70] },
  { page: 'dnfw-sync.8', commands: ['sync', 'watch'], statuses: [0, 1, 2, 3, 4, 13, 70] },
];

const section = (text: string, heading: string): string =>
  new RegExp(`^\\.Sh ${heading}\\n([^]*?)(?=^\\.Sh |$(?![^]))`, 'm').exec(text)?.[1] ?? '';

/** The options that a macro line such as `.It Fl h , Fl Fl help` names. */
const flagsIn = (line: string): readonly string[] =>
  [...line.matchAll(/Fl (Fl )?([a-zA-Z][\w-]*)/g)].map(([, long, name]) => `${long ? '--' : '-'}${name}`);

const helpOf = (command: string): readonly string[] => {
  const { stdout } = dnfw([command, '--help']);
  const options = stdout.split(/^Options:\n/m)[1] ?? '';
  return [...options.matchAll(/^ {2}((?:-\w, )?--[\w-]+)/gm)].map(([, names]) => names ?? '');
};

describe.each(rows)('$page', ({ page, commands, statuses }) => {
  const text = readFileSync(join(root, 'man', page), 'utf8');
  const options = (): readonly string[] => [...new Set(commands.flatMap(helpOf))];

  it('has an entry for every option of --help, and no other', () => {
    const listed = [...section(text, 'DESCRIPTION').matchAll(/^\.It Fl.*$/gm)].map(([line]) =>
      flagsIn(line).join(', '),
    );
    expect(listed.toSorted()).toEqual(options().toSorted());
  });

  it('has every command and option in its synopsis', () => {
    const synopsis = section(text, 'SYNOPSIS');
    for (const command of commands) expect(synopsis).toContain(`.Cm ${command}\n`);
    expect(flagsIn(synopsis).toSorted()).toEqual(
      options()
        .filter((one) => one !== '-h, --help')
        .toSorted(),
    );
  });

  it('lists the exit statuses', () => {
    const listed = [...section(text, 'EXIT STATUS').matchAll(/^\.It (\d+)$/gm)].map(([, number]) => Number(number));
    expect(listed).toEqual(statuses);
  });
});
