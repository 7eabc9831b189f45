/** Rules that never match because rules in front of them do the same with all of their packets. */
import type { FindingRule } from '../contract.ts';
import { blockerEvidence, type Dead, deadRules, placeWords, removing, tell } from '../dead.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt } from '../host-rules.ts';
import { counted } from '../places.ts';

const shownBlockers = 4;

const isRedundant = ({ found, owner }: Dead): boolean =>
  owner === 'operator' && found.why === 'blocked' && found.whole && found.blockers.every(({ same }) => same);

const find = (host: AuditHost): readonly Found[] =>
  tell(deadRules(host).filter(isRedundant), {
    many: 'are not needed: rules in front of them do the same with all of their packets',
    each: (dead, same) => {
      const [first] = dead.found.blockers;
      const where = first ? placeWords(first.table, first.chain) : '';
      return {
        what: `${counted(dead.found.blockers.length, 'rule')} in front of it, the first in ${where}, ${dead.found.blockers.length === 1 ? 'does' : 'do'} the same with all packets that this rule is about.`,
        means: 'The rule does nothing. Taken away, every packet fares as before; left, it hides what is decided where.',
        evidence: [
          ...dead.found.blockers.slice(0, shownBlockers).map(blockerEvidence),
          ...same.map(({ found }) => evidenceAt(found.rule.origin, 'never matches')),
        ],
        fix: [{ what: 'take it away', commands: same.flatMap((one) => removing(host, one)) }],
      };
    },
  });

export const ruleRedundant: FindingRule = {
  code: 'rule-redundant',
  severity: 'low',
  job: 'hygiene',
  title: 'A rule is not needed: others do the same before it',
  about:
    'Every packet that the rule is about is taken by rules in front of it, which end its way in the same manner: copies that a script appends at every start, or an address inside of a network that is dealt with already. The prover names them.',
  silent:
    'Rules of Docker, and of programs with chains of their own, are not reported. A rule that takes packets which a later rule or the policy would treat in the same way is left alone: it may be there for its counters.',
  needs: [],
  find,
};
