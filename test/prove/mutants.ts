// One wrong thing at a time in a translated ruleset, as a translator could get it wrong.
import type { Hook } from '../../src/netfilter/hooks.ts';
import { below, pick, type Random } from './programs.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

export const kinds = [
  'rule dropped',
  'rule doubled',
  'rule moved',
  'test dropped',
  'operator',
  'constant',
  'mask',
  'verdict',
  'hook',
  'priority',
  'policy',
  'type',
  'base',
  'offset',
  'length',
  'field',
  'effect',
] as const;
export type MutationKind = (typeof kinds)[number];

export interface Mutant {
  readonly kind: MutationKind;
  /** What was changed, from what to what. */
  readonly what: string;
  readonly commands: readonly Json[];
  readonly family: string;
  readonly table: string;
  readonly chain: string;
}

type Path = readonly (string | number)[];

interface Edit {
  readonly path: Path;
  /** Nothing takes the place away. */
  readonly value: Json | undefined;
}

const isObject = (node: Json | undefined): node is { readonly [name: string]: Json } =>
  typeof node === 'object' && node !== null && !Array.isArray(node);

const isList = (node: Json | undefined): node is readonly Json[] => Array.isArray(node);

const child = (node: Json | undefined, ...path: Path): Json | undefined =>
  path.reduce<Json | undefined>(
    (at, step) => (isObject(at) ? at[step] : isList(at) ? at[step as number] : undefined),
    node,
  );

const text = (node: Json | undefined): string => (typeof node === 'string' ? node : '');

const edited = (node: Json, [step, ...rest]: Path, value: Json | undefined): Json => {
  if (step === undefined) return value ?? null;
  const inner = rest.length === 0 ? value : edited(child(node, step) ?? null, rest, value);
  if (isList(node)) return inner === undefined ? node.toSpliced(step as number, 1) : node.with(step as number, inner);
  return isObject(node) && inner !== undefined ? { ...node, [step]: inner } : node;
};

/** Every node of a rule's statements, with the way to it. */
function* nodes(node: Json, path: Path = []): Generator<readonly [Json, Path]> {
  yield [node, path];
  if (isList(node)) for (const [i, inner] of node.entries()) yield* nodes(inner, [...path, i]);
  else if (isObject(node)) for (const [name, inner] of Object.entries(node)) yield* nodes(inner, [...path, name]);
}

const operators: Readonly<Record<string, readonly string[]>> = {
  '==': ['!=', '<', '>'],
  '!=': ['=='],
  in: ['!='],
  '<': ['>=', '<='],
};

/** Words that stand for another of their kind. */
const words: Readonly<Record<string, readonly string[]>> = {
  local: ['unicast', 'broadcast'],
  broadcast: ['multicast'],
  multicast: ['local', 'broadcast'],
  established: ['new', 'invalid'],
  related: ['new', 'untracked'],
  new: ['established'],
  invalid: ['new', 'untracked'],
  esp: ['ah', 'udp'],
  tcp: ['udp'],
  udp: ['tcp'],
  syn: ['ack', 'fin'],
  rst: ['psh'],
  'echo-request': ['echo-reply'],
  original: ['reply'],
};

const otherWords = (word: string, isName: boolean): readonly Json[] => {
  const known = words[word];
  if (known) return known;
  const octets = /^(\d+\.\d+\.\d+\.)(\d+)$/.exec(word);
  if (octets) return [1, 2, 128].map((bit) => `${octets[1]}${Number(octets[2]) ^ bit}`);
  if (word.includes(':')) return [word.replace(/[0-9a-f]?$/, (last) => (last === '1' ? '2' : '1'))];
  if (!isName) return [];
  // Names of interfaces have at most 15 letters.
  return [`${word.slice(0, 14)}${word.endsWith('0') ? '1' : '0'}`, `${word.slice(0, 14)}*`, word.slice(0, -1) || 'x'];
};

const otherNumbers = (value: number): readonly number[] =>
  [value + 1, value - 1, (value ^ 0x100) >>> 0].filter((one) => one >= 0);

const others = (value: Json, isName = true): readonly Json[] =>
  typeof value === 'number'
    ? otherNumbers(value)
    : typeof value === 'boolean'
      ? [!value]
      : typeof value === 'string'
        ? otherWords(value, isName)
        : [];

/** What stands for interfaces: other names of them are names too. */
const isName = (match: Json | undefined): boolean => /^[io]ifname$/.test(text(child(match, 'left', 'meta', 'key')));

