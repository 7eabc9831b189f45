/** What iptables-restore-translate would lose or change of this very ruleset. */
import type { FindingRule } from '../contract.ts';
import { type Fix, type Found, rank, type Severity } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf, type HostRule } from '../host-rules.ts';
import { actionOf, actionWords, countOf, filesOf, shownRules } from '../migration-words.ts';
import { type Effect, type Fault, type TranslatorVersion, translatorVersions } from '../translator/fault.ts';
import { faultsOf } from '../translator/faults.ts';
import { saidRule } from '../translator/said.ts';

interface Hit {
  readonly fault: Fault;
  readonly rule: HostRule;
  readonly versions: readonly TranslatorVersion[];
}

/** A rule with what each version of the program does to it. */
const hitsOf = (rule: HostRule): readonly Hit[] => {
  const said = saidRule(rule.text, rule.table.family, rule.table.name);
  const versions = new Map<Fault, TranslatorVersion[]>();
  for (const version of translatorVersions)
    for (const fault of faultsOf(said, version)) versions.set(fault, [...(versions.get(fault) ?? []), version]);
  return [...versions].map(([fault, by]) => ({ fault, rule, versions: by }));
};

const closes = (rule: HostRule): boolean => /^(?:DROP|REJECT)$/.test(actionOf(rule));

/** MARK makes a packet of an encrypted network go through IPsec, DROP keeps clear ones out. */
const enforces = ({ docker }: HostRule): boolean => docker?.overlay !== undefined && docker.overlay.role !== 'accept';

const opens = (rule: HostRule): boolean => actionOf(rule) === 'ACCEPT';

/** Nothing is wrong with the host as it is; only a comment that becomes rules is a trap that somebody may have laid. */
const severityOf = ({ fault: { effect }, rule }: Hit): Severity => {
  if (effect === 'injection') return 'high';
  const isLess = effect === 'lost' || effect === 'inverse' || effect === 'narrower';
  if (isLess && (closes(rule) || enforces(rule))) return 'medium';
  return (effect === 'inverse' || effect === 'wider') && (opens(rule) || closes(rule)) ? 'medium' : 'low';
};

const verbs: Readonly<Record<Effect, string>> = {
  lost: 'lost',
  inverse: 'inverted',
  wider: 'widened',
  narrower: 'narrowed',
  other: 'changed',
  refused: 'refused by nft',
  injection: 'injection',
};

const meaning = (effect: Effect, rules: readonly HostRule[]): string => {
  const overlays = rules.filter(enforces);
  switch (effect) {
    case 'lost': {
      const encrypted =
        overlays.length > 0
          ? ` ${countOf(overlays.length, 'of them keeps', 'of them keep')} an encrypted network encrypted: clear VXLAN would come in, or packets leave in clear.`
          : '';
      return `Today these rules are in force. After a migration with that program the host lacks ${actionWords(rules)}, and nothing fails: the program exits with 0, and "nft -f" takes the file.${encrypted}`;
    }
    case 'inverse':
      return 'After a migration with that program what was dropped passes and what passed is dropped, or the other way round; nothing fails when the file is loaded.';
    case 'wider':
      return `${actionWords(rules)} would meet packets that the rules of this host leave alone; nothing fails when the file is loaded.`;
    case 'narrower':
      return `${actionWords(rules)} would miss packets that the rules of this host meet; nothing fails when the file is loaded.`;
    case 'other':
      return 'After a migration with that program the rule does something else than before; nothing fails when the file is loaded.';
    case 'refused':
      return '"nft -f" refuses the whole file because of it: whoever takes the line out loses the rule.';
    case 'injection':
      return 'Whoever may name a rule, a container or a service in such a text decides what is loaded: a rule that accepts everything fits behind the quote.';
  }
};

const fixes = (host: AuditHost, effect: Effect, rules: readonly HostRule[]): readonly Fix[] => {
  const files = filesOf(host);
  const refused = rules.filter(({ entry }) => entry.status === 'refused').length;
  const native: Fix = {
    what:
      refused === 0
        ? 'translate with dnfw, which has a native form for every one of these rules, and prove the result'
        : refused === rules.length
          ? 'these rules have no native form at all (no-native-form): leave them in iptables and translate the others'
          : `translate with dnfw; ${refused} of these rules have no native form (no-native-form)`,
    commands: [
      `dnfw translate ${refused === 0 ? '' : '--allow-untranslated '}-o native.json ${files}`.trimEnd(),
      ...(host.kind === 'live' ? [] : [`dnfw audit --before ${files} --after native.json`]),
    ],
  };
  return effect === 'injection'
    ? [{ what: 'take the quote out of the text', commands: ["iptables-save | grep -n '\\\\\"'"] }, native]
    : [native];
};

const foundOf = (host: AuditHost, hits: readonly Hit[]): Found => {
  const [first] = hits as readonly [Hit, ...Hit[]];
  const { effect, what, becomes } = first.fault;
  const rules = hits.map(({ rule }) => rule);
  const [severity = 'low'] = hits.map(severityOf).toSorted((a, b) => rank(a) - rank(b));
  const versions = translatorVersions.filter((version) => hits.some((hit) => hit.versions.includes(version)));
  return {
    subject: `${verbs[effect]}: ${what}`,
    severity,
    what: `${countOf(rules.length, 'rule', 'rules')} with ${what}; under iptables-restore-translate ${versions.join(' and ')}, ${becomes}.`,
    means: meaning(effect, rules),
    evidence: shownRules(rules.toSorted((a, b) => Number(closes(b) || enforces(b)) - Number(closes(a) || enforces(a)))).map((rule) => evidenceOf(rule, verbs[effect])), // prettier-ignore
    fix: fixes(host, effect, rules),
  };
};

export const translatorLoss: FindingRule = {
  code: 'translator-loss',
  severity: 'medium',
  job: 'migration',
  title: 'iptables-restore-translate would lose or change rules',
  about:
    'The translators of iptables write a rule that they cannot translate as a comment and exit with 0, so that a DROP is gone from what nft loads without a word. Others they translate to something else, or to text that nft refuses. This is said rule by rule from a table of what iptables-restore-translate 1.8.9 (with nft 1.0.6) and 1.8.13 (with nft 1.1) do, which the tests compare with the programs; nothing is run on the host. A build that ends at the first such rule leaves everything behind it out as well. Counters are dropped by all of them.',
  silent: 'The programs translate every rule to one that means the same.',
  needs: [],
  find: (host) => {
    const groups = new Map<string, Hit[]>();
    for (const rule of host.rules())
      for (const hit of hitsOf(rule)) {
        const key = `${hit.fault.effect} ${hit.fault.what}`;
        groups.set(key, [...(groups.get(key) ?? []), hit]);
      }
    return [...groups.values()].map((hits) => foundOf(host, hits));
  },
};
