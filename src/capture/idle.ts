/** Questions that would load a module into the kernel, and how they are answered without. */
import type { Modules } from './modules.ts';
import type { Way } from './record.ts';

/** A module that nobody has needed so far holds nothing that could be listed. */
const needed: readonly { readonly asked: RegExp; readonly module: string }[] = [
  { asked: /^(?:nft|ip6?tables-nft-save)$/, module: 'nf_tables' },
  { asked: /^ipset$/, module: 'ip_set' },
];

/** What ss asks the kernel with; without them it reads the same from files. */
const diagnostics = ['inet_diag', 'tcp_diag', 'udp_diag', 'raw_diag'] as const;

export const waysWith =
  (modules: Modules) =>
  (program: string, args: readonly string[]): Way => {
    const isIdle = (name: string): boolean => modules(name) === 'loadable';
    const isVersion = args.includes('--version');
    if (!isVersion && needed.some(({ asked, module }) => asked.test(program) && isIdle(module))) return 'nothing';
    if (program === 'ip' && args.includes('xfrm') && isIdle('xfrm_user')) return 'nothing';
    if (program === 'ss' && diagnostics.some(isIdle)) return ['env', 'PROC_ROOT=/proc', program, ...args];
    return 'ask';
  };
