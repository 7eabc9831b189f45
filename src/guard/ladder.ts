/** All base chains of a hook, in the order in which packets meet them, and whose they are. */
import { recognise } from '../docker/recognise.ts';
import { registry } from '../extensions/registry.ts';
import { printRule } from '../iptables/print.ts';
import type { Chain, Rule, Ruleset, Table } from '../iptables/types.ts';
import { type Hook, hookOf, isBuiltInChain, priorityOf } from '../netfilter/hooks.ts';
import { meetsIp, type NftRuleset, type TableFamily } from '../nftables/ruleset.ts';
import { guardFamily, guardTableName } from './names.ts';
import { translatedInput } from './encrypted.ts';

export interface Rung {
  readonly priority: number;
  readonly family: TableFamily;
  readonly table: string;
  readonly chain: string;
  readonly type: 'filter' | 'nat' | 'route';
  readonly runs: 'nft' | 'iptables-nft' | 'iptables-legacy';
  readonly policy: 'accept' | 'drop';
  readonly rules: number;
  /** Who made it, as far as names and rules tell. */
  readonly owner: string;
  /** Another chain of the same priority meets the same packets: nobody knows which of them comes first. */
  readonly isTied: boolean;
}

/** Tables that programs make under names of their own. */
const ownersByTable: readonly (readonly [RegExp, string])[] = [
  [/^firewalld$/, 'firewalld'],
  [/^f2b-/, 'fail2ban'],
  [/^docker-/, 'Docker'],
  [/^crowdsec6?(?:-|$)/, 'CrowdSec'],
  [/^kube-proxy$/, 'kube-proxy'],
  [/^libvirt/, 'libvirt'],
  [/^(?:lxc|lxd|incus)/, 'LXC'],
  [/^foomuuri$/, 'foomuuri'],
  [/^shorewall/, 'Shorewall'],
  [/^tailscale/, 'Tailscale'],
  [/^mangle-mullvad|^mullvad/, 'Mullvad'],
];

/** Chains of iptables that programs make. */
const ownersByChain: readonly (readonly [RegExp, string])[] = [
  [/^ufw6?-/, 'ufw'],
  [/^(?:f2b-|fail2ban)/, 'fail2ban'],
  [
    /^(?:(?:INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING)_(?:direct|ZONES|POLICIES|IN_ZONES|OUT_ZONES)|FWD[IO]_|IN_[a-z]|FWD_[a-z]|PRE_[a-z]|POST_[a-z])/,
    'firewalld',
  ],
  [/^KUBE-/, 'kube-proxy'],
  [/^LIBVIRT_/, 'libvirt'],
  [/^ts-/, 'Tailscale'],
  [/^(?:CROWDSEC|crowdsec)/, 'CrowdSec'],
];

const unknown = 'unknown';
const nobody = 'nobody: it has no rules';

/** Who made a native table, by its name. */
export const ownerOfTable = (family: string, name: string): string =>
  family === guardFamily && name === guardTableName
    ? 'dnfw'
    : (ownersByTable.find(([pattern]) => pattern.test(name))?.[1] ?? unknown);

/** The program that made a chain of iptables, by its name; undefined for one that anybody may have made. */
export const ownerOfChain = (name: string): string | undefined =>
  ownersByChain.find(([pattern]) => pattern.test(name))?.[1];

/** Tells Docker's rules from those of others. */
export type IsDocker = (table: Table, chain: Chain) => (rule: Rule) => boolean;

const ownersOf = (table: Table, chain: Chain, isDocker: IsDocker): string => {
  const isTheirs = isDocker(table, chain);
  const owners = chain.rules.map((rule) => {
    const { action } = rule;
    const target = action.kind === 'jump' || action.kind === 'goto' ? action.chain : '';
    return ownerOfChain(target) ?? (isTheirs(rule) ? 'Docker' : 'operator');
  });
  return owners.length === 0 ? nobody : [...new Set(owners)].toSorted().join(', ');
};

type Loose = Omit<Rung, 'isTied'>;

const typeOf = ({ name }: Table, hook: Hook): Rung['type'] =>
  name === 'nat' ? 'nat' : name === 'mangle' && hook === 'output' ? 'route' : 'filter';

const ofIptables = (tables: readonly Table[], hook: Hook, isDocker: IsDocker): readonly Loose[] =>
  tables.flatMap((table) =>
    table.chains
      .filter(({ name, policy }) => policy !== undefined && isBuiltInChain(name) && hookOf[name] === hook)
      .map((chain): Loose => ({
        priority: priorityOf(table.name, hook),
        family: table.family,
        table: table.name,
        chain: chain.name,
        type: typeOf(table, hook),
        runs: table.backend === 'legacy' ? 'iptables-legacy' : 'iptables-nft',
        policy: chain.policy === 'DROP' ? 'drop' : 'accept',
        rules: chain.rules.length,
        owner: ownersOf(table, chain, isDocker),
      })),
  );

const ofNft = ({ tables }: NftRuleset, iptables: Ruleset, hook: Hook, isDocker: IsDocker): readonly Loose[] =>
  tables
    .filter(({ family, dormant }) => meetsIp(family) && !dormant)
    .flatMap(({ family, name: table, chains }) => {
      const twin = iptables.tables.find((one) => one.backend === 'nft' && one.family === family && one.name === table);
      return [...chains.values()].flatMap(({ name: chain, base, rules }): readonly Loose[] => {
        if (base?.hook !== hook) return [];
        const isTwin = twin !== undefined && isBuiltInChain(chain) && hookOf[chain] === hook;
        const shown = isTwin ? twin.chains.find(({ name }) => name === chain) : undefined;
        return [
          {
            priority: base.priority,
            family,
            table,
            chain,
            type: base.type,
            runs: isTwin ? 'iptables-nft' : 'nft',
            policy: base.policy,
            rules: rules.length,
            owner: isTwin && shown ? ownersOf(twin, shown, isDocker) : isTwin ? nobody : ownerOfTable(family, table),
          },
        ];
      });
    });

const meet = (a: TableFamily, b: TableFamily): boolean => a === b || a === 'inet' || b === 'inet';

/** Tables of iptables-nft that nft did not list, because nobody asked it, are as iptables shows them. */
export const ladderAt = (hook: Hook, listed: NftRuleset, iptables: Ruleset, isDocker: IsDocker): readonly Rung[] => {
  const isListed = ({ family, name }: Table): boolean =>
    listed.tables.some((table) => table.family === family && table.name === name);
  const others = iptables.tables.filter((table) => table.backend === 'legacy' || !isListed(table));
  const all = [...ofNft(listed, iptables, hook, isDocker), ...ofIptables(others, hook, isDocker)].toSorted((a, b) => a.priority - b.priority); // prettier-ignore
  return all.map((rung) => ({
    ...rung,
    isTied: all.some((other) => other !== rung && other.priority === rung.priority && meet(other.family, rung.family)),
  }));
};

const noBridges: ReadonlySet<string> = new Set();

const isDockerInput: IsDocker = (table) => {
  const overlays = translatedInput(table);
  return (rule) => {
    const text = printRule(rule, table.family, registry);
    const candidate = { family: table.family, table: table.name, chain: 'INPUT', rule: text, nft: overlays.get(rule) ?? [] }; // prettier-ignore
    return recognise(candidate, noBridges) !== undefined;
  };
};

export const ladderOf = (listed: NftRuleset, iptables: Ruleset): readonly Rung[] =>
  ladderAt('input', listed, iptables, isDockerInput);
