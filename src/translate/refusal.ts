/** A rule that has no nft form, as a diagnostic with its place in the line. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Refusal } from '../extensions/contract.ts';
import { unmodelledReason } from '../extensions/unmodelled.ts';
import type { Rule } from '../iptables/types.ts';
import { wordLengthAt } from '../iptables/words.ts';

export interface RefusedRule {
  readonly kind: 'refused';
  readonly diagnostic: Diagnostic;
}

export const refuse = (
  rule: Rule,
  code: Code,
  what: string,
  why: string,
  help: string | undefined,
  column: number,
  length: number,
): RefusedRule => ({
  kind: 'refused',
  diagnostic: {
    code,
    severity: 'error',
    what,
    why,
    ...(help === undefined ? {} : { help }),
    span: {
      file: rule.origin.file,
      line: rule.origin.line,
      column,
      length: Math.max(1, length),
      text: rule.origin.text,
    },
  },
});

export const refuseUse = (rule: Rule, use: Rule['matches'][number], refusal: Refusal): RefusedRule => {
  const given = refusal.option === undefined ? undefined : use.info[refusal.option];
  const quotedBy = given && rule.origin.text[given.column - 1] === '"' ? 1 : 0;
  const column = given ? given.column + (refusal.at === undefined ? 0 : refusal.at + quotedBy) : use.column;
  const length = refusal.length ?? wordLengthAt(rule.origin.text, column);
  return refuse(rule, refusal.code, refusal.what, refusal.why, refusal.help, column, length);
};

/** A refused `-i` or `-o`: the only parameters that can be. */
export const refuseSelector = (rule: Rule, refusal: Refusal): RefusedRule => {
  const found = /-[io]\s+/.exec(rule.origin.text);
  const column = found ? found.index + found[0].length + 1 : 1;
  return refuse(
    rule,
    refusal.code,
    refusal.what,
    refusal.why,
    refusal.help,
    column,
    wordLengthAt(rule.origin.text, column),
  );
};

/** A rule with an extension that dnfw has no model of. */
export const refuseUnmodelled = (rule: Rule, unmodelled: NonNullable<Rule['unmodelled']>): RefusedRule => {
  const { kind, name, column, length } = unmodelled;
  const reason = unmodelledReason(kind, name);
  return refuse(rule, reason.code, reason.what, reason.why, reason.help, column, length);
};
