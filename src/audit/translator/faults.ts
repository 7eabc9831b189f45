/**
 * What iptables-restore-translate does to rules that it cannot translate, or translates wrongly. Every line was tried
 * with the programs of Debian, 1.8.9 with nft 1.0.6 and 1.8.13 with nft 1.1; the kernel tests do so again.
 */
import { changed } from './changed.ts';
import type { Fault, TranslatorVersion } from './fault.ts';
import { lostWhole } from './lost.ts';
import { refusedByNft } from './refused.ts';
import type { SaidRule } from './said.ts';

export const faults: readonly Fault[] = [...lostWhole, ...changed, ...refusedByNft];

/** What happens to a rule, worst first: a rule that is lost is nothing else. */
export const faultsOf = (rule: SaidRule, version: TranslatorVersion): readonly Fault[] => {
  const found = faults.filter((fault) => fault.versions.includes(version) && fault.is(rule));
  const lost = found.filter(({ effect }) => effect === 'lost');
  return lost.length > 0 ? lost.slice(0, 1) : found;
};
