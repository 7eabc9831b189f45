/** Two base chains of one priority: which of them comes first is chance. */
import type { Family } from '../../netfilter/family.ts';
import { hooks } from '../../netfilter/hooks.ts';
import type { ProgramChain, ProgramTable, Step } from '../../packet/program.ts';
import { callsIn } from '../calls-of-program.ts';
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { chainEvidence } from '../places.ts';

interface Place {
  readonly table: ProgramTable;
  readonly chain: ProgramChain;
}

const stepsBelow = ({ table, chain }: Place): readonly Step[] =>
  callsIn(table, chain).flatMap(({ rules }) => rules.flatMap(({ steps }) => flat(steps)));

const flat = (steps: readonly Step[]): readonly Step[] =>
  steps.flatMap((step) => (step.kind === 'choose' ? [step, ...step.arms.flatMap((arm) => flat(arm.steps))] : [step]));

interface Doing {
  /** Whether it sets marks, translates addresses or changes packets in any other way. */
  readonly changes: boolean;
  readonly ends: ReadonlySet<string>;
  readonly isInert: boolean;
}

const doingOf = (place: Place): Doing => {
  const steps = stepsBelow(place);
  const { base } = place.chain;
  const ends = new Set(
    steps.flatMap((step) =>
      step.kind === 'verdict' && ['drop', 'reject', 'queue', 'taken'].includes(step.verdict.kind)
        ? [step.verdict.kind === 'reject' ? `reject ${step.verdict.with}` : step.verdict.kind]
        : [],
    ),
  );
  if (base?.policy === 'drop') ends.add('drop');
  return {
    changes: steps.some((step) => step.kind === 'effect' && step.effect.kind !== 'log'),
    ends,
    isInert: steps.length === 0 && base?.policy !== 'drop',
  };
};

/** Both translate, one changes what the other asks, or they send packets away in different ways. */
const whyItMatters = (one: Doing, other: Doing, isNat: boolean): string | undefined => {
  if (isNat) return 'both translate addresses, and the first translation of a connection is the only one';
  if (one.changes || other.changes) return 'one of them changes packets, and the other sees them before or after';
  const differ = [...one.ends].some((end) => [...other.ends].some((another) => another !== end));
  return differ ? 'they send packets away in different ways' : undefined;
};

const wordsOf = ({ table, chain }: Place): string => `${table.label} ${chain.name}${table.runs === 'iptables-legacy' ? ' (legacy)' : ''}`; // prettier-ignore

const pairs = (host: AuditHost, family: Family): readonly (readonly [Place, Place])[] => {
  const all = host
    .program(family)
    .tables.flatMap((table) => [...table.chains.values()].flatMap((chain) => (chain.base ? [{ table, chain }] : [])));
  return hooks.flatMap((hook) => {
    const here = all.filter(({ chain }) => chain.base?.hook === hook);
    return here.flatMap((one, index) =>
      here
        .slice(index + 1)
        .filter(
          ({ table, chain }) =>
            table !== one.table &&
            chain.base?.priority === one.chain.base?.priority &&
            (chain.base?.type === 'nat') === (one.chain.base?.type === 'nat'),
        ) // prettier-ignore
        .map((other) => [one, other] as const),
    );
  });
};

const find = (host: AuditHost): readonly Found[] => {
  const told = new Set<string>();
  return host.families().flatMap((family) =>
    pairs(host, family).flatMap(([one, other]): readonly Found[] => {
      const base = one.chain.base;
      const subject = `${wordsOf(one)} and ${wordsOf(other)}`;
      if (!base || told.has(subject)) return [];
      const [a, b] = [doingOf(one), doingOf(other)];
      if (a.isInert || b.isInert) return [];
      const isNat = base.type === 'nat';
      const why = isNat && !(a.changes && b.changes) ? undefined : whyItMatters(a, b, isNat);
      // Two backends of iptables side by side are mixed-backends.
      if (why === undefined && one.table.runs !== 'nft' && other.table.runs !== 'nft') return [];
      told.add(subject);
      return [
        {
          subject,
          severity: why === undefined ? 'info' : 'medium',
          what: `${wordsOf(one)} and ${wordsOf(other)} both have priority ${base.priority} of hook ${base.hook}.`,
          means:
            why === undefined
              ? 'Which of them comes first depends on which was made first, and may be another one after a reload. What happens to packets does not depend on it now: neither changes them, and a drop of either is final.'
              : `Which of them comes first depends on which was made first, and may be another one after a reload: ${why}.`,
          evidence: [one, other].map(({ table, chain }) => chainEvidence(host, table, chain, `${chain.name} has priority ${base.priority}`)), // prettier-ignore
          fix: [
            {
              what: 'give the native chain a priority of its own, in the file that makes it',
              commands: ['nft list chains', `grep -rn 'hook ${base.hook} priority' /etc/nftables.conf /etc/nftables.d`],
            },
          ],
        },
      ];
    }),
  );
};

export const equalPriorities: FindingRule = {
  code: 'equal-priorities',
  severity: 'medium',
  job: 'ordering',
  title: 'Two base chains have the same priority',
  about:
    'Base chains of a hook are asked by priority. Between two of the same priority the one that was registered later is asked first in some kernels, and nothing promises it: a reload of one program turns the order round. It matters where one chain changes packets that the other asks about, where both translate addresses, and where one drops and the other rejects.',
  silent: 'One of them has no rules and policy accept; or both are of the two backends of iptables, and only drop.',
  needs: [],
  find,
};
