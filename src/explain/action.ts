/** What a rule does with a packet that it matches, in sentences. */
import type { Family } from '../netfilter/family.ts';
import type { WordContext } from '../packet/fieldwords.ts';
import type { Effect, Verdict } from '../packet/effect.ts';
import type { Step } from '../packet/program.ts';
import { describeEffect, describeVerdict } from '../simulate/words.ts';
import { phrase } from './phrase.ts';

export interface ActionContext {
  readonly family: Family;
  readonly table: string;
  /** Absent where the rule does not name one. */
  readonly chain?: string;
  readonly isBuiltIn: boolean;
  readonly words: WordContext;
}

const natWords = (effect: Extract<Effect, { readonly kind: 'nat' }>, family: Family): string => {
  const words = describeEffect(effect, family);
  const to = / to (\S+)/.exec(words)?.[1];
  switch (effect.type) {
    case 'dnat':
      return `maps the destination of the connection${to === undefined ? '' : ` to ${to}`} (DNAT)`;
    case 'snat':
      return `maps the source of the connection${to === undefined ? '' : ` to ${to}`} (SNAT)`;
    case 'masquerade':
      return `gives the connection the address of the device that it leaves through (masquerade)${to === undefined ? '' : `, port ${to.replace(':', '')}`}`;
    case 'redirect':
      return `sends the connection to this host itself (redirect)${to === undefined ? '' : `, port ${to.replace(':', '')}`}`;
    case 'netmap-dnat':
    case 'netmap-snat':
      return `maps ${effect.type === 'netmap-dnat' ? 'the destination' : 'the source'} network one to one${to === undefined ? '' : ` to ${to}`}`;
  }
};

const effectWords = (effect: Effect, family: Family): string => {
  switch (effect.kind) {
    case 'set': {
      const { key, keep, flip } = effect;
      const name = key === 'mark' ? 'the mark' : key === 'ct.mark' ? 'the connection mark' : undefined;
      if (key === 'nftrace') return 'traces the packet';
      return name !== undefined && keep === 0n ? `sets ${name} to 0x${flip.toString(16)} (${flip})` : describeEffect(effect, family).replace(/^set/, 'sets'); // prettier-ignore
    }
    case 'copy': {
      const names: Readonly<Record<string, string>> = { mark: 'the mark', 'ct.mark': 'the connection mark' };
      const [to, from] = [names[effect.key], names[effect.from]];
      if (to !== undefined && from !== undefined && effect.keep === 0n) return `sets ${to} from ${from}`;
      return describeEffect(effect, family).replace(/^set/, 'sets');
    }
    case 'write':
      return describeEffect(effect, family).replace(/^write/, 'writes');
    case 'nat':
      return natWords(effect, family);
    case 'log': {
      const where = effect.group === undefined ? 'the kernel log' : `the programs that listen to group ${effect.group}`;
      return `logs it to ${where}${effect.prefix === '' ? '' : `, with the prefix ${JSON.stringify(effect.prefix)}`}`;
    }
    case 'notrack':
      return 'leaves it out of connection tracking';
    case 'other':
      return effect.text;
  }
};

const returnWords = ({ chain, isBuiltIn }: ActionContext): string =>
  chain === undefined
    ? 'goes back to the chain that called this one'
    : isBuiltIn
      ? `leaves chain ${chain}: its policy decides`
      : `goes back to the chain that called ${chain}`;

const verdictWords = (verdict: Verdict, context: ActionContext, hasNat: boolean): string => {
  const { table } = context;
  switch (verdict.kind) {
    case 'accept':
      if (hasNat) return `no further rule of table ${table} at this hook sees the connection`;
      return `accepts it: no further rule of table ${table} at this hook sees it; later tables and nft chains do`;
    case 'drop':
      return 'drops it: nothing after this sees it, and the sender is not told';
    case 'reject':
      return `drops it and answers with ${verdict.with}`;
    case 'return':
      return returnWords(context);
    case 'jump':
      return `goes on in chain ${verdict.chain}; if nothing there decides, the next rule follows`;
    case 'goto':
      return `goes on in chain ${verdict.chain}, and does not come back to this chain`;
    case 'queue':
      return `hands it to a program (${describeVerdict(verdict)}), which decides`;
    case 'taken':
      return describeVerdict(verdict);
    case 'continue':
      return 'goes on with the next rule';
  }
};

interface Said {
  readonly words: readonly string[];
  /** Whether no rule after it sees the packet, or what it does is not known. */
  readonly ended: boolean;
}

const stepWords = (step: Step, context: ActionContext, hasNat: boolean): Said => {
  switch (step.kind) {
    case 'effect':
      return { words: [effectWords(step.effect, context.family)], ended: false };
    case 'verdict':
      return { words: [verdictWords(step.verdict, context, hasNat)], ended: true };
    case 'choose':
      return {
        words: step.arms.flatMap((arm) => {
          const when = phrase(arm.condition, context.words);
          return said(arm.steps, context).words.map((words) => (when === 'always' ? words : `${words}, if ${when}`));
        }),
        ended: false,
      };
    case 'unmodelled':
      return { words: [`${step.what}: dnfw has no model of it, so that nothing certain can be said`], ended: true };
    case 'test':
    case 'hotdrop':
      return { words: [], ended: false };
  }
};

const said = (steps: readonly Step[], context: ActionContext): Said => {
  const words: string[] = [];
  let ended = false;
  const hasNat = steps.some((step) => step.kind === 'effect' && step.effect.kind === 'nat');
  for (const step of steps) {
    const more = stepWords(step, context, hasNat);
    words.push(...more.words);
    ended ||= more.ended;
  }
  return { words, ended };
};

/** One sentence each, in the order in which it happens. */
export const actionWords = (steps: readonly Step[], context: ActionContext): readonly string[] => {
  const { words, ended } = said(steps, context);
  if (words.length === 0) return ['counts it and does nothing else; the next rule follows'];
  return ended ? words : [...words, 'then the next rule follows'];
};
