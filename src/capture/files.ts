/** The seam to files of the host that a capture looks at: of the kernel, and settings of firewalls. */
import type { Answer } from '../guard/programs.ts';

export type Listing =
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: string };

export interface Files {
  /** Never throws. */
  readonly read: (path: string) => Answer;
  /** The names in a folder, sorted. Never throws. */
  readonly list: (folder: string) => Listing;
}
