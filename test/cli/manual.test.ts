// The manuals say what the program says: every command, option, choice and exit status, and examples that work.
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { declared } from '../../src/audit/declarations.ts';
import { jobTitles } from '../../src/audit/report/words.ts';
import { exit } from '../../src/cli/exit.ts';
import { registry } from '../../src/extensions/registry.ts';
import { assumptions } from '../../src/packet/assumption.ts';
import { dnfw, folderWith, program, root, run } from './dnfw.ts';

const page = (name: string): string => readFileSync(join(root, 'man', name), 'utf8');

/** The part of a page under a heading. */
const section = (text: string, heading: string): string =>
  new RegExp(`^\\.Sh ${heading}\\n([^]*?)(?=^\\.Sh |$(?![^]))`, 'm').exec(text)?.[1] ?? '';

/** The options that a macro line such as `.It Fl o , Fl Fl output Ar file` names. */
const flagsIn = (line: string): readonly string[] =>
  [...line.matchAll(/Fl (Fl )?([a-zA-Z][\w-]*)/g)].map(([, long, name]) => `${long ? '--' : '-'}${name}`);

/** Each option of `--help` with the values that it can have. */
const helpOf = (command: readonly string[]): ReadonlyMap<string, readonly string[]> => {
  const { stdout } = dnfw([...command, '--help']);
  const options = (stdout.split(/^Options:\n/m)[1] ?? '').split(/^\S/m)[0] ?? '';
  const entries = options.split(/^ {2}(?=-)/m).slice(1);
  return new Map(
    entries.map((entry) => {
      const names = /^(?:-\w, )?--?[\w-]+/.exec(entry)?.[0] ?? '';
      const text = entry.replace(/\s+/g, ' ');
      const choices = /choices: (.*?)(?:, default|\))/.exec(text)?.[1] ?? '';
      return [names, [...choices.matchAll(/"([^"]+)"/g)].map(([, value]) => value ?? '')];
    }),
  );
};

const commands = (): readonly string[] => {
  const { stdout } = dnfw(['--help']);
  return [...(stdout.split(/^Commands:\n/m)[1] ?? '').matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name ?? '');
};

/** What the guard's commands end with, unless a page says otherwise. */
const guardStatuses = [exit.done, exit.environment, exit.usage, exit.unsupported, exit.refused, exit.bug];

/** The statuses with which a command ends. */
const statusesOf: Readonly<Record<string, readonly number[]>> = {
  audit: [exit.done, exit.environment, exit.usage, exit.findings, exit.bug],
  check: [exit.done, exit.environment, exit.usage, exit.different, exit.unknown, exit.bug],
  explain: [0, 1, 2, 70],
  translate: [exit.done, exit.environment, exit.usage, exit.untranslated, exit.bug],
  simulate: [exit.done, exit.environment, exit.usage, exit.unknown, exit.bug],
  install: guardStatuses,
  confirm: guardStatuses,
  rollback: guardStatuses,
  history: [exit.done, exit.environment, exit.usage, exit.bug],
  uninstall: guardStatuses,
  capture: [exit.done, exit.environment, exit.usage, exit.bug],
};

/** Commands that are for the administrator have their pages in section 8. */
const isPrivileged = (command: string): boolean =>
  statusesOf[command] === guardStatuses || command === 'history' || command === 'capture';
const pageName = (command: string): string => `dnfw-${command}.${isPrivileged(command) ? 8 : 1}`;

describe('dnfw(8)', () => {
  it('lists every command and no other', () => {
    const text = page('dnfw.8');
    expect([...text.matchAll(/^\.It Cm (\w+)/gm)].map(([, name]) => name)).toEqual(commands());
    for (const name of commands()) expect(section(text, 'SYNOPSIS')).toContain(`.Cm ${name}\n`);
  });

  it('lists the options of dnfw itself', () => {
    const own = [...helpOf([]).keys()].flatMap((names) => names.split(', ')).toSorted();
    expect([...section(page('dnfw.8'), 'DESCRIPTION').matchAll(/^\.It Fl.*$/gm)].flatMap(([line]) => flagsIn(line)).toSorted()).toEqual(own); // prettier-ignore
    const synopsis = section(page('dnfw.8'), 'SYNOPSIS');
    for (const name of own) expect(flagsIn(synopsis)).toContain(name);
  });

  it('lists every exit status that a command ends with, and no other', () => {
    const listed = [...section(page('dnfw.8'), 'EXIT STATUS').matchAll(/^\.It (\d+)$/gm)].map(([, n]) => Number(n));
    expect(listed).toEqual([...new Set(Object.values(statusesOf).flat())].toSorted((a, b) => a - b));
  });
});

