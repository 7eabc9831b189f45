/** What is not known of a host, and which findings that leaves out. */
import { isError } from '../diagnostics/diagnostic.ts';
import type { Need } from './contract.ts';
import type { Source } from './source.ts';

export interface Lacks {
  readonly needs: ReadonlySet<Need>;
  /** Beside what findings need: sentences. */
  readonly words: readonly string[];
}

export const lacksOf = ({ absent, around, host, supposed = [] }: Source): Lacks => {
  const missing: Need[] = [];
  const lack = (need: Need, isMissing: boolean): void => {
    if (isMissing) missing.push(need);
  };
  lack('nft', absent.has('nft'));
  lack('engine', host.docker === undefined);
  lack('networks', around.networks === undefined);
  lack('sockets', absent.has('sockets'));
  lack('addresses', absent.has('addresses'));
  lack('modules', around.modules === undefined);
  lack('firewalld', around.firewalld === undefined);
  lack('sysctls', around.sysctls === undefined);
  lack('guard', around.guard === undefined);
  lack('ipsets', around.ipsets === undefined);
  lack('namespaces', around.namespaces === undefined);
  const families = (['iptables', 'ip6tables'] as const).filter((part) => absent.has(part));
  return {
    needs: new Set(missing),
    words: [
      ...families.map((part) => {
        const family = part === 'iptables' ? 'IPv4' : 'IPv6';
        const rest = absent.has('nft')
          ? `nothing is said of ${family}`
          : `of ${family} it is only known what nft lists`;
        return `not given, or empty: the rules of ${part}; ${rest}`;
      }),
      ...supposed.map((what) => `not known: ${what}`),
      ...host.gaps.map(({ what, why }) => `not read: ${what}: ${why}`),
      ...host.diagnostics.filter(isError).map(({ what, span }) => `not read: ${span ? `${span.file}:${span.line}: ` : ''}${what}`), // prettier-ignore
    ],
  };
};
