/** Commands of a script that are not iptables: which of them leave the rules alone. */

/** They change nothing that iptables shows. */
const harmless: ReadonlySet<string> = new Set([
  'echo', 'printf', 'true', 'false', ':', 'set', 'exit', 'sysctl', 'modprobe', 'ipset', 'sleep', 'logger', 'date', 'test', '[', '[[',
  'mkdir', 'chmod', 'chown', 'touch', 'rm', 'cp', 'mv', 'ln', 'cat', 'tee', 'grep', 'egrep', 'sed', 'awk', 'cut', 'sort', 'head', 'tail', 'wc',
  'umask', 'ulimit', 'unset', 'cd', 'pwd', 'which', 'type', 'id', 'whoami', 'hostname', 'uname', 'lsmod', 'ip', 'tc', 'ethtool', 'conntrack', 'clear',
  'return', 'wait', 'dirname', 'basename', 'readlink', 'export', 'readonly',
]); // prettier-ignore

export const isHarmless = (name: string): boolean => harmless.has(name.replace(/^.*\//, ''));

/** What to know about a harmless command nevertheless. */
export const remarkOn = (name: string): string | undefined => {
  if (name === 'ipset') return 'the contents of sets are not part of iptables rules; nft needs sets of its own';
  if (name === 'sysctl') return 'kernel settings are not part of the rules; set them beside the output';
  return undefined;
};

/** Words in front of a command that leave it what it is. */
const prefixes: Readonly<Record<string, readonly string[]>> = {
  sudo: ['-n', '-E', '-H', '-S', '--'],
  exec: [],
  command: ['--'],
  nohup: [],
};

/** Where the command itself begins behind `sudo` and its like. */
export const skipPrefixes = (words: readonly string[]): number => {
  let at = 0;
  for (;;) {
    const options = prefixes[words[at]?.replace(/^.*\//, '') ?? ''];
    if (!options || !Object.hasOwn(prefixes, words[at]?.replace(/^.*\//, '') ?? '')) return at;
    at++;
    while (options.includes(words[at] ?? '')) at++;
  }
};
