/**
 * What a file in `matches/` or `targets/` declares. The option table alone drives the parser, the printer, error
 * texts, the manual and the random rules of the tests; `translate` says the same in nft.
 */
import type {
  CheckProblem,
  ExtensionGrammar,
  Grammar,
  ListingReader,
  OptionSpec,
  OptionTable,
} from '../iptables/grammar.ts';
import type { Code } from '../diagnostics/catalogue.ts';
import type { Given, Info, Selector, Use } from '../iptables/types.ts';
import type { Backend, Family } from '../netfilter/family.ts';
import type { Hook, TableName } from '../netfilter/hooks.ts';
import type { Formula } from '../nftables/formula.ts';
import type { CtHelperObject, Match, Statement } from '../nftables/types.ts';
import type { Condition } from '../packet/condition.ts';
import type { Step } from '../packet/program.ts';
import type { PortRange } from './ports.ts';
import type { ProgramLine } from './programline.ts';

/** The typed form of an `Info` for an option table. */
export type InfoOf<O> = { readonly [K in keyof O]?: O[K] extends OptionSpec<infer T> ? Given<T> : never };

/** What a translation may ask about the rule and the chain around it. */
export interface RuleContext {
  readonly family: Family;
  readonly table: TableName;
  /** The nft table that the rule goes to; objects such as helpers live there. */
  readonly nftTable: string;
  readonly chain: string;
  /** The hooks from which the chain can be reached; none for a chain that nothing jumps to. */
  readonly hooks: ReadonlySet<Hook>;
  readonly backend: Backend;
  /** `--exact-legacy`: emulate what ip_tables.ko does with truncated headers and fragments. */
  readonly exactLegacy: boolean;
  readonly selector: Selector;
  /**
   * Whether a later fragment may meet the rule: false only where the kernel has reassembled before (IPv4 INPUT), see
   * net/ipv4/ip_input.c ip_local_deliver.
   */
  readonly fragmentsVisible: boolean;
  /**
   * Whether another match of the rule reads the transport header (a port, a type), so that the rule already
   * treats later fragments as that match does.
   */
  readonly readsTransport: boolean;
  /** The destination ports to which a match of the rule limits it, if one does. */
  readonly destinationPorts: PortRange | undefined;
}

/** A way in which the native form differs from what iptables does, with a code of the catalogue and a sentence. */
export interface Difference {
  readonly code: Code;
  /**
   * Who differs: only ip_tables.ko, or iptables-nft as well because it runs the same xt module there, or only
   * iptables-nft, which loads something else.
   */
  readonly from: 'legacy' | 'nft' | 'both';
  /**
   * `guarded`: only on packets that are truncated or broken (the native form is right on every whole packet).
   * `approximate`: on ordinary packets too.
   */
  readonly degree: 'guarded' | 'approximate';
  readonly why: string;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly code: Code;
  /** Which option is at fault, by key; its place is drawn under the rule. */
  readonly option?: string;
  /** Characters from the start of that option's value, where the place is inside it. */
  readonly at?: number;
  readonly length?: number;
  readonly what: string;
  /** The kernel fact behind it. */
  readonly why: string;
  readonly help?: string;
}

export interface MatchTranslation {
  readonly kind: 'translated';
  readonly formula: Formula;
  readonly differences?: readonly Difference[];
  /** With `--exact-legacy`: packets for which this match makes ip_tables.ko drop on the spot (hotdrop), tested before it. */
  readonly hotdrop?: Formula;
  /** The text of a comment that the rule carries. */
  readonly comment?: string;
}

export interface TargetTranslation {
  readonly kind: 'translated';
  readonly statements: readonly Statement[];
  /** Tests that have to hold before the statements, where nft needs what iptables does not. */
  readonly formula?: Formula;
  /** Whether no rule after it sees the packet (a verdict, NAT). */
  readonly terminal: boolean;
  readonly differences?: readonly Difference[];
  /** Named objects that the statements use. */
  readonly objects?: readonly CtHelperObject[];
  /** Tests that have to stand in the very nft rule that holds the statements: nft takes a port in NAT only behind one for its protocol. */
  readonly inside?: readonly Match[];
}

/** What the meaning of a match or target depends on beside its options. */
export interface MeaningContext {
  readonly family: Family;
  readonly table: TableName;
  /** `legacy`: ip_tables.ko runs the xt module. `nft`: nf_tables does, natively or through nft_compat.c. */
  readonly backend: Backend;
  readonly selector: Selector;
  /** The hooks from which the chain can be reached; absent where nobody has looked. */
  readonly hooks?: ReadonlySet<Hook>;
}

/**
 * When a match lets a packet pass, from what the kernel's xt module does. Written from the kernel, never from the
 * translation: the two are compared with each other.
 */
export interface MatchMeaning {
  readonly condition: Condition;
  /** Packets that the module drops on the spot (hotdrop); asked before the condition. */
  readonly hotdrop?: Condition;
}

/** How the support matrix of the manual rates an extension. */
export type Support = 'exact' | 'guarded' | 'approximate' | 'partial' | 'refused';

interface Common<O extends OptionTable> {
  readonly name: string;
  readonly families: readonly Family[];
  /** One sentence for the manual. */
  readonly about: string;
  /** Where the kernel does it, e.g. `net/netfilter/xt_mark.c`. */
  readonly kernel: string;
  readonly support: Support;
  /** What the manual says about the edges, one sentence each. */
  readonly notes?: readonly string[];
  /** Words of iptables -L that belong to this extension; see listing.ts. */
  readonly listing?: ListingReader;
  readonly tables?: readonly TableName[];
  /** Hooks from which the kernel lets the rule be reached (xt_match.hooks, xt_target.hooks). */
  readonly hooks?: readonly Hook[];
  readonly options: O;
  /** Keys of which at least one must be given. */
  readonly atLeastOne?: readonly string[];
}

