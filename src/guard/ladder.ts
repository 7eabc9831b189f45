/** All base chains of the input hook, in the order in which packets meet them, and whose they are. */
import { recognise } from '../docker/recognise.ts';
import { registry } from '../extensions/registry.ts';
import { printRule } from '../iptables/print.ts';
import type { Ruleset, Table } from '../iptables/types.ts';
import type { TableName } from '../netfilter/hooks.ts';
import { meetsIp, type NftRuleset, type TableFamily } from '../nftables/ruleset.ts';
import { guardFamily, guardTableName } from './names.ts';
import { translatedInput } from './encrypted.ts';

export interface Rung {
  readonly priority: number;
  readonly family: TableFamily;
  readonly table: string;
  readonly chain: string;
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
  [/^INPUT_(?:direct|ZONES)/, 'firewalld'],
  [/^KUBE-/, 'kube-proxy'],
  [/^LIBVIRT_/, 'libvirt'],
  [/^ts-/, 'Tailscale'],
  [/^(?:CROWDSEC|crowdsec)/, 'CrowdSec'],
];

const nobody: ReadonlySet<string> = new Set();
const unknown = 'unknown';

const ownersOf = (table: Table): string => {
  const input = table.chains.find(({ name }) => name === 'INPUT');
  const rules = input?.rules ?? [];
  if (rules.length === 0) return 'nobody: it has no rules';
  const owners = new Set<string>();
  const overlays = translatedInput(table);
  for (const rule of rules) {
    const { action } = rule;
    const target = action.kind === 'jump' || action.kind === 'goto' ? action.chain : '';
    const byChain = ownersByChain.find(([pattern]) => pattern.test(target))?.[1];
    const text = printRule(rule, table.family, registry);
    const found = recognise({ family: table.family, table: table.name, chain: 'INPUT', rule: text, nft: overlays.get(rule) ?? [] }, nobody); // prettier-ignore
    owners.add(byChain ?? (found ? 'Docker' : 'operator'));
  }
  return [...owners].toSorted().join(', ');
};

const priorities: Readonly<Partial<Record<TableName, number>>> = { mangle: -150, filter: 0, security: 50, nat: 100 };

type Loose = Omit<Rung, 'isTied'>;

const ofLegacy = ({ tables }: Ruleset): readonly Loose[] =>
  tables
    .filter(({ backend }) => backend === 'legacy')
    .flatMap((table): readonly Loose[] => {
      const input = table.chains.find(({ name }) => name === 'INPUT');
      const priority = priorities[table.name];
      if (!input || priority === undefined) return [];
      return [
        {
          priority,
          family: table.family,
          table: table.name,
          chain: 'INPUT',
          runs: 'iptables-legacy',
          policy: input.policy === 'DROP' ? 'drop' : 'accept',
          rules: input.rules.length,
          owner: ownersOf(table),
        },
      ];
    });

const ofNft = ({ tables }: NftRuleset, iptables: Ruleset): readonly Loose[] =>
  tables
    .filter(({ family, dormant }) => meetsIp(family) && !dormant)
    .flatMap(({ family, name: table, chains }) => {
      const twin = iptables.tables.find((one) => one.backend === 'nft' && one.family === family && one.name === table);
      return [...chains.values()].flatMap(({ name: chain, base, rules }): readonly Loose[] => {
        if (base?.hook !== 'input') return [];
        const isTwin = twin !== undefined && chain === 'INPUT';
        const isGuard = family === guardFamily && table === guardTableName;
        const byName = ownersByTable.find(([pattern]) => pattern.test(table))?.[1];
        return [
          {
            priority: base.priority,
            family,
            table,
            chain,
            runs: isTwin ? 'iptables-nft' : 'nft',
            policy: base.policy,
            rules: rules.length,
            owner: isTwin ? ownersOf(twin) : isGuard ? 'dnfw' : (byName ?? unknown),
          },
        ];
      });
    });

const meet = (a: TableFamily, b: TableFamily): boolean => a === b || a === 'inet' || b === 'inet';

export const ladderOf = (listed: NftRuleset, iptables: Ruleset): readonly Rung[] => {
  const all = [...ofNft(listed, iptables), ...ofLegacy(iptables)].toSorted((a, b) => a.priority - b.priority);
  return all.map((rung) => ({
    ...rung,
    isTied: all.some((other) => other !== rung && other.priority === rung.priority && meet(other.family, rung.family)),
  }));
};
