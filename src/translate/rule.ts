/** One iptables rule as the formula, action and comment that its nft rules are laid out from. */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { Difference, Refusal, Registry, RuleContext } from '../extensions/contract.ts';
import { matchedPorts } from '../extensions/nat.ts';
import { unmodelledReason } from '../extensions/unmodelled.ts';
import type { Rule } from '../iptables/types.ts';
import { accept, counter, drop, goto, jump, queue, returnVerdict } from '../nftables/build.ts';
import type { Formula } from '../nftables/formula.ts';
import type { CtHelperObject, Statement } from '../nftables/types.ts';
import type { Action } from './layout.ts';
import { translateSelector } from './selector.ts';

/** One condition of the rule, in the kernel's order. `hotdrop` is tested before it and drops. */
export interface Step {
  readonly formula: Formula;
  readonly hotdrop?: Formula;
}

export interface RulePlan {
  readonly kind: 'plan';
  readonly steps: readonly Step[];
  readonly action: Action;
  readonly comment?: string;
  readonly differences: readonly Difference[];
  readonly objects: readonly CtHelperObject[];
}

export interface RefusedRule {
  readonly kind: 'refused';
  readonly diagnostic: Diagnostic;
}

/** What the rule's surroundings add: names of chains in nft, and whether counters are wanted. */
export interface Surroundings {
  readonly context: Omit<RuleContext, 'selector' | 'readsTransport'>;
  readonly chainName: (name: string) => string;
  readonly counters: boolean;
  readonly registry: Registry;
}

/** libnftables takes 253 bytes of comment through JSON; one more fails with an allocation error. */
const longestComment = 253;

const cutComment = (text: string): string => {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= longestComment) return text;
  // A character cut in two decodes to U+FFFD at the end.
  return new TextDecoder().decode(bytes.slice(0, longestComment)).replace(/\ufffd+$/, '');
};

const refuse = (
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

/** The word of the line at a column, for a caret as long as the word. */
const wordLength = (text: string, column: number): number =>
  /^(?:"(?:\\.|[^"\\])*"|\S+)/.exec(text.slice(column - 1))?.[0].length ?? 1;

const refuseUse = (rule: Rule, use: Rule['matches'][number], refusal: Refusal): RefusedRule => {
  const given = refusal.option === undefined ? undefined : use.info[refusal.option];
  const quotedBy = given && rule.origin.text[given.column - 1] === '"' ? 1 : 0;
  const column = given ? given.column + (refusal.at === undefined ? 0 : refusal.at + quotedBy) : use.column;
  const length = refusal.length ?? wordLength(rule.origin.text, column);
  return refuse(rule, refusal.code, refusal.what, refusal.why, refusal.help, column, length);
};

const selectorColumn = (text: string): number => {
  const found = /-[io]\s+/.exec(text);
  return found ? found.index + found[0].length + 1 : 1;
};

type Ended = Pick<RulePlan, 'action' | 'objects'> & {
  readonly differences: readonly Difference[];
  readonly formula?: Formula;
};