/** The status that an example ends with; no example has an error. */
const statusOf = (example: string): number => {
  if (example.includes('--allow-untranslated')) return exit.untranslated;
  const [, said] = /# (unknown|refuted|findings)$/m.exec(example) ?? [];
  const endings: Readonly<Record<string, number>> = {
    unknown: exit.unknown,
    refuted: exit.different,
    findings: exit.findings,
  };
  return endings[said ?? ''] ?? exit.done;
};

/** The guard of an example is that of its namespace, and so are its files. */
const foldersIn = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(['CONFIG', 'STATE', 'RUN', 'UNIT'].map((kind) => [`DNFW_${kind}_DIR`, join(folder, kind)]));

/** An example as a script, and what it prints if the page shows that. */
const readExample = (example: string): { readonly script: readonly string[]; readonly printed: readonly string[] } => {
  const script: string[] = [];
  const printed: string[] = [];
  // mandoc(1) prints \e as a backslash.
  for (const line of example.replaceAll('\\e', '\\').split('\n'))
    if (line.startsWith('$ ')) script.push(line.slice(2));
    else if (script.at(-1)?.endsWith('\\') === true) script.push(line);
    else printed.push(line);
  return { script, printed };
};

describe.each(Object.keys(statusesOf))('the page of dnfw %s', (command) => {
  const text = page(pageName(command));
  const names = (): readonly string[] => [...helpOf([command]).keys()];

  it('has an entry for every option of --help, and no other', () => {
    const listed = [...section(text, 'DESCRIPTION').matchAll(/^\.It Fl.*$/gm)].map(([line]) =>
      flagsIn(line).join(', '),
    );
    expect(listed).toEqual(names());
  });

  it('has every option in its synopsis', () => {
    const synopsis = flagsIn(section(text, 'SYNOPSIS'));
    const groups = names().filter((group) => group !== '-h, --help');
    expect(synopsis).toEqual(groups.map((group) => group.split(', ')[0]));
  });

  it('names every value that an option can have', () => {
    const entries = section(text, 'DESCRIPTION').split(/^\.It /m);
    for (const [group, choices] of helpOf([command])) {
      const entry = entries.find((one) => flagsIn(one.split('\n')[0] ?? '').join(', ') === group) ?? '';
      for (const choice of choices) expect(entry).toMatch(new RegExp(`^\\.Cm .*\\b${choice}\\b`, 'm'));
    }
  });

  it('lists the exit statuses', () => {
    const listed = [...section(text, 'EXIT STATUS').matchAll(/^\.It (\d+)$/gm)].map(([, n]) => Number(n));
    expect(listed).toEqual(statusesOf[command]);
  });

  const examples = [...text.matchAll(/^\.Bd -literal.*\n(\$ [^]*?)\n\.Ed$/gm)].map(([, lines]) => lines ?? '');

  it('has examples', () => {
    expect(examples.length).toBeGreaterThanOrEqual(isPrivileged(command) ? 1 : 5);
  });

  it.each(examples)('works as in the example %j', (example) => {
    const folder = folderWith();
    cpSync(join(root, 'translations'), join(folder, 'translations'), { recursive: true });
    const { script, printed } = readExample(example);
    const lines = [`dnfw() { ${process.execPath} ${program} "$@"; }`, 'set -e', ...script];
    const { status, stderr, stdout } = run('unshare', ['-n', 'bash', '-c', lines.join('\n')], {
      folder,
      env: foldersIn(folder),
    });
    expect({ stderr, status }).toEqual({ stderr, status: statusOf(example) });
    if (printed.length > 0) expect(stdout.trimEnd().split('\n')).toEqual(printed);
  });
});

