/** Before a translation is printed, it is read back and proven to do what the original does. */
import { registry } from '../extensions/registry.ts';
import type { Rule, Ruleset } from '../iptables/types.ts';
import { families } from '../netfilter/family.ts';
import { readNftables } from '../nftables/read.ts';
import type { Program } from '../packet/program.ts';
import { check, type Check } from '../prove/check.ts';
import { iptablesProgram } from '../simulate/iptables-program.ts';
import { nftProgram } from '../simulate/nft-program.ts';
import type { Entry } from '../translate/report.ts';
import { everyAssumption } from '../packet/assumption.ts';

/** The name of the translation in what the proof says. */
const translated = '<translation>';

/** A refused rule is not in the translation, and the user is told so: the proof is about all others. */
const withoutRefused = (ruleset: Ruleset, entries: readonly Entry[]): Ruleset => {
  const refused = new Set(
    entries.filter(({ status }) => status === 'refused').map(({ file, line }) => `${line} ${file}`),
  );
  if (refused.size === 0) return ruleset;
  const isKept = ({ origin }: Rule): boolean => !refused.has(`${origin.line} ${origin.file}`);
  return {
    tables: ruleset.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) => ({ ...chain, rules: chain.rules.filter(isKept) })),
    })),
  };
};

/** Both sides as programs; the document is let go of when they are made. */
const programsOf = (original: Ruleset, document: string): readonly (readonly [Program, Program])[] => {
  const { value, diagnostics } = readNftables(translated, document);
  const wrong = diagnostics.find(({ severity }) => severity === 'error');
  if (wrong) throw new Error(`the translation cannot be read back: ${wrong.what}`);
  return families
    .filter((family) => original.tables.some((table) => table.family === family))
    .map((family) => [iptablesProgram(original, registry, family), nftProgram(value, family)]);
};

/** `document` is what would be printed, as JSON. */
export const proveTranslation = (ruleset: Ruleset, entries: readonly Entry[], document: string): Check =>
  check(programsOf(withoutRefused(ruleset, entries), document), { assume: everyAssumption });

/** One line for the tally. */
export const proofWords = ({ verdict, assumed, hooks }: Check): string => {
  if (verdict === 'proven') return assumed.length === 0 ? 'proven' : `proven, assuming ${assumed.join(', ')}`;
  const open = hooks.filter((one) => one.verdict !== 'proven');
  const reasons = new Set(open.flatMap((one) => one.reasons));
  const [first] = reasons;
  const more = reasons.size > 1 ? ` and ${reasons.size - 1} more` : '';
  return `NOT proven at ${open.length} of ${hooks.length} hooks (${first ?? 'no reason is known'}${more})`;
};
