// Random rules and rulesets from the option tables of the extensions, for tests that hold for every rule: seeded, and
// shrunk by fast-check. A generated rule is well formed; whether its options go together is for the reader of it to say.
import fc, { type Arbitrary } from 'fast-check';
import type { Extension, Registry } from '../src/extensions/contract.ts';
import type { OptionSpec } from '../src/iptables/grammar.ts';
import type { Family } from '../src/netfilter/family.ts';
import { builtInChains, hookOf, type TableName, tableNames } from '../src/netfilter/hooks.ts';

/** Of all generated things; a number in DNFW_TEST_SEED gives others. */
export const seed: number = Number(process.env['DNFW_TEST_SEED'] ?? 20261123);

/** Where a rule stands. */
export interface Place {
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  /** User chains that it may jump to. */
  readonly jumps: readonly string[];
}

export interface GeneratedRule extends Place {
  /** `-A CHAIN …`. */
  readonly line: string;
  /** Names of the extensions in it. */
  readonly extensions: readonly string[];
}

/** A word as iptables-restore reads it: blanks and quotes only inside quotes. */
const word = (text: string): string =>
  /^[\w.,:/+*@=%&<>|^~[\]-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, String.raw`\$&`)}"`;

const seldom = <T>(value: Arbitrary<T>, otherwise: Arbitrary<T>, weight = 9): Arbitrary<T> =>
  fc.oneof({ weight: 1, arbitrary: value }, { weight, arbitrary: otherwise });

const sometimes = <T>(values: readonly T[], weight = 2): Arbitrary<T | undefined> =>
  values.length === 0
    ? fc.constant(undefined)
    : fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...values) });

const spelled = (spec: OptionSpec<unknown>, family: Family): Arbitrary<string> => {
  const { value, name, aliases = [], invertible } = spec;
  const bang = invertible ? fc.constantFrom('', '', '! ') : seldom(fc.constant('! '), fc.constant(''), 99);
  // The beginning of another spelling is a shortened one, and may be the whole name of another extension's option.
  const whole = [name, ...aliases].filter(
    (one, _, all) => !all.some((other) => other !== one && other.startsWith(one)),
  );
  const spelling = seldom(fc.constantFrom(...whole), fc.constant(name), 3);
  // The text of a value of two words is the words as they are written.
  const text =
    value.words === 0
      ? fc.constant('')
      : fc.constantFrom(...value.samples(family)).map((sample) => ` ${value.words === 1 ? word(sample) : sample}`);
  return fc.tuple(bang, spelling, text).map((parts) => parts.join(''));
};

/** One group of options: the mandatory ones, one of which at least one is needed, no two that exclude each other. */
const optionGroup = (extension: Extension, family: Family): Arbitrary<string> => {
  const entries = Object.entries(extension.options).filter(([, spec]) => !spec.separator);
  if (entries.length === 0) return fc.constant('');
  const keys = entries.map(([key]) => key);
  const chosen = fc.tuple(
    fc.subarray(keys, { maxLength: Math.min(3, keys.length) }),
    fc.constantFrom(...(extension.atLeastOne ?? keys)),
  );
  return chosen.chain(([some, one]) => {
    const needed = entries.filter(([, spec]) => spec.mandatory).map(([key]) => key);
    const wanted = [...new Set([...needed, ...(extension.atLeastOne ? [one] : []), ...some])];
    const kept = wanted.filter((key, index) => {
      const earlier = wanted.slice(0, index);
      const excluded = (a: string, b: string): boolean => extension.options[a]?.excludes?.includes(b) ?? false;
      return !earlier.some((other) => excluded(key, other) || excluded(other, key));
    });
    return fc
      .tuple(...kept.map((key) => spelled(extension.options[key] as OptionSpec<unknown>, family)))
      .map((options) => options.join(' '));
  });
};