/** `match` is the statement that a node stands in, if it is one. */
type Edits = (node: Json, path: Path, match: Json | undefined) => readonly Json[];

const isIn = (path: Path, name: string): boolean => path.includes(name);

/** What could stand in the place of a node instead, by kind. */
const replacements: Partial<Readonly<Record<MutationKind, Edits>>> = {
  operator: (node, path, match) => {
    if (path.at(-1) !== 'op' || !isIn(path, 'match') || typeof node !== 'string') return [];
    // Names and prefixes have an order too, but nobody asks for it, and there is no model of it.
    return (operators[node] ?? []).filter((op) => !/[<>]/.test(op) || typeof child(match, 'right') === 'number');
  },
  constant: (node, path, match) => {
    // Of a lookup of a device, only whether there is one has a model.
    if (!isIn(path, 'right') || child(match, 'left', 'fib', 'result') === 'oif') return [];
    if (path.at(-1) === 'len' && typeof node === 'number') return [node - 1, node + 1];
    return others(node, isName(match));
  },
  mask: (node, path, match) =>
    path.at(-2) === '&' &&
    path.at(-1) === 1 &&
    !isIn(path, 'mangle') &&
    typeof node === 'number' &&
    // Of the random number only the comparison that iptables makes has a model.
    child(match, 'left', '&', 0, 'meta', 'key') !== 'random'
      ? [(node ^ 1) >>> 0, (node ^ 0x100) >>> 0, (node << 1) >>> 0, node >>> 1]
      : [],
  verdict: (node, path) => {
    if (path.length !== 1 || !isObject(node)) return [];
    if ('accept' in node) return [{ drop: null }, { return: null }];
    if ('drop' in node)
      return [{ accept: null }, { return: null }, { reject: { type: 'icmp', expr: 'host-unreachable' } }];
    if ('return' in node) return [{ accept: null }, { drop: null }];
    if ('reject' in node) return [{ drop: null }, { reject: { type: 'icmp', expr: 'admin-prohibited' } }];
    const jump = node['jump'];
    if (jump !== undefined) return [{ goto: jump }, { return: null }, { accept: null }];
    const goto = node['goto'];
    return goto === undefined ? [] : [{ jump: goto }, { return: null }];
  },
  base: (node, path) =>
    path.at(-1) === 'base' && typeof node === 'string' ? ['nh', 'th', 'ih'].filter((base) => base !== node) : [],
  offset: (node, path) =>
    path.at(-1) === 'offset' && typeof node === 'number' ? [node + 8, node + 32, Math.max(0, node - 32)] : [],
  length: (node, path) =>
    path.at(-1) === 'len' && isIn(path, 'payload') && typeof node === 'number'
      ? [node - 8, node / 2, node + 8].filter((length) => length > 0)
      : [],
  field: (node, path, match) => {
    const swapped: Readonly<Record<string, string>> = {
      saddr: 'daddr',
      daddr: 'saddr',
      sport: 'dport',
      dport: 'sport',
      iifname: 'oifname',
      oifname: 'iifname',
    };
    const last = path.at(-1);
    const other = typeof node === 'string' && (last === 'field' || last === 'key') ? swapped[node] : undefined;
    if (other !== undefined) return [other];
    const isPort = /^[sd]port$/.test(text(child(match, 'left', 'payload', 'field')));
    return isPort && (node === 'tcp' || node === 'udp') ? [node === 'tcp' ? 'udp' : 'tcp'] : [];
  },
  effect: (node, path) => {
    const [, statement] = path;
    if (
      typeof statement !== 'string' ||
      !['mangle', 'dnat', 'snat', 'redirect', 'log', 'limit', 'masquerade'].includes(statement)
    )
      return [];
    if (path.at(-1) === 'level' || isIn(path, 'flags') || isIn(path, 'key') || path.at(-1) === 'per') return [];
    return others(node);
  },
};

const hooks: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** A base chain in another place. */
const chainEdits = (kind: MutationKind, chain: Json, next: Random): readonly Edit[] => {
  const [hook, type, prio] = [child(chain, 'hook'), child(chain, 'type'), child(chain, 'prio')];
  if (hook === undefined) return [];
  switch (kind) {
    case 'policy':
      return [{ path: ['policy'], value: child(chain, 'policy') === 'drop' ? 'accept' : 'drop' }];
    case 'type':
      return type === 'route' ? [{ path: ['type'], value: 'filter' }] : [];
    case 'hook': {
      const allowed = hooks.filter((one) => one !== hook && (type !== 'nat' || one !== 'forward'));
      return type === 'route' ? [] : [{ path: ['hook'], value: pick(next, allowed) }];
    }
    case 'priority':
      return typeof prio === 'number' && type !== 'nat'
        ? [{ path: ['prio'], value: prio + pick(next, [-350, -175, -125, -1, 1, 75, 125, 175]) }]
        : [];
    default:
      return [];
  }
};

