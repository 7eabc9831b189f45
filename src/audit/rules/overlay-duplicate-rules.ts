/** The same rule of an encrypted overlay more than once. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceOf, type HostRule } from '../host-rules.ts';
import { type Overlay, overlayWords, rulesOf } from '../overlays.ts';
import { countOf } from '../words.ts';

const shown = 8;

const repeated = (overlay: Overlay): readonly (readonly HostRule[])[] => {
  const same = new Map<string, HostRule[]>();
  for (const rule of rulesOf(overlay)) {
    const key = `${rule.table.backend} ${rule.table.name} ${rule.chain.name} ${rule.text}`;
    same.set(key, [...(same.get(key) ?? []), rule]);
  }
  return [...same.values()].filter((rules) => rules.length > 1);
};

const found = (overlay: Overlay): readonly Found[] => {
  const groups = repeated(overlay);
  if (groups.length === 0) return [];
  const again = groups.flatMap((rules) => rules.slice(1));
  return [
    {
      subject: overlayWords(overlay),
      what: `${overlayWords(overlay)}: ${countOf(again.length, 'rule')} of this encrypted network ${again.length === 1 ? 'stands' : 'stand'} there once more, word for word.`,
      means:
        'The copies change no verdict. Docker takes one of each away when the network goes, and the others stay: they then drop the packets of whichever network gets the number next.',
      evidence: groups.flatMap(([first, ...rest]) => [
        ...(first ? [evidenceOf(first, 'the first')] : []),
        ...rest.map((rule) => evidenceOf(rule, 'the same again')),
      ]).slice(0, shown), // prettier-ignore
      fix: [{ what: 'take the copies away: each command deletes one', commands: again.map(deleting) }],
    },
  ];
};

const find = (host: AuditHost): readonly Found[] => host.overlays().flatMap(found);

export const overlayDuplicateRules: FindingRule = {
  code: 'overlay-duplicate-rules',
  severity: 'low',
  job: 'encryption',
  title: 'A rule of an encrypted overlay is there more than once',
  about:
    'Docker adds a rule only if there is none like it. Copies come from rules that were restored from a file while Docker ran, or from scripts. Only rules that are the same word for word, in one chain of one backend, are reported; the same purpose in two forms is overlay-mixed-eras.',
  silent: 'No rule is there twice.',
  references: ['moby#45343'],
  needs: [],
  find,
};
