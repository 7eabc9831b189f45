/** Which VXLAN networks Docker keeps encrypted on a host, and what its accepts let in: read off its rules of any era. */
import { overlayRole } from '../docker/roles.ts';
import { registry } from '../extensions/registry.ts';
import type { Rule, Ruleset, Table } from '../iptables/types.ts';
import type { Family } from '../netfilter/family.ts';
import { esp, udp } from '../netfilter/protocols.ts';
import { l4proto } from '../nftables/build.ts';
import { isList, type Json, listOf, property, text, whole } from '../nftables/json.ts';
import type { NftRule, NftRuleset, NftTable } from '../nftables/ruleset.ts';
import type { Statement } from '../nftables/types.ts';
import { translate } from '../translate/translate.ts';
import { type DockerAccept, type EncryptedVni, type HostFacts, sortedVnis } from './facts.ts';
import { ruleText } from './iptables-save.ts';

export interface Rulesets {
  /** Tables of both backends. */
  readonly iptables: Ruleset;
  readonly nft: NftRuleset;
}

/**
 * Where Docker's rules are; firewalld keeps those that are given to it in chains of its own. The marks of what goes out
 * tell that a network is encrypted as well: who empties INPUT does not change that.
 */
const places: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['filter', new Set(['INPUT', 'INPUT_direct'])],
  ['mangle', new Set(['OUTPUT', 'OUTPUT_direct'])],
]);

/** Docker's rules of overlays are about UDP: nothing else needs to be translated to find them. */
const isCandidate = ({ selector, action, matches }: Rule, table: string): boolean =>
  selector.protocol?.number === udp &&
  !selector.protocol.inverted &&
  (table === 'mangle' ? action.kind === 'target' && action.use.name === 'MARK' : action.kind === 'verdict') &&
  matches.length > 1;

const candidatesIn = (table: Table): Table => ({
  ...table,
  chains: table.chains
    .filter(({ name }) => places.get(table.name)?.has(name))
    .map((chain) => ({ ...chain, rules: chain.rules.filter((rule) => isCandidate(rule, table.name)) })),
});

/** One rule of iptables with its meaning in nft. */
interface Found {
  readonly family: Family;
  readonly expr: readonly Statement[];
  readonly text: string;
}

const translated = ({ tables }: Ruleset): readonly Found[] => {
  const few = tables.filter(({ name }) => places.has(name)).map(candidatesIn);
  const { commands, entries } = translate({ tables: few }, registry);
  return entries.flatMap(({ family, text: said, nft }): readonly Found[] => {
    const command = nft.length === 1 ? commands[nft[0] as number] : undefined;
    return command && 'add' in command && 'rule' in command.add
      ? [{ family, expr: command.add.rule.expr, text: ruleText(said) }]
      : [];
  });
};

/** The rules of INPUT of a table that may be Docker's, as nft says them. */
export const translatedInput = (table: Table): ReadonlyMap<Rule, readonly (readonly Statement[])[]> => {
  if (table.name !== 'filter') return new Map();
  const few = candidatesIn(table);
  const rules = few.chains.flatMap((chain) => chain.rules);
  const { commands, entries } = translate({ tables: [few] }, registry);
  return new Map(
    entries.flatMap(({ nft }, index) => {
      const rule = rules[index];
      const exprs = nft.flatMap((at) => {
        const command = commands[at];
        return command && 'add' in command && 'rule' in command.add ? [command.add.rule.expr] : [];
      });
      return rule ? [[rule, exprs] as const] : [];
    }),
  );
};

const isAction = (statement: Statement): boolean =>
  'accept' in statement || 'drop' in statement || 'mangle' in statement;

const testsOf = (expr: readonly Statement[]): readonly Statement[] =>
  expr.filter((statement) => !isAction(statement) && !('counter' in statement));

/** A rule that asks more than Docker's (a source, an interface) is about fewer packets than the whole network. */
const dockerTests: ReadonlySet<string> = new Set(
  [
    { payload: { protocol: 'udp', field: 'dport' } },
    { '&': [{ payload: { base: 'th', offset: 96, len: 32 } }, 0xffffff00] },
    { meta: { key: 'ipsec' } },
    { meta: { key: 'l4proto' } },
  ].map((left) => JSON.stringify(left)),
);

/** Whether a rule is about a whole network: a source or a device beside it makes it one about some of its packets. */
export const asksNothingElse = (expr: readonly Statement[]): boolean =>
  testsOf(expr).every((statement) => 'match' in statement && dockerTests.has(JSON.stringify(statement.match.left)));

