/**
 * Which encrypted networks the guard shall enforce: those of Docker's rules, and those that the engine says are encrypted
 * and used here. Who flushes the rules does not make a network plain. Pure.
 */
import type { Family } from '../netfilter/family.ts';
import type { DockerInfo } from './docker-info.ts';
import type { OverlayNetwork } from './docker-networks.ts';
import { type EncryptedVni, sortedVnis, vniKey } from './facts.ts';

/** What the engine says; both undefined where it does not answer. */
export interface DockerWord {
  readonly info: DockerInfo | undefined;
  readonly overlays: readonly OverlayNetwork[] | undefined;
}

export interface Known extends DockerWord {
  /** Networks that rules of Docker are about. */
  readonly rules: readonly EncryptedVni[];
  /** Whether all rules could be read. */
  readonly isRead: boolean;
  /** What the guard enforces, or did last. */
  readonly enforced: readonly EncryptedVni[];
  /** The data path port that the operator has named. */
  readonly port: number | undefined;
}

/**
 * If the engine does not answer and no rule is left, somebody has flushed: an engine that does not run removes nothing.
 * `keep` goes on with what the guard enforces; `follow` is for an operator who asks to follow the rules.
 */
export type OnSilence = 'keep' | 'follow';

export interface Wanted {
  readonly encrypted: readonly EncryptedVni[];
  /** Those of them that the engine tells of and no rule does. */
  readonly told: readonly EncryptedVni[];
  /** Those that nobody tells of, and that may be there all the same. */
  readonly kept: readonly EncryptedVni[];
}

/** IANA's port for VXLAN, and Docker's unless `docker swarm init --data-path-port` says otherwise. */
const usualPort = 4789;

const portsOf = (of: readonly EncryptedVni[], is: (one: EncryptedVni) => boolean): readonly number[] => [
  ...new Set(of.filter(is).map(({ port }) => port)),
];

/** The data path port is one for the whole Swarm, but only managers say it. */
const portsFor = ({ info, rules, enforced, port }: Known, vni: number, family: Family): readonly number[] => {
  if (info?.dataPathPort !== undefined) return [info.dataPathPort];
  const isIt = (one: EncryptedVni): boolean => one.family === family && one.vni === vni;
  const isLike = (one: EncryptedVni): boolean => one.family === family;
  const guesses = [
    portsOf(rules, isIt),
    portsOf(enforced, isIt),
    portsOf(rules, isLike),
    port === undefined ? [] : [port],
    portsOf(enforced, isLike),
  ];
  return guesses.find((some) => some.length > 0) ?? [usualPort];
};

const familyOf = ({ info, rules, enforced }: Known, vni: number): Family =>
  info?.own?.family ?? [...rules, ...enforced].find((one) => one.vni === vni)?.family ?? 'ip';

const toldBy = (known: Known): readonly EncryptedVni[] =>
  (known.overlays ?? [])
    .filter(({ isEncrypted, isUsed }) => isEncrypted && isUsed)
    .flatMap(({ vnis }) => vnis)
    .flatMap((vni) => {
      const family = familyOf(known, vni);
      return portsFor(known, vni, family).map((port) => ({ family, port, vni }));
    });

const without = (some: readonly EncryptedVni[], others: readonly EncryptedVni[]): readonly EncryptedVni[] => {
  const keys = new Set(others.map(vniKey));
  return some.filter((one) => !keys.has(vniKey(one)));
};

export const wantedOf = (known: Known, onSilence: OnSilence): Wanted => {
  const { rules, isRead, overlays, enforced } = known;
  const told = without(sortedVnis(toldBy(known)), rules);
  const mayBeThere = ({ family }: EncryptedVni): boolean =>
    // What was not read may still be there.
    !isRead || (overlays === undefined && onSilence === 'keep' && !rules.some((one) => one.family === family));
  const kept = without(enforced.filter(mayBeThere), [...rules, ...told]);
  return { encrypted: sortedVnis([...rules, ...told, ...kept]), told, kept };
};
