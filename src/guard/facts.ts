/** What the guard has to know of the host before it can be made. */
import type { Family } from '../netfilter/family.ts';
import type { Statement } from '../nftables/types.ts';

/** One VXLAN network whose clear packets Docker's rules drop. */
export interface EncryptedVni {
  readonly family: Family;
  readonly port: number;
  readonly vni: number;
}

export const vniKey = ({ family, port, vni }: EncryptedVni): string => `${family} ${port} ${vni}`;

const order = (a: EncryptedVni, b: EncryptedVni): number =>
  a.family.localeCompare(b.family) || a.port - b.port || a.vni - b.vni;

/** Ascending by family, port and number; each once. */
export const sortedVnis = (all: readonly EncryptedVni[]): readonly EncryptedVni[] =>
  [...new Map(all.map((one) => [vniKey(one), one])).values()].toSorted(order);

/** A rule of Docker in INPUT that accepts: its tests as nft says them, without the verdict. */
export interface DockerAccept {
  readonly family: Family;
  readonly tests: readonly Statement[];
  /** Where it was read, for messages. */
  readonly text: string;
}

export interface HostFacts {
  /** As `sortedVnis` has them. */
  readonly encrypted: readonly EncryptedVni[];
  readonly dockerAccepts: readonly DockerAccept[];
}

export const noFacts: HostFacts = { encrypted: [], dockerAccepts: [] };
