// Whole rulesets: chains that jump to chains, verdicts, marks and header fields that rules change for the rules behind
// them. The conditions are those of single rules, so that packets can be aimed at them.
import { registry } from '../../../src/extensions/registry.ts';
import { printRuleset } from '../../../src/iptables/print.ts';
import type { Chain, Rule, Table } from '../../../src/iptables/types.ts';
import type { Hook, TableName } from '../../../src/netfilter/hooks.ts';
import { builtInChains, isBuiltInChain, hookOf } from '../../../src/netfilter/hooks.ts';
import { parseScenario, readScenarios } from '../../rulesets.ts';
import { chainOf, tables } from './batch.ts';
import { needsConntrack } from './leftout.ts';
import type { Place } from './packets.ts';
import type { Random } from './random.ts';
import { conditionsOf, type Tested } from './rules.ts';

export interface Whole {
  readonly family: Tested['family'];
  readonly place: Place;
  readonly dump: string;
  /** The rules in it, to aim packets at. */
  readonly rules: readonly Tested[];
  readonly from: string;
}

const userChains = ['one', 'two', 'three', 'four'];

const word = (random: Random): string =>
  `0x${random.pick([1, 2, 3, 0xff, 0xff00, 0x80000000, random.word()]).toString(16)}`;

const changes = (table: TableName, family: Tested['family'], tracked: boolean, random: Random): string => {
  const hops = family === 'ip' ? 'TTL --ttl' : 'HL --hl';
  const all = [
    `MARK --set-xmark ${word(random)}/${word(random)}`,
    `MARK --set-mark ${word(random)}`,
    `MARK --and-mark ${word(random)}`,
    `MARK --or-mark ${word(random)}`,
    `MARK --xor-mark ${word(random)}`,
  ];
  const headers = [
    `TOS --set-tos 0x${random.below(256).toString(16)}/0x${random.below(256).toString(16)}`,
    `DSCP --set-dscp 0x${random.below(64).toString(16)}`,
    `${hops}-set ${random.below(256)}`,
  ];
  const connection = [
    `CONNMARK --set-xmark ${word(random)}/${word(random)}`,
    'CONNMARK --save-mark',
    'CONNMARK --restore-mark',
    `CONNMARK --restore-mark --nfmask ${word(random)} --ctmask ${word(random)}`,
  ];
  if (table === 'raw') return random.pick(all);
  const more = tracked ? [...all, ...connection] : all;
  return random.pick(table === 'mangle' ? [...more, ...headers] : more);
};

const actionIn = (
  table: TableName,
  chain: string,
  family: Tested['family'],
  tracked: boolean,
  random: Random,
): string => {
  const later = userChains.slice(userChains.indexOf(chain) + 1);
  const kind = random.below(20);
  if (kind < 7) return `-j ${changes(table, family, tracked, random)}`;
  if (kind < 12 && later.length > 0) return `${random.chance(0.7) ? '-j' : '-g'} ${random.pick(later)}`;
  if (kind < 14) return '-j RETURN';
  if (kind < 16) return '-j ACCEPT';
  if (kind < 18) return '-j DROP';
  if (kind < 19 && table === 'filter') return '-j REJECT';
  return '';
};

const markCondition = (random: Random): string =>
  `-m mark ${random.chance(0.4) ? '! ' : ''}--mark ${word(random)}/${word(random)}`;

/** The kernel refuses a rule that a hook cannot have, also where a jump leads there. */
const fitting = (rules: readonly Tested[], hook: Hook): readonly Tested[] =>
  rules.filter((one) => one.hooks.includes(hook));

