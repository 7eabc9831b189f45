/** Why a command of the guard ends without doing what it was asked for. */
import type { Code } from '../diagnostics/catalogue.ts';

/**
 * `usage`: the request cannot be met as it is. `unsupported`: nft or the kernel is too old. `refused`: nothing was
 * changed, or everything was put back. `drifted`: what is loaded is not what the records say.
 */
export type FailureKind = 'usage' | 'unsupported' | 'refused' | 'drifted';

export class GuardError extends Error {
  readonly kind: FailureKind;
  readonly code: Code;
  readonly help: string | undefined;
  constructor(kind: FailureKind, code: Code, message: string, help?: string) {
    super(message);
    this.name = 'GuardError';
    this.kind = kind;
    this.code = code;
    this.help = help;
  }
}
