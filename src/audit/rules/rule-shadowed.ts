/** Rules that never match because rules in front of them do something else with all of their packets. */
import type { FindingRule } from '../contract.ts';
import { blockerEvidence, type Dead, deadRules, endWords, isOwnMatter, moving, placeWords, removing, tell, whose } from '../dead.ts'; // prettier-ignore
import type { Found } from '../finding.ts';
import type { Blocker } from '../../prove/questions.ts';
import { groupBy } from '../group.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt } from '../host-rules.ts';
import { counted } from '../places.ts';
import { shellWord } from '../shell-words.ts';

const shownBlockers = 4;
const shownRules = 5;

/** Whether all that take its packets are known, and some of them do not do what it would have done. */
const isShadowed = ({ found }: Dead): boolean =>
  found.why === 'blocked' && found.whole && found.blockers.some(({ same }) => !same);

/** The one that matters most: it does something else with them. */
const against = ({ found: { blockers } }: Dead): Blocker | undefined =>
  blockers.find(({ same }) => !same) ?? blockers[0];

const blockedBy = (host: AuditHost, dead: Dead): string => {
  const { blockers } = dead.found;
  const main = against(dead);
  if (!main) return '';
  const owner = whose(host, main.rule, main.table);
  const where = placeWords(main.table, main.chain);
  const by = `a rule of ${owner === 'operator' ? 'the operator' : owner} in ${where}, which ${endWords(main.end)} them`;
  return blockers.length === 1 ? by : `${counted(blockers.length, 'rule')} together, among them ${by}`;
};

const ofOperator = (host: AuditHost, all: readonly Dead[]): readonly Found[] =>
  tell(all, {
    many: 'never match, because rules in front of them do something else with all of their packets',
    severity: ({ found }) => (found.rule.steps.at(-1)?.kind === 'verdict' ? undefined : 'low'),
    each: (dead, same) => {
      const moved = moving(host, dead);
      return {
        what: `All packets that this rule is about are taken before: by ${blockedBy(host, dead)}.`,
        means: 'The rule does nothing, and what it says of these packets is not what happens to them.',
        evidence: [
          ...dead.found.blockers.slice(0, shownBlockers).map(blockerEvidence),
          ...same.map(({ found }) => evidenceAt(found.rule.origin, 'never matches')),
        ],
        fix: [
          ...(moved ? [moved] : []),
          { what: 'if it is not needed, take it away: nothing changes', commands: same.flatMap((one) => removing(host, one)) }, // prettier-ignore
        ],
      };
    },
  });

/** Docker's rules are told by what stands in front of them: that is what an operator can change. */
const ofOthers = (host: AuditHost, all: readonly Dead[]): readonly Found[] => {
  const groups = groupBy(all, ({ owner, found }) => {
    const foreign = found.blockers.filter(({ rule, table }) => whose(host, rule, table) !== owner);
    const blocker = foreign.find(({ same }) => !same) ?? foreign[0];
    return blocker ? `${owner} behind ${placeWords(blocker.table, blocker.chain)}: ${host.ruleOf(blocker.rule)?.text ?? blocker.rule.origin.text}` : ''; // prettier-ignore
  });
  return [...groups].flatMap(([subject, some]): readonly Found[] => {
    const [first] = some;
    if (!first) return [];
    const foreign = first.found.blockers.filter(({ rule, table }) => whose(host, rule, table) !== first.owner);
    return [
      {
        subject,
        what: `${counted(some.length, 'rule')} of ${first.owner} never ${some.length === 1 ? 'matches' : 'match'}: all packets are taken before by ${blockedBy(host, first)}.`,
        means: `What ${first.owner} means these rules to do on this host is not done.`,
        evidence: [
          ...foreign.slice(0, shownBlockers).map(blockerEvidence),
          ...some.slice(0, shownRules).map(({ found }) => evidenceAt(found.rule.origin, 'never matches')),
        ],
        fix: [
          { what: 'see whether the rule in front is meant to decide this, and make it narrower if not', commands: foreign.filter(({ same }) => !same).slice(0, 1).map(({ rule }) => `dnfw explain -- ${shellWord(host.ruleOf(rule)?.text ?? rule.origin.text)}`) }, // prettier-ignore
        ],
      },
    ];
  });
};

const find = (host: AuditHost): readonly Found[] => {
  const all = deadRules(host).filter(isShadowed);
  const own = all.filter(({ owner }) => owner === 'operator');
  const others = all.filter((dead) => dead.owner !== 'operator' && !isOwnMatter(host, dead));
  return [...ofOperator(host, own), ...ofOthers(host, others)];
};

export const ruleShadowed: FindingRule = {
  code: 'rule-shadowed',
  severity: 'medium',
  job: 'hygiene',
  title: 'A rule never matches: others take its packets and do something else',
  about:
    'A rule stands behind others that take every packet it is about, and at least one of them does something else with them: a DROP behind an ACCEPT keeps nothing out, an ACCEPT behind a REJECT lets nothing in, and a rule that was appended to DOCKER-USER stands behind the RETURN that Docker puts at its end. The prover names the rules that take the packets, across chains, base chains and backends.',
  silent:
    'Rules of Docker behind other rules of Docker, and those of another program behind its own, are as their makers want them. What stands behind a match that dnfw has no model of is not judged.',
  needs: [],
  find,
};
