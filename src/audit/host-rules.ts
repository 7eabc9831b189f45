/** Every iptables rule of a host with its place, its translation and what Docker wants with it. */
import { bridgesOf, type DockerRule, recognise } from '../docker/recognise.ts';
import { registry } from '../extensions/registry.ts';
import { ruleText } from '../guard/iptables-save.ts';
import { printRule } from '../iptables/print.ts';
import type { Chain, Origin, Rule, Ruleset, Table } from '../iptables/types.ts';
import type { Statement } from '../nftables/types.ts';
import type { Entry } from '../translate/report.ts';
import { translate } from '../translate/translate.ts';
import type { Evidence } from './finding.ts';
import { shellRule, shellWord } from './shell-words.ts';

export interface HostRule {
  readonly table: Table;
  readonly chain: Chain;
  /** 1-based, as `iptables -D CHAIN NUMBER` counts. */
  readonly position: number;
  readonly rule: Rule;
  /** As iptables-save prints it, behind `-A CHAIN`. */
  readonly text: string;
  readonly entry: Entry;
  /** The native rules that it becomes; none for one that is refused or never matches. */
  readonly nft: readonly (readonly Statement[])[];
  readonly docker: DockerRule | undefined;
}

export interface HostRules {
  readonly all: readonly HostRule[];
  /** Bridges of Docker's, by the rules about them. */
  readonly bridges: ReadonlySet<string>;
}

export const hostRules = (ruleset: Ruleset): HostRules => {
  const { commands, entries } = translate(ruleset, registry);
  const places = ruleset.tables.flatMap((table) =>
    table.chains.flatMap((chain) => chain.rules.map((rule, index) => ({ table, chain, rule, position: index + 1 }))),
  );
  const candidates = places.map(({ table, chain, rule }, index) => ({
    family: table.family,
    table: table.name,
    chain: chain.name,
    rule: printRule(rule, table.family, registry),
    nft: (entries[index]?.nft ?? []).flatMap((at) => {
      const command = commands[at];
      return command && 'add' in command && 'rule' in command.add ? [command.add.rule.expr] : [];
    }),
  }));
  const bridges = bridgesOf(candidates);
  const all = places.map((place, index): HostRule => {
    const candidate = candidates[index] as (typeof candidates)[number];
    return {
      ...place,
      text: candidate.rule,
      entry: entries[index] as Entry,
      nft: candidate.nft,
      docker: recognise(candidate, bridges),
    };
  });
  return { all, bridges };
};

/** A listing aligns its columns with blanks. */
const oneLine = (text: string): string => ruleText(text).replaceAll(/\s+/g, ' ');

export const evidenceAt = ({ file, line, text }: Origin, note?: string): Evidence => ({
  file,
  line,
  text: oneLine(text),
  ...(note === undefined ? {} : { note }),
});

export const evidenceOf = ({ rule }: HostRule, note?: string): Evidence => evidenceAt(rule.origin, note);

/** The program that changes the table of a rule on the host. */
export const programFor = ({
  family,
  backend,
  isBackendSupposed,
}: Pick<Table, 'family' | 'backend' | 'isBackendSupposed'>): string => {
  const program = family === 'ip' ? 'iptables' : 'ip6tables';
  // On its host, the plain name is the backend that is in use: a guess could change the other one.
  return isBackendSupposed ? program : `${program}-${backend}`;
};

/** The command that takes a rule away. A rule that was read from a listing is printed as iptables-save would. */
export const deleting = ({ table, chain, text }: HostRule): string =>
  `${programFor(table)} -t ${table.name} -D ${shellWord(chain.name)} ${shellRule(text)}`;