/** The set of the tables that Docker's own nft backend makes (moby drivers/overlay/encryption_nft_linux.go). */
export const overlayTable = 'docker-overlay';
const overlaySet = 'encrypted-vnis';

const portOf = (statements: readonly Json[]): number | undefined => {
  for (const statement of statements) {
    const match = property(statement, 'match');
    const payload = property(property(match, 'left'), 'payload');
    if (text(property(payload, 'field')) === 'dport') {
      const port = whole(property(match, 'right'));
      if (port !== undefined) return Number(port);
    }
  }
  return undefined;
};

/** Elements may carry a comment or a counter: then they are `{ "elem": { "val": … } }`. */
const valueOf = (element: Json): number | undefined => {
  const plain = property(property(element, 'elem'), 'val') ?? element;
  const value = isList(plain) ? undefined : whole(plain);
  return value === undefined || value > 0xffffffn ? undefined : Number(value);
};

const usesSet = (statements: readonly Json[]): boolean =>
  statements.some((statement) => text(property(property(statement, 'match'), 'right')) === `@${overlaySet}`);

/** One network in the engine's own table, with a rule of a chain at this hook that is about it. */
export interface NativeOverlay extends EncryptedVni {
  readonly hook: 'input' | 'output';
  readonly rule: NftRule;
}

const inOwnTable = (table: NftTable, family: Family): readonly NativeOverlay[] => {
  const elements = listOf(table.sets.get(overlaySet)?.elements).flatMap((element) => valueOf(element) ?? []);
  return [...table.chains.values()].flatMap(({ base, rules }): readonly NativeOverlay[] => {
    if (table.dormant || (base?.hook !== 'input' && base?.hook !== 'output')) return [];
    const { hook } = base;
    return rules
      .filter(({ statements }) => usesSet(statements))
      .flatMap((rule) => {
        const port = portOf(rule.statements);
        return port === undefined ? [] : elements.map((vni) => ({ family, port, vni, hook, rule }));
      });
  });
};

/** Networks of the tables that Docker's own nft backend makes. */
export const nativeOverlays = ({ tables }: NftRuleset): readonly NativeOverlay[] =>
  tables.flatMap((table) =>
    table.name === overlayTable && (table.family === 'ip' || table.family === 'ip6')
      ? inOwnTable(table, table.family)
      : [],
  );

/** What a rule of Docker does for an encrypted network: it drops clear packets, or has those that go out encrypted. */
export interface OverlayRule extends EncryptedVni {
  readonly does: 'drop' | 'mark';
}

const byNative = (ruleset: NftRuleset): readonly OverlayRule[] =>
  nativeOverlays(ruleset).map(({ family, port, vni, hook }) => ({
    family,
    port,
    vni,
    does: hook === 'input' ? 'drop' : 'mark',
  }));

const once = <T>(list: readonly T[], key: (one: T) => string): readonly T[] => [
  ...new Map(list.map((one) => [key(one), one])).values(),
];

/**
 * Encrypted VXLAN arrives as ESP first, which meets INPUT as well (net/ipv4/ip_input.c): who lets the one in has to let
 * the other in.
 */
const carriers = (accepts: readonly DockerAccept[]): readonly DockerAccept[] =>
  [...new Set(accepts.map(({ family }) => family))].map((family) => ({
    family,
    tests: [l4proto(esp)],
    text: 'ESP, which carries the encrypted overlays',
  }));

export interface DockerFacts extends HostFacts {
  /** The rules that tell of the encrypted networks. */
  readonly overlayRules: readonly OverlayRule[];
}

/** What rules say of Docker: pure, from the rules alone, whoever made them. */
export const factsOf = ({ iptables, nft }: Rulesets): DockerFacts => {
  const overlayRules: OverlayRule[] = [...byNative(nft)];
  const accepts: DockerAccept[] = [];
  for (const { family, expr, text: said } of translated(iptables)) {
    const role = overlayRole(expr);
    if (!role || !asksNothingElse(expr)) continue;
    const { port, vni } = role;
    if (role.role === 'accept') accepts.push({ family, tests: testsOf(expr), text: said });
    else overlayRules.push({ family, port, vni, does: role.role === 'mark' ? 'mark' : 'drop' });
  }
  const kept = once(accepts, ({ family, tests }) => `${family} ${JSON.stringify(tests)}`);
  return {
    encrypted: sortedVnis(overlayRules.map(({ family, port, vni }) => ({ family, port, vni }))),
    overlayRules,
    dockerAccepts: [...kept, ...carriers(kept)],
  };
};
