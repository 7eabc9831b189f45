/** Commands of a script that are not iptables: which of them leave the rules alone. */

/** They change nothing that iptables shows. */
const harmless: ReadonlySet<string> = new Set([
  'echo', 'printf', 'true', 'false', ':', 'set', 'exit', 'sysctl', 'modprobe', 'ipset', 'sleep', 'logger', 'date', 'test', '[', '[[',
  'mkdir', 'chmod', 'chown', 'touch', 'rm', 'cp', 'mv', 'ln', 'cat', 'tee', 'grep', 'egrep', 'sed', 'awk', 'cut', 'sort', 'head', 'tail', 'wc',
  'umask', 'ulimit', 'unset', 'cd', 'pwd', 'which', 'type', 'id', 'whoami', 'hostname', 'uname', 'lsmod', 'ip', 'tc', 'ethtool', 'conntrack', 'clear',
  'wait', 'dirname', 'basename', 'readlink', 'export', 'readonly',
]); // prettier-ignore

const baseOf = (name: string): string => name.replace(/^.*\//, '');

/** `ip netns exec` runs another command, in another network namespace. */
export const isHarmless = (name: string, more: readonly string[] = ['exec']): boolean =>
  harmless.has(baseOf(name)) && !(baseOf(name) === 'ip' && more.includes('exec'));

/** What to know about a harmless command nevertheless. */
export const remarkOn = (name: string): string | undefined => {
  if (baseOf(name) === 'ipset') return 'the contents of sets are not part of iptables rules; nft needs sets of its own';
  if (baseOf(name) === 'sysctl') return 'kernel settings are not part of the rules; set them beside the output';
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
  for (let name = baseOf(words[at] ?? ''); Object.hasOwn(prefixes, name); name = baseOf(words[at] ?? '')) {
    at++;
    while (prefixes[name]?.includes(words[at] ?? '')) at++;
  }
  return at;
};
