// What translate says of its own work, held against the kernel without any simulator: an `exact` rule does what
// iptables does with every packet, a `guarded` one with every whole packet.
import type { Status } from '../../../src/translate/report.ts';
import type { Batch, Forms } from './batch.ts';
import type { Made } from './packets.ts';
import type { Verdicts } from './trial.ts';
import type { Tested } from './rules.ts';

export interface BrokenClaim {
  readonly form: 'native' | 'exact';
  readonly rule: Tested;
  readonly packet: Made;
  readonly iptables: string;
  readonly nft: string;
}

const claimed = (forms: Forms, form: 'native' | 'exact', rules: readonly Tested[]): readonly (Status | undefined)[] =>
  rules.map((_, index) => forms.translations[form].entries[index]?.status);

const conntrackKeys = ['ct.state', 'ct.status', 'ct.mark', 'ct.direction'];

const word = (matched: boolean | undefined): string =>
  matched === undefined ? 'dropped' : matched ? 'matches' : 'does not match';

/** Rules stand in the order of their entries; where a packet was dropped before, nothing is known of the rest. */
export const brokenClaims = (
  { rules }: Batch,
  forms: Forms,
  packets: readonly Made[],
  verdicts: Verdicts,
): readonly BrokenClaim[] => {
  const broken: BrokenClaim[] = [];
  for (const [form, from] of [
    ['native', 'nft'],
    ['exact', 'legacy'],
  ] as const) {
    const status = claimed(forms, form, rules);
    for (const packet of packets) {
      const [before, after] = [verdicts[from].arrived.get(packet.number), verdicts[form].arrived.get(packet.number)];
      // Another namespace may have tracked another connection: what was dropped there was never one.
      if (!before || !after || conntrackKeys.some((key) => before.get(key) !== after.get(key))) continue;
      const [wanted, got] = [verdicts[from].seen.get(packet.number), verdicts[form].seen.get(packet.number)];
      if (!wanted && !got) continue;
      for (const [index, rule] of rules.entries()) {
        if (status[index] !== 'exact') continue;
        const matched = wanted && ((wanted.mark >>> index) & 1) === 1;
        const matches = got && ((got.mark >>> index) & 1) === 1;
        if (matched === matches) continue;
        if ((matched === undefined || matches === undefined) && status.some((one) => one !== 'exact')) continue;
        broken.push({ form, rule, packet, iptables: word(matched), nft: word(matches) });
      }
    }
  }
  return broken;
};