const translateAction = (rule: Rule, context: RuleContext, around: Surroundings): Ended | RefusedRule => {
  const { action } = rule;
  const counted: readonly Statement[] = around.counters || action.kind === 'none' ? [counter(rule.counters)] : [];
  const end = (statements: readonly Statement[], ending: Action['ending']): Ended => ({
    action: { statements: [...counted, ...statements], ending },
    objects: [],
    differences: [],
  });
  switch (action.kind) {
    case 'none':
      return end([], 'pass');
    case 'verdict':
      switch (action.verdict) {
        case 'ACCEPT':
          return end([accept], 'final');
        case 'DROP':
          return end([drop], 'final');
        case 'RETURN':
          return end([returnVerdict], 'leave');
        case 'QUEUE':
          return end([queue({ num: 0 })], 'final');
      }
    // eslint-disable-next-line no-fallthrough -- all verdicts return above
    case 'jump':
      return end([jump(around.chainName(action.chain))], 'pass');
    case 'goto':
      return end([goto(around.chainName(action.chain))], 'leave');
    case 'target': {
      const extension = around.registry.targets.get(action.use.name);
      if (!extension) throw new Error(`target ${action.use.name} was parsed but is not registered`);
      const result = extension.translate(action.use, context);
      if (result.kind === 'refused') return refuseUse(rule, action.use, result);
      return {
        action: {
          // A target that changes nothing (MARK --or-mark 0) is a rule that counts.
          statements:
            counted.length + result.statements.length > 0
              ? [...counted, ...result.statements]
              : [counter(rule.counters)],
          ending: result.terminal ? 'final' : 'pass',
          ...(result.inside ? { inside: result.inside } : {}),
        },
        objects: result.objects ?? [],
        differences: result.differences ?? [],
        ...(result.formula ? { formula: result.formula } : {}),
      };
    }
  }
};

const relevant = (differences: readonly Difference[], context: RuleContext): readonly Difference[] =>
  context.backend === 'legacy' || differences.length === 0
    ? differences
    : differences.filter((difference) => difference.from === 'both');

const readsTransport = (rule: Rule, registry: Registry): boolean => {
  for (const use of rule.matches) if (registry.matches.get(use.name)?.transport(use)) return true;
  return false;
};

/** The plan of a rule, or why it has none. */
export const planRule = (rule: Rule, around: Surroundings): RulePlan | RefusedRule => {
  const { registry } = around;
  if (rule.unmodelled) {
    const { kind, name, column, length } = rule.unmodelled;
    const reason = unmodelledReason(kind, name);
    return refuse(rule, reason.code, reason.what, reason.why, reason.help, column, length);
  }
  const ports = rule.action.kind === 'target' ? matchedPorts(rule.matches) : undefined;
  const context: RuleContext = {
    ...around.context,
    selector: rule.selector,
    readsTransport: readsTransport(rule, registry),
    ...(ports ? { destinationPorts: ports } : {}),
  };
  const selector = translateSelector(rule.selector, context.family);
  if ('kind' in selector) {
    const column = selectorColumn(rule.origin.text);
    return refuse(
      rule,
      selector.code,
      selector.what,
      selector.why,
      selector.help,
      column,
      wordLength(rule.origin.text, column),
    );
  }
  const steps: Step[] = [];
  for (const formula of selector.formulas) steps.push({ formula });
  const differences: Difference[] = selector.differences.length === 0 ? [] : [...selector.differences];
  const comments: string[] = [];
  for (const use of rule.matches) {
    const extension = registry.matches.get(use.name);
    if (!extension) throw new Error(`match ${use.name} was parsed but is not registered`);
    const result = extension.translate(use, context);
    if (result.kind === 'refused') return refuseUse(rule, use, result);
    steps.push(result.hotdrop ? { formula: result.formula, hotdrop: result.hotdrop } : { formula: result.formula });
    if (result.differences) differences.push(...result.differences);
    if (result.comment !== undefined) comments.push(result.comment);
  }
  const ended = translateAction(rule, context, around);
  if ('kind' in ended) return ended;
  if (ended.formula) steps.push({ formula: ended.formula });
  const comment = comments.length === 0 ? '' : comments.join(' | ');
  const kept = comment === '' ? '' : cutComment(comment);
  if (kept !== comment)
    differences.push({
      code: 'comment-shortened',
      from: 'both',
      degree: 'guarded',
      why: `the comment has more than ${longestComment} bytes and was cut`,
    });
  return {
    kind: 'plan',
    steps,
    action: ended.action,
    ...(kept === '' ? {} : { comment: kept }),
    differences: relevant(
      ended.differences.length === 0 ? differences : [...differences, ...ended.differences],
      context,
    ),
    objects: ended.objects,
  };
};
