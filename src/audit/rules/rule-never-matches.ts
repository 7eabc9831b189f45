/** Rules whose tests no packet meets. */
import type { FindingRule } from '../contract.ts';
import { type Dead, deadRules, removing, tell } from '../dead.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt } from '../host-rules.ts';

const isNever = ({ found, owner }: Dead): boolean => owner === 'operator' && (found.why !== 'blocked' || !found.whole);

const whatOf = ({ found: { why, whole, chain } }: Dead): string =>
  why === 'impossible'
    ? 'No packet meets all tests of this rule: they contradict each other, or the hook.'
    : why === 'uncalled' && whole
      ? `No packet that meets this rule comes to chain ${chain.name}: the jumps to it contradict it.`
      : 'No packet that comes to this rule meets all of its tests, after what earlier rules have taken or changed.';

const find = (host: AuditHost): readonly Found[] =>
  tell(deadRules(host).filter(isNever), {
    many: 'never match',
    each: (dead, all) => ({
      what: whatOf(dead),
      means: 'The rule does nothing. What it was meant to do is left to the rules behind it.',
      evidence: all.map(({ found }) => evidenceAt(found.rule.origin, 'never matches')),
      fix: [{ what: 'take it away, or write what was meant', commands: all.flatMap((one) => removing(host, one)) }],
    }),
  });

export const ruleNeverMatches: FindingRule = {
  code: 'rule-never-matches',
  severity: 'low',
  job: 'hygiene',
  title: 'A rule whose tests no packet meets',
  about:
    'A rule may ask for what cannot be: two protocols at once, a range that is upside down, a port in a chain that only packets of another protocol come to. The prover shows that no packet at any hook that reaches the rule meets it, fragments and broken headers included. Rules of Docker and of programs with chains of their own are theirs to write and are not reported.',
  silent: 'A match that dnfw has no model of stands in the rule or may take its packets.',
  needs: [],
  find,
};
