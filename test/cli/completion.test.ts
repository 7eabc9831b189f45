// The completion scripts in the shells they are for.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { dnfw, folderWith, run } from './dnfw.ts';

const shells = ['bash', 'zsh', 'fish'] as const;
let folder = '';

beforeAll(() => {
  folder = folderWith();
  for (const shell of shells) writeFileSync(join(folder, shell), dnfw(['completion', shell]).stdout);
});

/** The candidates that bash offers for the last of these words. */
const inBash = (...words: readonly string[]): readonly string[] => {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const { stdout, stderr } = run(
    'bash',
    ['-c', `. ./bash; COMP_WORDS=(${quoted}) COMP_CWORD=${words.length - 1}; _dnfw; printf '%s\\n' "\${COMPREPLY[@]}"`],
    { folder },
  );
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
};

/** The candidates that fish offers behind this line. */
const inFish = (line: string): readonly string[] => {
  const { stdout, stderr } = run('fish', ['--no-config', '-c', `source ./fish; complete -C '${line}'`], {
    folder,
    env: { HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder },
  });
  expect(stderr).toBe('');
  return stdout.split('\n').flatMap((one) => (one === '' ? [] : [one.split('\t')[0] ?? '']));
};

/** What zsh's own helpers are told to offer for the last of these words. */
const inZsh = (...words: readonly string[]): readonly string[] => {
  const helpers = '_arguments() { print -rl -- "$@" }; _describe() { print -rl -- ${(P)@[-1]} }';
  const setting = `words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}`;
  const { stdout, stderr } = run('zsh', ['-f', '-c', `${helpers}; ${setting}; source ./zsh`], { folder });
  expect(stderr).toBe('');
  return unique([...stdout.matchAll(/^(-{0,2}[a-zA-Z][\w-]*)[:[]/gm)].map(([, name]) => name ?? ''));
};

const wordsIn = (text: string): readonly string[] =>
  [...text.matchAll(/(?<![\w-])--?[a-zA-Z][\w-]*/g)].map(([word]) => word);
const unique = (words: readonly string[]): readonly string[] => [...new Set(words)].toSorted();

/** The options in the left column of a help text. */
const optionsOf = (...command: readonly string[]): readonly string[] =>
  unique(
    [...dnfw([...command, '--help']).stdout.matchAll(/^ {2}(-.*?)(?: {2}| <|$)/gm)].flatMap(([, left]) => wordsIn(left ?? '')), // prettier-ignore
  );

const commands = 'audit capture check completion confirm explain help history install rollback simulate status sync translate uninstall watch'.split(' '); // prettier-ignore

describe('completion', () => {
  it.each(shells)('of %s passes its syntax check', (shell) => {
    expect(run(shell, ['-n', shell], { folder })).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('covers all commands', () => {
    const { stdout } = dnfw(['--help']);
    expect(unique([...stdout.matchAll(/^ {2}([a-z]+)(?= )/gm)].map(([, name]) => name ?? ''))).toEqual(commands);
  });

  it('offers every command and option in bash', () => {
    expect(unique(inBash('dnfw', ''))).toEqual(unique([...commands, ...optionsOf()]));
    expect(unique(inBash('dnfw', 'translate', '-'))).toEqual(optionsOf('translate'));
    expect(unique(inBash('dnfw', 'completion', '-'))).toEqual(optionsOf('completion'));
    expect(inBash('dnfw', 'completion', '')).toEqual([...shells]);
    expect(unique(inBash('dnfw', 'help', ''))).toEqual(commands.filter((name) => name !== 'help'));
  });

  it('offers values and files in bash', () => {
    expect(inBash('dnfw', 'translate', '--format', 'n')).toEqual(['nft']);
    expect(inBash('dnfw', 'translate', '--table', '')).toEqual(['raw', 'mangle', 'nat', 'filter', 'security']);
    expect(inBash('dnfw', 'translate', '-o', 'zs')).toEqual(['zsh']);
    expect(inBash('dnfw', 'translate', 'fi')).toEqual(['fish']);
    expect(inBash('dnfw', 'simulate', 'fi')).toEqual(['fish']);
    expect(inBash('dnfw', 'simulate', '--hook', 'p')).toEqual(['prerouting', 'postrouting']);
  });

  it('offers every command and option in fish', () => {
    expect(unique(inFish('dnfw '))).toEqual(expect.arrayContaining(commands));
    expect(unique(inFish('dnfw --'))).toEqual(optionsOf().filter((name) => name.startsWith('--')));
    const long = optionsOf('translate').filter((name) => name.startsWith('--'));
    expect(unique(inFish('dnfw translate --'))).toEqual(long);
    expect(inFish('dnfw translate -')).toEqual(expect.arrayContaining(['-o', '-h']));
    expect(unique(inFish('dnfw completion '))).toEqual(unique(shells));
    expect(unique(inFish('dnfw translate --backend '))).toEqual(['legacy', 'nft']);
    expect(inFish('dnfw translate zs')).toEqual(['zsh']);
  });

  it('offers every command and option in zsh', () => {
    expect(inZsh('dnfw', '')).toEqual(unique([...commands, ...optionsOf()]));
    expect(inZsh('dnfw', 'translate', '')).toEqual(optionsOf('translate'));
    expect(inZsh('dnfw', 'completion', '')).toEqual(optionsOf('completion'));
    expect(dnfw(['completion', 'zsh']).stdout.startsWith('#compdef dnfw\n')).toBe(true);
  });
});