const ruleOf = (command: Json): Json | undefined => child(command, 'add', 'rule');
const chainOf = (command: Json): Json | undefined => child(command, 'add', 'chain');

const isSameChain = (a: Json | undefined, b: Json | undefined): boolean =>
  a !== undefined && b !== undefined && ['family', 'table', 'chain'].every((name) => child(a, name) === child(b, name));

const shown = (value: Json | undefined): string => (value === undefined ? 'nothing' : JSON.stringify(value));

const onRules = (kind: MutationKind, commands: readonly Json[], next: Random): Omit<Mutant, 'kind'> | undefined => {
  const rules = [...commands.keys()].filter((index) => ruleOf(commands[index] as Json) !== undefined);
  if (rules.length === 0) return undefined;
  const at = pick(next, rules);
  const command = commands[at] as Json;
  const rule = ruleOf(command);
  const where = {
    family: text(child(rule, 'family')),
    table: text(child(rule, 'table')),
    chain: text(child(rule, 'chain')),
  };
  const expr = child(rule, 'expr') ?? [];
  const whole = JSON.stringify(expr);
  switch (kind) {
    case 'rule dropped':
      return { ...where, what: whole, commands: commands.toSpliced(at, 1) };
    case 'rule doubled':
      return { ...where, what: whole, commands: commands.toSpliced(at, 0, command) };
    case 'rule moved': {
      const mates = rules.filter((index) => index !== at && isSameChain(ruleOf(commands[index] as Json), rule));
      if (mates.length === 0) return undefined;
      const to = pick(next, mates);
      const moved = commands.toSpliced(at, 1).toSpliced(to, 0, command);
      return { ...where, what: `${whole} moved by ${to - at}`, commands: moved };
    }
    default: {
      const edits: Edit[] = [];
      if (kind === 'test dropped')
        for (const [i, statement] of (isList(expr) ? expr : []).entries())
          if (isObject(statement) && 'match' in statement) edits.push({ path: [i], value: undefined });
      const replace = replacements[kind];
      if (replace)
        for (const [node, path] of nodes(expr))
          for (const value of replace(node, path, child(expr, path[0] ?? 0, 'match'))) edits.push({ path, value });
      if (edits.length === 0) return undefined;
      const { path, value } = pick(next, edits);
      const changed = edited(command, ['add', 'rule', 'expr', ...path], value);
      const what = `${path.join('.')}: ${shown(child(expr, ...path))} became ${shown(value)} in ${whole}`;
      return { ...where, what, commands: commands.with(at, changed) };
    }
  }
};

const onChains = (kind: MutationKind, commands: readonly Json[], next: Random): Omit<Mutant, 'kind'> | undefined => {
  const chains = [...commands.keys()].filter((index) => child(chainOf(commands[index] as Json), 'hook') !== undefined);
  if (chains.length === 0) return undefined;
  const at = pick(next, chains);
  const chain = chainOf(commands[at] as Json);
  if (chain === undefined) return undefined;
  const edits = chainEdits(kind, chain, next);
  if (edits.length === 0) return undefined;
  const { path, value } = pick(next, edits);
  return {
    family: text(child(chain, 'family')),
    table: text(child(chain, 'table')),
    chain: text(child(chain, 'name')),
    what: `${path.join('.')}: ${shown(child(chain, ...path))} became ${shown(value)} of ${JSON.stringify(chain)}`,
    commands: commands.with(at, edited(commands[at] as Json, ['add', 'chain', ...path], value)),
  };
};

/** A change of the kind at a place that the numbers choose, or undefined where that place has nothing to change. */
export const mutate = (kind: MutationKind, commands: readonly Json[], next: Random): Mutant | undefined => {
  const ofChains: readonly MutationKind[] = ['hook', 'priority', 'policy', 'type'];
  const made = (ofChains.includes(kind) ? onChains : onRules)(kind, commands, next);
  return made && { kind, ...made };
};

/** Kinds in turn, so that each has its share. */
export const kindAt = (number: number): MutationKind => kinds[number % kinds.length] as MutationKind;

export { below };
