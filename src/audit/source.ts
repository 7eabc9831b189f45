/** One host as an audit gets it: read live, from a capture, or from bare rules. */
import type { Host } from '../guard/host.ts';
import type { Surroundings } from './surroundings.ts';

export interface Source {
  /** What the host is called in the report. */
  readonly name: string;
  readonly kind: 'live' | 'capture' | 'rules';
  /** Where it was read from; none for the live host. */
  readonly files: readonly string[];
  readonly host: Host;
  readonly around: Surroundings;
  /**
   * Which chains of iptables are known, as `ip filter INPUT`; undefined: all that the host has. Of a listing of INPUT
   * nobody knows what is in mangle.
   */
  readonly chains: ReadonlySet<string> | undefined;
  /** Parts that `host` does not have because nobody gave them: not the same as a host that has none. */
  readonly absent: ReadonlySet<'iptables' | 'ip6tables' | 'nft' | 'engine' | 'sockets' | 'addresses'>;
  /** What had to be supposed to read it, as sentences: which backend the rules of an old dump are of. */
  readonly supposed?: readonly string[];
}
