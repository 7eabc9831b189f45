// The rules whose verdicts are compared: those of the book, of the captured rulesets, and random ones, each as its
// conditions alone. What it does with a packet is replaced by a mark that shows that it matched.
import fc from 'fast-check';
import { isError } from '../../../src/diagnostics/diagnostic.ts';
import { registry } from '../../../src/extensions/registry.ts';
import { parse } from '../../../src/iptables/parse.ts';
import { printRule } from '../../../src/iptables/print.ts';
import type { InterfaceName, Rule, Use } from '../../../src/iptables/types.ts';
import type { Backend, Family } from '../../../src/netfilter/family.ts';
import type { Hook } from '../../../src/netfilter/hooks.ts';
import { caseInput, readBooks } from '../../book.ts';
import { dumpOf, rule as generated, userChainsOf } from '../../generate.ts';
import { parseScenario, readScenarios } from '../../rulesets.ts';
import { interfaceNames } from './lab.ts';

export interface Tested {
  readonly family: Family;
  /** The conditions as iptables-save prints them. */
  readonly text: string;
  readonly rule: Rule;
  /** Names of its matches. */
  readonly matches: readonly string[];
  /** The hooks at which the kernel takes it. */
  readonly hooks: readonly Hook[];
  /** Where it comes from. */
  readonly from: string;
}

const hooks: readonly Hook[] = ['prerouting', 'input', 'forward', 'postrouting'];

/** Hooks at which the kernel refuses an option (checkentry of xt_addrtype.c and xt_policy.c). */
const refusedBy = ({ name, info }: Use): readonly Hook[] => {
  const inward: readonly Hook[] = ['prerouting', 'input'];
  if (name === 'addrtype' && info['limitIn']) return ['postrouting'];
  if (name === 'addrtype' && info['limitOut']) return inward;
  if (name === 'policy' && info['dir']?.value === 'in') return ['postrouting'];
  return name === 'policy' ? inward : [];
};

const hooksOf = (rule: Rule): readonly Hook[] =>
  hooks.filter(
    (hook) =>
      !(rule.selector.inInterface && hook === 'postrouting') &&
      !(rule.selector.outInterface && (hook === 'prerouting' || hook === 'input')) &&
      rule.matches.every(({ name }) => registry.matches.get(name)?.hooks?.includes(hook) ?? true) &&
      !rule.matches.some((use) => refusedBy(use).includes(hook)),
  );

/** Devices of other hosts become devices of the laboratory, so that packets can come through them. */
const atHome = (device: InterfaceName | undefined): InterfaceName | undefined => {
  if (!device || device.name === '+' || device.name === 'lo') return device;
  const wild = device.name.endsWith('+');
  const start = wild ? device.name.slice(0, -1) : device.name;
  if (interfaceNames.some((name) => (wild ? name.startsWith(start) : name === start))) return device;
  const name = start.startsWith('br') ? 'br-lan' : start.startsWith('docker') ? 'docker0' : 'eth0';
  return { ...device, name: wild ? `${name.slice(0, 2)}+` : name };
};

const moved = (rule: Rule): Rule => {
  const { inInterface, outInterface, ...rest } = rule.selector;
  const [into, out] = [atHome(inInterface), atHome(outInterface)];
  return {
    ...rule,
    selector: { ...rest, ...(into ? { inInterface: into } : {}), ...(out ? { outInterface: out } : {}) },
  };
};

/** The rule as its conditions, or undefined if it has one that nobody knows. */
export const conditionsOf = (read: Rule, family: Family, from: string): Tested | undefined => {
  if (read.unmodelled) return undefined;
  const rule = moved(read);
  const text = printRule({ ...rule, action: { kind: 'none' } }, family, registry);
  return { family, text, rule, matches: rule.matches.map(({ name }) => name), hooks: hooksOf(rule), from };
};

type Parsed = ReturnType<typeof parse>;

const rulesIn = ({ value, diagnostics }: Parsed, from: (rule: Rule) => string): readonly Tested[] => {
  const wrong = new Set(diagnostics.filter(isError).map(({ span }) => span?.line));
  return value.tables.flatMap(({ family, chains }) =>
    chains.flatMap((chain) =>
      chain.rules.flatMap((rule) =>
        wrong.has(rule.origin.line) ? [] : (conditionsOf(rule, family, from(rule)) ?? []),
      ),
    ),
  );
};

const parsed = (text: string, family: Family, backend: Backend): Parsed =>
  parse([{ name: 'generated', text }], registry, { format: 'save', family, backend });

const bookRules = (): readonly Tested[] =>
  readBooks().flatMap(({ folder, file, cases }) =>
    cases
      .filter((one) => !one.error && one.iptables !== 'refuses')
      .flatMap((one) =>
        rulesIn(
          parsed(caseInput(one), one.family ?? 'ip', 'nft'),
          () => `translations/${folder}/${file}.json: ${one.name}`,
        ),
      ),
  );

const capturedRules = (): readonly Tested[] =>
  readScenarios().flatMap((scenario) =>
    rulesIn(
      parseScenario(scenario),
      ({ origin }) => `translations/rulesets/${scenario.name}/${origin.file}:${origin.line}`,
    ),
  );

export const generatedRules = (seed: number, count: number): readonly Tested[] =>
  fc.sample(generated(registry), { seed, numRuns: count }).flatMap((one, index) => {
    const found = parsed(dumpOf(one.table, [one.line], userChainsOf(one)), one.family, 'nft');
    return found.diagnostics.some(isError) ? [] : rulesIn(found, () => `generated rule ${index} of seed ${seed}`);
  });

const distinct = (rules: readonly Tested[]): readonly Tested[] =>
  [...new Map(rules.toReversed().map((one) => [`${one.family} ${one.text}`, one])).values()].toReversed();

export const knownRules = (): readonly Tested[] => distinct([...bookRules(), ...capturedRules()]);
