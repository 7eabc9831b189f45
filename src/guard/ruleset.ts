/**
 * The guard as nft commands: the whole table, made anew in one transaction. It has one base chain, ahead of the chains
 * of iptables; a drop in it is final, and an accept only ends this chain (kernel net/netfilter/core.c, nf_hook_slow).
 */
import type { Outcome } from '../diagnostics/diagnostic.ts';
import { accept, add, counter, ct, deleteTable, drop, equal, jump, limit, log, match, meta, returnVerdict } from '../nftables/build.ts'; // prettier-ignore
import type { Command, Statement } from '../nftables/types.ts';
import type { HostFacts } from './facts.ts';
import { encryptedChain, generationChain, generationComment, guardFamily, guardTable, guardTableName, inputChain, refuseChain } from './names.ts'; // prettier-ignore
import type { Policy, PolicyPlace } from './policy.ts';
import { encryptedRules } from './ruleset-encrypted.ts';
import { icmpChain, icmpRules } from './ruleset-icmp.ts';
import { allowChain, allowRules, clearDataPath, swarmChain, swarmRules, trustedChain, trustedRules } from './ruleset-services.ts'; // prettier-ignore
import { type LiveElements, setCommands } from './ruleset-sets.ts';
import { isFamily } from './ruleset-sources.ts';
import { type Taken, takenJumps, takenRules } from './ruleset-taken.ts';
import { chainCommand, commentText, type GuardRule, ruleCommand, unplacedRule } from './ruleset-writer.ts';

/** The usual priority: ahead of filter (0), where the chains of iptables are, and behind mangle (-150). */
export const usualPriority = -10;

export interface GuardOptions {
  readonly generation: number;
  /** The first 12 hexadecimal digits of a hash of policy and facts. */
  readonly tag: string;
  readonly priority: number;
  /** What the external sets of a loaded guard hold. */
  readonly liveElements?: LiveElements;
}

/** The commands, and for those that are rules of the policy, by their index, where the policy says so. */
export interface GuardCommands extends Outcome<readonly Command[]> {
  readonly places: ReadonlyMap<number, PolicyPlace>;
}

const rulesChain = 'rules';
const dockerChain = 'docker';

const established: Statement = match(ct('state'), 'in', ['established', 'related']);
const invalid: Statement = match(ct('state'), 'in', 'invalid');

/** A log line, at a limited rate, then the verdict that the mode gives. */
const refusalRules = ({ mode, log: { drops, rate, per, burst, prefix } }: Policy): readonly GuardRule[] => [
  ...(drops
    ? [
        {
          chain: refuseChain,
          expr: [limit({ rate, per, burst }), log({ prefix: prefixFor(mode, prefix), level: 'info' })],
        },
      ]
    : []),
  mode === 'enforce'
    ? unplacedRule(refuseChain, [], drop, 'refused by the policy')
    : unplacedRule(refuseChain, [], accept, 'would be refused by the policy'),
];

const prefixFor = (mode: Policy['mode'], prefix: string): string => (mode === 'enforce' ? prefix : `observe ${prefix}`);

/** What Docker's rules accept goes on to them; behind the policy's own words. */
const dockerRules = (policy: Policy, { dockerAccepts }: HostFacts): readonly GuardRule[] =>
  policy.dockerAccepts === 'ignore'
    ? []
    : dockerAccepts.map(({ family, tests, text }) => ({
        chain: dockerChain,
        expr: [isFamily(family), ...tests, counter(), accept],
        comment: commentText(`Docker: ${text}`),
      }));

const to = (target: string): GuardRule => ({ chain: inputChain, expr: [jump(target)] });

const inputRules = (policy: Policy): readonly GuardRule[] => [
  to(encryptedChain),
  ...(policy.swarm?.encrypted === 'required' ? [clearDataPath(inputChain, policy.swarm)] : []),
  unplacedRule(inputChain, [established], accept, 'established connections'),
  unplacedRule(inputChain, [equal(meta('iifname'), 'lo')], accept, 'loopback'),
  ...(policy.default === 'drop' ? [unplacedRule(inputChain, [invalid], jump(refuseChain), 'no valid connection')] : []),
  ...[icmpChain, trustedChain, swarmChain, rulesChain, allowChain, dockerChain].map(to),
  ...(policy.default === 'drop' ? [to(refuseChain)] : []),
];

/** In the order of the rules, which nft lists them in; the base chain is made last, when all that it jumps to is there. */
const chainCommands = ({ chains }: Taken, priority: number): readonly Command[] => [
  ...[refuseChain, encryptedChain, icmpChain, trustedChain, swarmChain].map(chainCommand),
  ...chains.map(chainCommand),
  ...[rulesChain, allowChain, dockerChain, generationChain].map(chainCommand),
  add({
    chain: {
      family: guardFamily,
      table: guardTableName,
      name: inputChain,
      type: 'filter',
      hook: 'input',
      prio: priority,
      policy: 'accept',
    },
  }),
];

/**
 * Pure. With an error among the diagnostics (a taken rule that has no nft form) the commands lack rules and must not be
 * loaded.
 */
export const guardCommands = (policy: Policy, facts: HostFacts, options: GuardOptions): GuardCommands => {
  const taken = takenRules(policy);
  const rules: readonly GuardRule[] = [
    ...refusalRules(policy),
    ...encryptedRules(facts, policy.mode),
    ...icmpRules(policy),
    ...trustedRules(policy),
    ...swarmRules(policy),
    ...taken.rules,
    ...takenJumps(rulesChain, taken),
    ...allowRules(policy),
    ...dockerRules(policy, facts),
    {
      chain: generationChain,
      expr: [returnVerdict],
      comment: generationComment(options.generation, options.tag),
    },
    ...inputRules(policy),
  ];
  const before: readonly Command[] = [
    add({ table: guardTable }),
    deleteTable(guardTable),
    add({ table: guardTable }),
    ...setCommands(policy.sets, options.liveElements ?? new Map()),
    ...chainCommands(taken, options.priority),
  ];
  return {
    value: [...before, ...rules.map(ruleCommand)],
    diagnostics: taken.diagnostics,
    places: new Map(rules.flatMap(({ place }, index) => (place ? [[before.length + index, place] as const] : []))),
  };
};
