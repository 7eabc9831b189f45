/** Rules that nftables cannot say. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf, type HostRule } from '../host-rules.ts';
import { actionWords, countOf, filesOf, shownRules } from '../migration-words.ts';

const foundOf = (host: AuditHost, what: string, rules: readonly HostRule[]): Found => {
  const refusal = rules[0]?.entry.refusal;
  const why = (refusal?.why ?? rules[0]?.entry.why[0] ?? '').replace(/\.$/, '');
  // Of what dnfw has no model, it cannot say that nftables has nothing for it.
  const isUnknown = rules.some(({ rule }) => rule.unmodelled);
  return {
    subject: what,
    what: isUnknown
      ? `${countOf(rules.length, 'rule is', 'rules are')} not translated (${what}): ${why}. nftables itself may have a form for it.`
      : `${countOf(rules.length, 'rule has', 'rules have')} no native form (${what}): ${why}.`,
    means: `A host without iptables is one without ${actionWords(rules)} of this kind. dnfw refuses to leave such a rule out unless it is told to.${refusal?.help === undefined ? '' : ` What helps: ${refusal.help}.`}`,
    evidence: shownRules(rules).map((rule) => evidenceOf(rule, 'no native form')),
    fix: [
      {
        what: 'leave these rules in iptables and translate the rest: both are in force side by side',
        commands: [`dnfw translate --allow-untranslated ${filesOf(host)}`.trimEnd()],
      },
    ],
  };
};

export const noNativeForm: FindingRule = {
  code: 'no-native-form',
  severity: 'medium',
  job: 'migration',
  title: 'Rules have no native form',
  about:
    'Some extensions of iptables ask or do what nftables has no expression for: the connection table of IP Virtual Server, a search for a string, some u32 and bpf programs. dnfw translates them to nothing and says so. Each reason is one finding, with the rules as evidence.',
  silent: 'Every rule has a native form, also where it differs on some packets: see meaning-changes.',
  needs: [],
  find: (host) => {
    const groups = new Map<string, HostRule[]>();
    for (const rule of host.rules()) {
      if (rule.entry.status !== 'refused') continue;
      const what = rule.entry.refusal?.what ?? rule.entry.codes.join(', ');
      groups.set(what, [...(groups.get(what) ?? []), rule]);
    }
    return [...groups].map(([what, rules]) => foundOf(host, what, rules));
  },
};