export const generatedWhole = (
  family: Tested['family'],
  place: Place,
  rules: readonly Tested[],
  random: Random,
  from: string,
): Whole => {
  const usable = fitting(rules, place.hook);
  // Before conntrack has seen the packet, nothing is known of its connection.
  const early = usable.filter((one) => !needsConntrack(one));
  const used: Tested[] = [];
  const table = (name: TableName): string => {
    const built = builtInChains[name];
    const own = chainOf[place.hook];
    const wanted = built.some((chain) => chain === own) ? [own, ...userChains] : [];
    const lines = wanted.flatMap((chain) =>
      Array.from({ length: 1 + random.below(5) }, () => {
        const one = random.chance(0.25) ? undefined : random.pick(name === 'raw' ? early : usable);
        if (one) used.push(one);
        const conditions = [one?.text ?? '', random.chance(0.2) ? markCondition(random) : ''];
        return [`-A ${chain}`, ...conditions, actionIn(name, chain, family, place.tracked, random)]
          .filter((part) => part !== '')
          .join(' ');
      }),
    );
    const policy = random.chance(0.2) ? 'DROP' : 'ACCEPT';
    return [
      `*${name}`,
      ...built.map((chain) => `:${chain} ${chain === own ? policy : 'ACCEPT'} [0:0]`),
      ...(wanted.length > 0 ? userChains.map((chain) => `:${chain} - [0:0]`) : []),
      ...lines,
      'COMMIT\n',
    ].join('\n');
  };
  return { family, place, dump: tables.map(table).join(''), rules: used, from };
};

/** The chains from which nothing of this hook is reached stay empty: their rules concern other packets. */
const reachedFrom = (hook: Hook, chains: readonly Chain[]): ReadonlySet<string> => {
  const reached = new Set<string>();
  const open = chains.filter(({ name }) => isBuiltInChain(name) && hookOf[name] === hook);
  for (let chain = open.pop(); chain; chain = open.pop()) {
    if (reached.has(chain.name)) continue;
    reached.add(chain.name);
    for (const { action } of chain.rules)
      if (action.kind === 'jump' || action.kind === 'goto')
        open.push(...chains.filter(({ name }) => name === action.chain));
  }
  return reached;
};

const restricted = (table: Table, hook: Hook, kept: (rule: Rule) => boolean): Table => {
  const reached = reachedFrom(hook, table.chains);
  return {
    ...table,
    chains: table.chains.map((chain) => ({
      ...chain,
      rules: reached.has(chain.name) ? chain.rules.filter(kept) : [],
    })),
  };
};

const emptyDump = (name: TableName): string =>
  [`*${name}`, ...builtInChains[name].map((chain) => `:${chain} ACCEPT [0:0]`), 'COMMIT\n'].join('\n');

/** The captured rulesets at each hook where they have rules; address translation, which has no verdict, left out. */
export const capturedWholes = (
  kept: (rule: Tested) => boolean,
  isTracked: (rule: Tested) => boolean,
): readonly Whole[] =>
  readScenarios().flatMap((scenario) => {
    const { value } = parseScenario(scenario);
    return (['ip', 'ip6'] as const).flatMap((family) =>
      (['prerouting', 'input', 'forward', 'postrouting'] as const).flatMap((hook) =>
        (['legacy', 'nft'] as const).flatMap((backend) => {
          const from = `translations/rulesets/${scenario.name} at ${hook}`;
          const aim = (rule: Rule): Tested | undefined => conditionsOf(rule, family, from);
          const some = value.tables
            .filter((table) => table.family === family && table.backend === backend)
            .filter(({ name }) => tables.some((one) => one === name))
            .map((table) => restricted(table, hook, (rule) => { const one = aim(rule); return one !== undefined && kept(one); })); // prettier-ignore
          const rules = some.flatMap(({ chains }) =>
            chains.flatMap((chain) => chain.rules.flatMap((rule) => aim(rule) ?? [])),
          );
          const names = new Set(some.map(({ name }) => name));
          if (rules.length === 0 || names.size !== some.length) return [];
          const rest = tables.filter((name) => !names.has(name)).map(emptyDump);
          const dump = printRuleset({ tables: some }, registry) + rest.join('');
          return [{ family, place: { hook, tracked: rules.some(isTracked) }, dump, rules, from }];
        }),
      ),
    );
  });