export interface MatchSpec<O extends OptionTable> extends Common<O> {
  /** The protocols (numbers) with which it works; without one of them as `-p`, not inverted, iptables refuses the rule. */
  readonly protocols?: readonly number[];
  /** Loaded by `-p` alone when one of its options follows (`-p tcp --dport 80`). */
  readonly implicit?: boolean;
  /** Whether it looks at bytes of the transport header. */
  readonly transport?: (info: InfoOf<O>) => boolean;
  /** The options as iptables saves them, where that is not how they were given; see ExtensionGrammar. */
  readonly canonical?: (info: InfoOf<O>, family: Family, column: number) => InfoOf<O>;
  readonly check?: (
    info: InfoOf<O>,
    family: Family,
    selector: Selector,
    more: readonly InfoOf<O>[],
  ) => CheckProblem | undefined;
  readonly translate: (info: InfoOf<O>, context: RuleContext, more: readonly InfoOf<O>[]) => MatchTranslation | Refusal;
  readonly meaning: (info: InfoOf<O>, context: MeaningContext, more: readonly InfoOf<O>[]) => MatchMeaning;
  /** The steps of a program among the options, in words. */
  readonly program?: (info: InfoOf<O>, context: MeaningContext) => readonly ProgramLine[];
}

export interface TargetSpec<O extends OptionTable> extends Common<O> {
  readonly protocols?: readonly number[];
  /** The options as iptables saves them, where that is not how they were given; see ExtensionGrammar. */
  readonly canonical?: (info: InfoOf<O>, family: Family, column: number) => InfoOf<O>;
  readonly check?: (info: InfoOf<O>, family: Family, selector: Selector) => CheckProblem | undefined;
  readonly translate: (info: InfoOf<O>, context: RuleContext) => TargetTranslation | Refusal;
  /** What the target does, in order; its verdict last. Without a verdict the next rule follows. */
  readonly meaning: (info: InfoOf<O>, context: MeaningContext) => readonly Step[];
}

interface Described extends ExtensionGrammar {
  readonly about: string;
  readonly kernel: string;
  readonly support: Support;
  readonly notes?: readonly string[];
  readonly listing?: ListingReader;
}

export interface MatchExtension extends Described {
  readonly kind: 'match';
  readonly implicit: boolean;
  readonly transport: (use: Use) => boolean;
  readonly translate: (use: Use, context: RuleContext) => MatchTranslation | Refusal;
  readonly meaning: (use: Use, context: MeaningContext) => MatchMeaning;
  readonly program: (use: Use, context: MeaningContext) => readonly ProgramLine[];
}

export interface TargetExtension extends Described {
  readonly kind: 'target';
  readonly translate: (use: Use, context: RuleContext) => TargetTranslation | Refusal;
  readonly meaning: (use: Use, context: MeaningContext) => readonly Step[];
}

export type Extension = MatchExtension | TargetExtension;

/** All extensions by name. A match may stand once per family under one name (`hl` and `ttl` have different names). */
export interface Registry extends Grammar {
  readonly matches: ReadonlyMap<string, MatchExtension>;
  readonly targets: ReadonlyMap<string, TargetExtension>;
}

/** Declares one option with its value's type. */
export const option = <T>(spec: OptionSpec<T>): OptionSpec<T> => spec;

/*
 * The one place where types are erased: the parser fills an Info by the option table of the same extension, so that
 * an Info handed to an extension is always one of its own.
 */
const typed = <O extends OptionTable>(info: Info): InfoOf<O> => info as InfoOf<O>;
const untyped = <O extends OptionTable>(info: InfoOf<O>): Info => info;
const none: readonly never[] = [];

export const defineMatch = <O extends OptionTable>({ canonical, ...spec }: MatchSpec<O>): MatchExtension => ({
  ...spec,
  kind: 'match',
  ...(canonical ? { canonical: (info, family, column) => untyped(canonical(typed<O>(info), family, column)) } : {}),
  implicit: spec.implicit ?? false,
  transport: (use) => spec.transport?.(typed<O>(use.info)) ?? false,
  check: (use, family, selector) => spec.check?.(typed<O>(use.info), family, selector, use.more?.map(typed<O>) ?? none),
  translate: (use, context) => spec.translate(typed<O>(use.info), context, use.more?.map(typed<O>) ?? none),
  meaning: (use, context) => spec.meaning(typed<O>(use.info), context, use.more?.map(typed<O>) ?? none),
  program: (use, context) => spec.program?.(typed<O>(use.info), context) ?? none,
});

export const defineTarget = <O extends OptionTable>({ canonical, ...spec }: TargetSpec<O>): TargetExtension => ({
  ...spec,
  kind: 'target',
  ...(canonical ? { canonical: (info, family, column) => untyped(canonical(typed<O>(info), family, column)) } : {}),
  check: (use, family, selector) => spec.check?.(typed<O>(use.info), family, selector),
  translate: (use, context) => spec.translate(typed<O>(use.info), context),
  meaning: (use, context) => spec.meaning(typed<O>(use.info), context),
});

/** A formula and nothing more to say. */
export const translated = (
  formula: Formula,
  extra: Omit<MatchTranslation, 'kind' | 'formula'> = {},
): MatchTranslation => ({
  kind: 'translated',
  formula,
  ...extra,
});

export const statements = (
  list: readonly Statement[],
  extra: Partial<Omit<TargetTranslation, 'kind' | 'statements'>> = {},
): TargetTranslation => ({ kind: 'translated', statements: list, terminal: false, ...extra });

export const refused = (refusal: Omit<Refusal, 'kind'>): Refusal => ({ kind: 'refused', ...refusal });
