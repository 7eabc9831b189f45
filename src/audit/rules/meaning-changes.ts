/** Rules whose native form differs on some packets. */
import { catalogue, type Code } from '../../diagnostics/catalogue.ts';
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf, type HostRule } from '../host-rules.ts';
import { countOf, filesOf, shownRules } from '../migration-words.ts';

interface Group {
  readonly code: Code;
  readonly approximate: boolean;
  readonly rules: HostRule[];
}

/** Ordinary packets are concerned in principle, in corner cases of routing only. */
const corners: ReadonlySet<Code> = new Set(['routing-lookup', 'not-in-kernel-order', 'never-matches']);

/** About packets that are cut short or broken, also in a rule that differs on others as well. */
const brokenOnly: ReadonlySet<Code> = new Set([
  'short-header',
  'fragment-header',
  'ah-header',
  'extension-header',
  'payload-offset',
  'malformed-option',
  'malformed-chunk',
]);

/** An authentication header is rare, and still part of a packet that is whole. */
const concerned = (code: Code): string =>
  code === 'ah-header'
    ? 'Only packets with such a header are concerned; no other whole packet is treated differently.'
    : 'Only fragments and packets that are cut short or broken are concerned: no whole packet is treated differently.';

const foundOf = (host: AuditHost, { code, rules, approximate }: Group, reasons: readonly string[]): Found => {
  const hasLegacy = rules.some(({ table }) => table.backend === 'legacy');
  const isToRead = approximate || code === 'ah-header';
  return {
    subject: code,
    severity: approximate && !corners.has(code) ? 'medium' : isToRead ? 'low' : 'info',
    what: `The native form of ${countOf(rules.length, 'rule', 'rules')} differs from what iptables does: ${hasLegacy ? catalogue[code] : catalogue[code].replace('iptables-legacy', 'the module of iptables')}.`,
    means: `The reason: ${reasons.join('; ')}. ${approximate ? (corners.has(code) ? 'Ordinary packets are the same on both, but for such cases.' : 'Ordinary packets are concerned.') : concerned(code)}`,
    evidence: shownRules(rules).map((rule) => evidenceOf(rule)),
    fix: [
      {
        what: isToRead
          ? 'read what the reason says of this host; the report of the translation names it for every rule'
          : hasLegacy
            ? 'nothing has to be done; --exact-legacy has native rules drop what iptables-legacy drops'
            : 'nothing has to be done; the report of the translation names it for every rule',
        commands: [
          `dnfw translate --report report.json ${!isToRead && hasLegacy ? '--exact-legacy ' : ''}${filesOf(host)}`.trimEnd(),
        ],
      },
    ],
  };
};

/** Reasons differ in a figure only (`fewer than 8 bytes`): a few are enough. */
const mostReasons = 3;

export const meaningChanges: FindingRule = {
  code: 'meaning-changes',
  severity: 'info',
  job: 'migration',
  title: 'The native form of rules differs on some packets',
  about:
    'dnfw says of every rule whether its native form does the same. Where it does not, a code says on which packets: truncated headers, which the modules of iptables drop on the spot; later fragments; routing lookups that nft words otherwise. Info: only fragments and packets that are broken or cut short. Low: corner cases of routing, IPv6 authentication headers. Medium: ordinary packets are concerned. One finding for each code, with the rules as evidence.',
  silent: 'Every rule that has a native form means the same on all packets.',
  needs: [],
  find: (host) => {
    const groups = new Map<string, { readonly group: Group; readonly reasons: Set<string> }>();
    for (const rule of host.rules()) {
      const { status, codes, why } = rule.entry;
      if (status !== 'guarded' && status !== 'approximate') continue;
      for (const [index, code] of codes.entries()) {
        const approximate = status === 'approximate' && !brokenOnly.has(code);
        const key = `${code} ${approximate}`;
        const known = groups.get(key) ?? { group: { code, approximate, rules: [] }, reasons: new Set() };
        known.group.rules.push(rule);
        known.reasons.add(why[index] ?? '');
        groups.set(key, known);
      }
    }
    return [...groups.values()].map(({ group, reasons }) => foundOf(host, group, [...reasons].slice(0, mostReasons)));
  },
};
