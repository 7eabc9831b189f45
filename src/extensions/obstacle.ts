/** Why a u32 or BPF program cannot become nft tests, and at which place of its text. */
export interface Obstacle {
  readonly code: 'u32-not-expressible' | 'bpf-not-expressible' | 'too-many-rules';
  /** In characters from the start of the program text. */
  readonly at: number;
  readonly length: number;
  readonly what: string;
  readonly why: string;
  readonly help?: string;
}

/** One program may become as many nft tests as this. */
export const mostTests = 4096;

/** How many steps are looked at before giving up, those included that lead to no match. */
export const mostSteps = 65_536;

/** What a program has used up so far. */
export interface Effort {
  tests: number;
  steps: number;
}

export const isSpent = ({ tests, steps }: Effort): boolean => tests > mostTests || steps > mostSteps;
