/** What several faults have in common. */
import { type Ask, has, value } from './ask.ts';
import { type TranslatorVersion, translatorVersions } from './fault.ts';
import type { SaidUse } from './said.ts';

export const both: readonly TranslatorVersion[] = translatorVersions;
export const old: readonly TranslatorVersion[] = ['1.8.9'];

export const flagsOf = (use: SaidUse): readonly string[] => value(use, '--tcp-flags').split(' ');

/** Matches whose translation is what names the protocol: they leave `-p` out. */
export const namesProtocol: readonly string[] = ['tcp', 'udp', 'udplite', 'sctp', 'dccp', 'esp', 'ah', 'icmp', 'icmp6'];

/** `-p tcp -m tcp` without more, which no other match of the rule says again in nft. */
export const withoutTest =
  (...names: readonly string[]): Ask =>
  (rule) =>
    rule.matches.some((use) => names.includes(use.name) && use.options.size === 0) &&
    !rule.matches.some(
      (use) =>
        (use.name === 'multiport' && use.options.size > 0) ||
        use.name === 'tcpmss' ||
        (use.name === 'ecn' && has(use, '--ecn-tcp-ece', '--ecn-tcp-cwr')),
    ) &&
    !(rule.target?.name === 'REJECT' && value(rule.target, '--reject-with') === 'tcp-reset');

export const bytes = (text: string): number => new TextEncoder().encode(text).length;

export const shifts = (use: SaidUse): boolean => has(use, '--left-shift-mark', '--right-shift-mark');