const use = (extension: Extension, family: Family): Arbitrary<string> => {
  const separator = Object.values(extension.options).find((spec) => spec.separator);
  const group = optionGroup(extension, family);
  const groups = separator
    ? seldom(
        fc.tuple(group, group).map((two) => two.join(` ${separator.name} `)),
        group,
        2,
      )
    : group;
  const flag = extension.kind === 'match' ? '-m' : '-j';
  return groups.map((options) => `${flag} ${extension.name}${options === '' ? '' : ` ${options}`}`);
};

const addresses: Readonly<Record<Family, readonly string[]>> = {
  ip: ['10.0.0.1', '10.0.0.0/8', '172.17.0.0/16', '192.168.1.7/255.255.255.0', '10.0.5.0/255.0.255.0', '0.0.0.0/0'],
  ip6: ['fd00::1', 'fd00::/8', '2001:db8::/ffff:ffff::', '::/0', 'fd00::5/ffff::ff'],
};
const interfaces = ['docker0', 'br-+', 'eth0', '+', 'lo'];

/** `! -s 0.0.0.0/0` is left out: iptables-legacy takes it, iptables-nft does not. */
const option = (flags: readonly string[], values: readonly string[]): Arbitrary<string> =>
  fc
    .tuple(sometimes(values, 4), fc.constantFrom(...flags), fc.constantFrom('', '', '! '))
    .map(([value, flag, bang]) => (value === undefined ? '' : `${value.endsWith('/0') ? '' : bang}${flag} ${value}`));

const hookAt = ({ chain }: Place): string | undefined =>
  Object.hasOwn(hookOf, chain) ? hookOf[chain as keyof typeof hookOf] : undefined;

const selector = (place: Place): Arbitrary<string> => {
  const hook = hookAt(place);
  const none = fc.constant('');
  return fc
    .tuple(
      option(['-s', '--source'], addresses[place.family]),
      option(['-d', '--destination'], addresses[place.family]),
      hook === 'output' || hook === 'postrouting' ? none : option(['-i'], interfaces),
      hook === 'prerouting' || hook === 'input' ? none : option(['-o'], interfaces),
      place.family === 'ip' ? seldom(fc.constantFrom('-f', '! -f'), none, 19) : none,
    )
    .map((parts) => parts.filter((part) => part !== '').join(' '));
};

const fits = (extension: Extension, place: Place, protocol: number | undefined): boolean => {
  const hook = hookAt(place);
  return (
    extension.families.includes(place.family) &&
    (extension.tables?.includes(place.table) ?? true) &&
    (hook === undefined || (extension.hooks?.some((other) => other === hook) ?? true)) &&
    (!extension.protocols || (protocol !== undefined && extension.protocols.includes(protocol)))
  );
};

/** Places in which an extension may be used; now and then one in which it may not. */
const placeFor = (extension: Extension | undefined): Arbitrary<Place> => {
  const careful = fc.constantFrom<Family>(...(extension?.families ?? ['ip', 'ip6'])).chain((family) =>
    fc.constantFrom(...(extension?.tables ?? tableNames)).chain((table) => {
      const hooks = extension?.hooks;
      const builtIn = builtInChains[table].filter((chain) => hooks?.includes(hookOf[chain]) ?? true);
      return fc.constantFrom(...builtIn, 'user').map((chain): Place => ({ family, table, chain, jumps: ['other'] }));
    }),
  );
  return extension ? seldom(placeFor(undefined), careful, 19) : careful;
};

const protocolFor = (
  extension: Extension | undefined,
): Arbitrary<{ readonly number?: number; readonly text: string }> => {
  const of = (number: number): { readonly number: number; readonly text: string } => ({ number, text: `-p ${number}` });
  const some = fc.constantFrom({ text: '' }, { text: '' }, of(6), of(17), of(1), of(58), of(132), { text: '! -p 6' });
  return extension?.protocols ? seldom(some, fc.constantFrom(...extension.protocols).map(of), 29) : some;
};

