/** What the guard's commands work with: seams to the kernel, the timer and the clock, and where things are. */
import type { NftCommand } from './nft-command.ts';
import type { Paths } from './paths.ts';

export interface Timer {
  /**
   * Starts the dead-man of the guard in `folder`, which has its script; returns when it runs. `name` is that of the guard
   * that waits, `words` those of its generation.
   */
  readonly start: (folder: string, name: string, seconds: number, words: string) => Promise<void>;
  /** Whether the dead-man of a folder still runs. */
  readonly runs: (folder: string) => boolean;
  /** Ends it. It has been disarmed before. */
  readonly stop: (folder: string) => void;
}

export interface Services {
  /** The path of nft, for units. */
  readonly nft: () => string;
  /** Lets systemd read its units again, where it runs. */
  readonly reload: () => Promise<void>;
  /** Starts a unit, or starts it again; whether it does. */
  readonly restart: (unit: string) => Promise<boolean>;
  readonly stop: (unit: string) => Promise<void>;
}

export interface Engine {
  readonly nft: NftCommand;
  readonly paths: Paths;
  readonly timer: Timer;
  readonly services: Services;
  readonly now: () => Date;
  /** One line of talk: what is being done. */
  readonly say: (line: string) => void;
}
