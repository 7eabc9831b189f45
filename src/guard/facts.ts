/** What the guard has to know of the host before it can be made. */
import type { Family } from '../netfilter/family.ts';
import type { Statement } from '../nftables/types.ts';

/** One VXLAN network whose clear packets Docker's rules drop. */
export interface EncryptedVni {
  readonly family: Family;
  readonly port: number;
  readonly vni: number;
}

/** A rule of Docker in INPUT that accepts: its tests as nft says them, without the verdict. */
export interface DockerAccept {
  readonly family: Family;
  readonly tests: readonly Statement[];
  /** Where it was read, for messages. */
  readonly text: string;
}

export interface HostFacts {
  /** Ascending by family, port and number; each once. */
  readonly encrypted: readonly EncryptedVni[];
  readonly dockerAccepts: readonly DockerAccept[];
}

export const noFacts: HostFacts = { encrypted: [], dockerAccepts: [] };
