/** Explains the rules of a ruleset: each from its meaning, its translation and what is known of Docker. */
import { bridgesOf, type Candidate, type DockerRule, recognise } from '../docker/recognise.ts';
import { versionWords } from '../docker/versions.ts';
import type { Registry } from '../extensions/contract.ts';
import { printRule } from '../iptables/print.ts';
import { reachOf } from '../iptables/reach.ts';
import type { Chain, Rule, Ruleset, Table } from '../iptables/types.ts';
import { type Backend, families } from '../netfilter/family.ts';
import { type Hook, isBuiltInChain } from '../netfilter/hooks.ts';
import type { WordContext } from '../packet/fieldwords.ts';
import type { ProgramRule } from '../packet/program.ts';
import { iptablesProgram } from '../simulate/iptables-program.ts';
import { actionWords } from './action.ts';
import { edgesOf, hasUnknown, wholeTests } from './edges.ts';
import { edgeWords, type Surroundings, together, unknownEdges } from './edgewords.ts';
import type { ExplainedDocker, ExplainedEdges, Explanation } from './explanation.ts';
import { type NftForm, nftForms } from './nftform.ts';
import { shortPhrase } from './phrase.ts';
import { turnTrackingOn } from './tracking.ts';

export interface ExplainOptions {
  /** Explain for both, where nobody has said which one runs the rules. */
  readonly backends?: readonly Backend[];
  /** The chain that stands for one that is not named. */
  readonly unnamed?: string;
  /** Do not go by the hooks of the chain for fragments. */
  readonly anywhere?: boolean;
}

interface Place {
  readonly table: Table;
  readonly chain: Chain;
  readonly rule: Rule;
}

const wordContext = ({ table, rule }: Place): WordContext => {
  const { protocol } = rule.selector;
  return protocol && !protocol.inverted
    ? { family: table.family, protocol: protocol.number }
    : { family: table.family };
};

const dockerOf = (found: DockerRule | undefined): ExplainedDocker | undefined => {
  if (!found) return undefined;
  const { part, about, versions, overlay, matcher, remark, filled } = found;
  const port = overlay?.port ?? (filled?.port === undefined ? undefined : Number(filled.port));
  return {
    part,
    about,
    versions,
    releases: versionWords(versions),
    ...(overlay ? { role: overlay.role, vni: overlay.vni } : {}),
    ...(port === undefined ? {} : { port }),
    ...(matcher === undefined ? {} : { matcher }),
    ...(remark === undefined ? {} : { remark }),
  };
};

/** What each backend makes of a rule, by the backend, in the order of the rules of a ruleset. */
type Meanings = ReadonlyMap<Backend, readonly ProgramRule[]>;

const placesOf = ({ tables }: Ruleset): readonly Place[] =>
  tables.flatMap((table) => table.chains.flatMap((chain) => chain.rules.map((rule) => ({ table, chain, rule }))));

const meaningsOf = ({ tables }: Ruleset, registry: Registry): readonly ProgramRule[] =>
  tables.flatMap((table) => {
    const [program] = iptablesProgram({ tables: [table] }, registry, table.family).tables;
    return program ? [...program.chains.values()].flatMap(({ rules }) => rules) : [];
  });

const onBackend = ({ tables }: Ruleset, backend: Backend): Ruleset => ({
  tables: tables.map((table) => ({ ...table, backend })),
});

const nowhere: ReadonlySet<Hook> = new Set();

const edgesFor = (place: Place, index: number, meanings: Meanings, around: Surroundings): readonly ExplainedEdges[] => {
  const { family } = place.table;
  const context = wordContext(place);
  return together(
    [...meanings].map(([backend, rules]) => {
      const steps = rules[index]?.steps ?? [];
      return hasUnknown(steps)
        ? unknownEdges(backend)
        : edgeWords(edgesOf(steps, family), family, backend, around, context);
    }),
  );
};

const matchWords = ({ steps }: ProgramRule, place: Place): readonly string[] => {
  const context = wordContext(place);
  const words = wholeTests(steps, place.table.family).map((test) =>
    shortPhrase(test, context, 'the program below matches'),
  );
  const { selector, unmodelled } = place.rule;
  // This test always holds of a whole packet; here somebody asks for it.
  const fragment = selector.fragment?.inverted ? ['it is not a later fragment'] : [];
  const unknown = unmodelled?.kind === 'match' ? [`what match ${unmodelled.name} asks (dnfw has no model of it)`] : [];
  return [...new Set([...words, ...fragment, ...unknown])];
};

const programsOf = ({ table, rule }: Place, registry: Registry): Explanation['programs'] => {
  const context = { family: table.family, table: table.name, backend: table.backend, selector: rule.selector };
  return rule.matches.flatMap((use) => {
    const lines = registry.matches.get(use.name)?.program(use, context) ?? [];
    return lines.length === 0 ? [] : [{ match: use.name, lines }];
  });
};

/** Every rule of a ruleset that was read without errors, in its order. */
export const explainRules = (
  ruleset: Ruleset,
  registry: Registry,
  { backends, unnamed, anywhere = false }: ExplainOptions = {},
): readonly Explanation[] => {
  const places = placesOf(ruleset);
  const forms = nftForms(ruleset, registry, backends);
  const own = meaningsOf(ruleset, registry);
  const both: Meanings | undefined = backends && new Map(backends.map((one) => [one, meaningsOf(onBackend(ruleset, one), registry)])); // prettier-ignore
  const hooks = new Map(ruleset.tables.map((table) => [table, reachOf(table).hooks]));
  const candidates = places.map(({ table, chain, rule }) => ({ family: table.family, table: table.name, chain: chain.name, rule: printRule(rule, table.family, registry) })); // prettier-ignore
  const bridges = bridgesOf(candidates);
  const tracked = new Set(families.filter((family) => !anywhere && turnTrackingOn(own.filter((_, i) => places[i]?.table.family === family)))); // prettier-ignore
  return places.map((place, index): Explanation => {
    const { table, chain, rule } = place;
    const meaning = own[index] as ProgramRule;
    const form = forms[index] as NftForm;
    const candidate: Candidate = {
      ...(candidates[index] as Omit<Candidate, 'nft'>),
      nft: form.rules.map(({ expr }) => expr),
    };
    const docker = dockerOf(recognise(candidate, bridges));
    const name = chain.name === unnamed ? undefined : chain.name;
    const reached = anywhere ? nowhere : (hooks.get(table)?.get(chain.name) ?? nowhere);
    const known = name === undefined ? {} : { chain: name };
    return {
      file: rule.origin.file,
      line: rule.origin.line,
      text: rule.origin.text,
      rule: candidate.rule,
      family: table.family,
      backends: backends ?? [table.backend],
      table: table.name,
      ...known,
      matches: matchWords(meaning, place),
      programs: programsOf(place, registry),
      does: actionWords(meaning.steps, {
        family: table.family,
        table: table.name,
        ...known,
        isBuiltIn: isBuiltInChain(chain.name),
        words: wordContext(place),
      }),
      edges: edgesFor(place, index, both ?? new Map([[table.backend, own]]), {
        hooks: reached,
        tracked: tracked.has(table.family),
      }),
      nft: form.explained,
      ...(docker ? { docker } : {}),
    };
  });
};
