import type { Command, RuleObject } from '../nftables/types.ts';

/** Takes the document of a table as it is made. `declare` comes after the table's rules and belongs in front of them. */
export interface Sink {
  readonly rule: (rule: RuleObject) => void;
  readonly declare: (commands: readonly Command[]) => void;
  /** For a sink that makes text: rules of which many have almost the same text can be handed over as such. */
  readonly text?: {
    /** The text of a rule, which has been checked. */
    readonly of: (rule: RuleObject) => string;
    readonly write: (text: string) => void;
  };
}
