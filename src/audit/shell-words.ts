/** Rules and names as words for a shell: who wrote a comment or named a device must not run commands as root. */

/** Letters that no shell makes anything of; `!` alone is iptables' own. */
const plainWord = /^(?:[\w@%+=:,./-]+|!)$/;

export const shellWord = (word: string): string => (plainWord.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** `ip filter INPUT`: family, table and chain as nft takes them; names that came by netlink may hold anything but blanks. */
export const shellPlace = (...names: readonly string[]): string =>
  names
    .flatMap((name) => name.split(' '))
    .map(shellWord)
    .join(' ');

/** A rule as iptables-save prints it: its quotes and backslashes are read by iptables-restore, not as a shell would. */
export const shellRule = (text: string): string =>
  [...text.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/gs)]
    .map(([, quoted, bare]) => shellWord(quoted === undefined ? (bare ?? '') : quoted.replaceAll(/\\(.)/gs, '$1')))
    .join(' ');
