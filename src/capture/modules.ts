/** Which modules a kernel has, from its files. To ask a program would load the module that the program needs. */
import type { Files } from './files.ts';
import type { ModuleState } from './document.ts';

export type Modules = (name: string) => ModuleState | undefined;

const textOf = ({ read }: Files, path: string): string | undefined => {
  const found = read(path);
  return found.kind === 'text' ? found.text : undefined;
};

/** Extensions that the kernel has registered with x_tables, by their names in rules: `u32` of xt_u32. */
const registered = (files: Files): ReadonlySet<string> =>
  new Set(
    ['ip_tables_matches', 'ip_tables_targets', 'ip6_tables_matches', 'ip6_tables_targets'].flatMap((name) =>
      (textOf(files, `/proc/net/${name}`) ?? '').split('\n').map((line) => line.trim()),
    ),
  );

/** `kernel/net/netfilter/xt_u32.ko.xz: …`. Names of files have - where the kernel says _, or the other way. */
const namesIn = (text: string | undefined): ReadonlySet<string> | undefined =>
  text === undefined
    ? undefined
    : new Set(
        [...text.matchAll(/^(?:[^\s:]*\/)?([\w-]+)\.ko(?:\.\w+)?(?::|$)/gm)].map(([, name]) => plain(name ?? '')),
      );

const plain = (name: string): string => name.replaceAll('-', '_');

/** `kernel`: its release, as `uname -r` says it. */
export const readModules = (files: Files, kernel: string): Modules => {
  const folder = `/lib/modules/${kernel}`;
  const builtIn = namesIn(textOf(files, `${folder}/modules.builtin`));
  const onDisk = namesIn(textOf(files, `${folder}/modules.dep`));
  // Without support for modules there is no such file, and what the kernel does not have it never will.
  const listed = files.read('/proc/modules');
  const loaded = new Set(listed.kind === 'text' ? listed.text.split('\n').map((line) => line.split(' ')[0] ?? '') : []);
  const sys = files.list('/sys/module');
  const present = new Set(sys.kind === 'names' ? sys.names : []);
  const extensions = registered(files);
  const isComplete = listed.kind === 'missing' && extensions.size > 1;
  return (name) => {
    if (loaded.has(name)) return 'loaded';
    if (builtIn?.has(name) === true) return 'built in';
    const extension = name.replace(/^(?:xt|ipt|ip6t)_/, '');
    if (present.has(name) || (extension !== name && extensions.has(extension)))
      return listed.kind === 'missing' ? 'built in' : 'loaded';
    if (onDisk?.has(name) === true) return 'loadable';
    if (onDisk && builtIn) return 'absent';
    return isComplete && extension !== name ? 'absent' : undefined;
  };
};