describe('README.md', () => {
  const blocks = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```\n(\$ [^]*?)\n```$/gm)];
  // jq(1) is not everywhere.
  const shown = blocks.map(([, lines]) => (lines ?? '').split('\n').filter((line) => !/^(\$ jq |\[\d)/.test(line)));

  it('shows commands', () => {
    expect(shown.length).toBeGreaterThanOrEqual(7);
  });

  it.each(shown)('prints what it shows for %s', (...lines) => {
    const folder = folderWith();
    for (const data of ['translations', 'test/data']) cpSync(join(root, data), join(folder, data), { recursive: true });
    const script = lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
    const start = `dnfw() { ${process.execPath} ${program} "$@"; }; exec 2>&1`;
    const { stdout } = run('bash', ['-c', [start, ...script].join('\n')], { folder });
    // Notes, and what an ellipsis stands for, may come between; the columns of a listing are not kept.
    const folded = (line: string): string => line.trim().replace(/\s+/g, ' ');
    const printed = stdout.split('\n').map(folded);
    let at = 0;
    const missing = lines.filter((line) => {
      if (/^(?:\$ .*|\s*….*)?$/.test(line)) return false;
      const found = printed.indexOf(folded(line), at);
      if (found >= 0) at = found + 1;
      return found < 0;
    });
    expect(missing).toEqual([]);
  });
});

describe('dnfw-check(1)', () => {
  it('has every assumption by its name, and no other', () => {
    const listed = [...section(page('dnfw-check.1'), 'ASSUMPTIONS').matchAll(/^\.It Cm (.*)$/gm)];
    expect(listed.map(([, name]) => name)).toEqual(Object.keys(assumptions));
  });
});

describe('dnfw-extensions(7)', () => {
  const text = page('dnfw-extensions.7');

  it('has an entry for every extension with every option', () => {
    for (const extension of [...registry.matches.values(), ...registry.targets.values()]) {
      const entry =
        text.split(/^\.Ss /m).find((one) => one.split('\n')[0]?.replace('\\&', '') === extension.name) ?? '';
      expect(entry).toContain(`Support: ${extension.support}.`);
      const listed = [...entry.matchAll(/^\.It .*$/gm)].flatMap(([line]) => flagsIn(line));
      const options = Object.values(extension.options).flatMap(({ name, aliases }) => [name, ...(aliases ?? [])]);
      expect(listed).toEqual(options);
    }
  });
});

describe('dnfw-findings(7)', () => {
  const text = page('dnfw-findings.7');

  it('has an entry for every finding, under its job, and a line in the table', () => {
    for (const { code, severity, title, job } of declared) {
      const part = section(text, jobTitles[job].toUpperCase());
      expect(part.split(/^\.Ss /m).map((one) => one.split('\n')[0]?.replace('\\&', ''))).toContain(code);
      expect(section(text, 'DESCRIPTION')).toContain(`${code} Ta ${severity} Ta "${title}"`);
    }
    expect([...text.matchAll(/^\.Ss (?!All)/gm)].length).toBe(declared.length);
  });
});

const generated = ['dnfw-extensions.7', 'dnfw-findings.7'] as const;

describe.each(generated)('%s', (name) => {
  /** The generator beside the pages, this one with another content. */
  const check = (content: string | undefined): { readonly status: number | null; readonly stderr: string } => {
    const folder = folderWith();
    mkdirSync(join(folder, 'man'));
    symlinkSync(join(root, 'dist'), join(folder, 'dist'));
    for (const file of ['generate.mjs', 'findings-page.mjs', 'roff.mjs', ...generated.filter((one) => one !== name)])
      cpSync(join(root, 'man', file), join(folder, 'man', file));
    if (content !== undefined) writeFileSync(join(folder, 'man', name), content);
    return run(process.execPath, [join(folder, 'man/generate.mjs'), '--check']);
  };

  it('is the page that the declarations make', () => {
    expect(check(page(name))).toMatchObject({ status: 0, stderr: '' });
  });

  it.each([
    ['changed', `${page(name)}.\\" more\n`],
    ['missing', undefined],
  ] as const)('is found %s', (_how, content) => {
    const { status, stderr } = check(content);
    expect(status).toBe(1);
    expect(stderr).toContain(`man/${name} does not say`);
    expect(stderr).toContain('node man/generate.mjs');
  });
});