const action = (place: Place, targets: readonly Extension[]): Arbitrary<string> => {
  const { table, chain, jumps } = place;
  const others = jumps.filter((name) => name !== chain);
  // iptables has inhibited DROP in nat since 1.4.
  const verdicts = table === 'nat' ? ['ACCEPT', 'RETURN'] : ['ACCEPT', 'DROP', 'RETURN'];
  const plain = [
    '',
    ...verdicts.map((name) => `-j ${name}`),
    ...others.flatMap((name) => [`-j ${name}`, `-g ${name}`]),
  ];
  const verdict = fc.constantFrom(...plain);
  return targets.length === 0
    ? verdict
    : fc.oneof(
        verdict,
        fc.constantFrom(...targets).chain((target) => use(target, place.family)),
      );
};

const ruleAt = (place: Place, lead: Extension | undefined, registry: Registry): Arbitrary<GeneratedRule> =>
  protocolFor(lead).chain(({ number, text: protocol }) => {
    const others = [...registry.matches.values()].filter((match) => match !== lead && fits(match, place, number));
    const targets = [...registry.targets.values()].filter((target) => fits(target, place, number));
    return fc.subarray(others, { maxLength: Math.min(2, others.length) }).chain((more) => {
      const matches = lead?.kind === 'match' ? [lead, ...more] : more;
      return fc
        .tuple(
          selector(place),
          fc.tuple(...matches.map((match) => use(match, place.family))),
          lead?.kind === 'target' ? use(lead, place.family) : action(place, targets),
        )
        .map(([head, uses, end]) => {
          const line = [`-A ${place.chain}`, head, protocol, ...uses, end].filter((part) => part !== '').join(' ');
          const target = /-j (\S+)(?: |$)/.exec(end)?.[1];
          const names = [...matches.map(({ name }) => name), ...(target === undefined ? [] : [target])];
          return { ...place, line, extensions: names };
        });
    });
  });

/**
 * One rule anywhere; every extension leads equally often. Nothing jumps to the chain `user`, so that such rules stand
 * in one table without restricting each other.
 */
export const rule = (registry: Registry): Arbitrary<GeneratedRule> => {
  const all: readonly Extension[] = [...registry.matches.values(), ...registry.targets.values()];
  return fc
    .constantFrom(undefined, ...all)
    .chain((lead) => placeFor(lead).chain((place) => ruleAt(place, lead, registry)));
};

/** The user chains that a rule needs. */
export const userChainsOf = ({ chain, jumps }: Place): readonly string[] =>
  [...new Set([chain, ...jumps])].filter((name) => !Object.hasOwn(hookOf, name));

/** The dump of one table with these rules; the chains that they name are there. */
export const dumpOf = (table: TableName, lines: readonly string[], userChains: readonly string[]): string =>
  [
    `*${table}`,
    ...builtInChains[table].map((chain) => `:${chain} ACCEPT [0:0]`),
    ...userChains.map((chain) => `:${chain} - [0:0]`),
    ...lines,
    'COMMIT',
    '',
  ].join('\n');

export interface GeneratedTable {
  readonly family: Family;
  readonly table: TableName;
  readonly userChains: readonly string[];
  readonly lines: readonly string[];
}

const userChains = ['first', 'second', 'third', 'fourth'];

/** A table with user chains; jumps go only to later chains, so that there is no circle. */
export const tableOf = (registry: Registry): Arbitrary<GeneratedTable> => {
  const leads: readonly (Extension | undefined)[] = [
    undefined,
    ...registry.matches.values(),
    ...registry.targets.values(),
  ];
  return fc.tuple(fc.constantFrom<Family>('ip', 'ip6'), fc.constantFrom(...tableNames)).chain(([family, table]) => {
    const places = [...builtInChains[table], ...userChains].map((chain): Place => ({
      family,
      table,
      chain,
      jumps: userChains.slice(userChains.indexOf(chain) + 1),
    }));
    const line = fc.constantFrom(...places).chain((place) => {
      const usable = leads.filter((lead) => !lead || fits(lead, place, lead.protocols?.[0]));
      return fc.constantFrom(...usable).chain((lead) => ruleAt(place, lead, registry));
    });
    return fc
      .array(line, { minLength: 1, maxLength: 30 })
      .map((rules) => ({ family, table, userChains, lines: rules.map((one) => one.line) }));
  });
};
