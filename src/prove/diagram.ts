/**
 * Decision diagrams with many terminals (MTBDDs), hash-consed: two functions are equal exactly when their node numbers
 * are. A node asks one variable, its level, and has a child for 0 and one for 1; levels ascend along every path and
 * need not be dense. Terminals carry a number; 0 and 1 are also false and true.
 */

/** The budget is used up: nothing can be concluded. */
export class BudgetError extends Error {
  readonly code = 'budget';
  constructor(amount: number, of: 'diagram nodes' | 'diagram steps' | 'ways to rules' = 'diagram nodes') {
    super(`more than ${amount} ${of}`);
    this.name = 'BudgetError';
  }
}

export type Node = number;

/** What a variable is replaced by: a constant, or another variable, possibly negated. */
export type Literal = { readonly value: 0 | 1 } | { readonly level: number; readonly negated: boolean };

export interface Diagrams {
  readonly no: Node;
  readonly yes: Node;
  /** The node of a terminal by its number, 0 upwards. */
  readonly terminal: (number: number) => Node;
  /** The terminal's number, or undefined for an inner node. */
  readonly numberOf: (node: Node) => number | undefined;
  readonly level: (node: Node) => number;
  readonly low: (node: Node) => Node;
  readonly high: (node: Node) => Node;
  /** The node that asks `level`; both children lie below it. */
  readonly make: (level: number, low: Node, high: Node) => Node;
  /** The variable at a level, as a condition. */
  readonly variable: (level: number) => Node;
  readonly not: (f: Node) => Node;
  readonly and: (f: Node, g: Node) => Node;
  readonly or: (f: Node, g: Node) => Node;
  /** `condition` is a condition; the branches may have any terminals. */
  readonly choose: (condition: Node, then: Node, otherwise: Node) => Node;
  /** `f` wherever it is not `pass`, else `g`. */
  readonly override: (f: Node, g: Node, pass: Node) => Node;
  /** The terminals replaced one by one. */
  readonly map: (f: Node, replace: (terminal: Node) => Node) => Node;
  /** Every two terminals of `f` and `g` joined into one. */
  readonly join: (f: Node, g: Node, pair: (f: Node, g: Node) => Node) => Node;
  /** Variables replaced at the same time. */
  readonly substitute: (f: Node, literals: ReadonlyMap<number, Literal>) => Node;
  /** True where `f` is true for both values of every one of the variables. */
  readonly forAll: (f: Node, levels: (level: number) => boolean) => Node;
  readonly exists: (f: Node, levels: (level: number) => boolean) => Node;
  readonly terminalsOf: (f: Node) => readonly Node[];
  /** How many nodes there are, terminals included. */
  readonly size: () => number;
}

/** Beyond every variable: terminals ask nothing. */
const bottom = 0x7fffffff;

const operations = { and: 1, choose: 2, override: 3, not: 4 } as const;

const grown = (old: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> => {
  const made = new Int32Array(length);
  made.set(old);
  return made;
};

/**
 * A fresh arena of at most `budget` nodes of 12 bytes, and as much again for its tables. It starts with room for
 * `expected` nodes, a power of two. `work` bounds the time: how many nodes may be made or met again.
 */
export const createDiagrams = (budget = 12_000_000, expected: number = 1 << 12, work: number = Infinity): Diagrams => {
  let capacity = Math.min(expected, budget);
  let levels = new Int32Array(capacity);
  let lows = new Int32Array(capacity);
  let highs = new Int32Array(capacity);
  let count = 0;
  // Open addressing; a slot holds a node's number plus one.
  let slots = new Int32Array(expected * 2);
  let slotMask = slots.length - 1;
  // Direct mapped: operation, three operands, result.
  let cacheMask = expected / 2 - 1;
  let cache = new Int32Array((cacheMask + 1) * 5);
  const terminals: Node[] = [];

  const hash = (a: number, b: number, c: number): number => {
    let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    return (h ^ (h >>> 13)) >>> 0;
  };

  const grow = (): void => {
    if (capacity >= budget) throw new BudgetError(budget);
    capacity = Math.min(capacity * 2, budget);
    levels = grown(levels, capacity);
    lows = grown(lows, capacity);
    highs = grown(highs, capacity);
    if (slots.length < capacity * 1.5) {
      slots = new Int32Array(slots.length * 2);
      slotMask = slots.length - 1;
      for (let node = 0; node < count; node++) {
        let slot = hash(levels[node] as number, lows[node] as number, highs[node] as number) & slotMask;
        while (slots[slot] !== 0) slot = (slot + 1) & slotMask;
        slots[slot] = node + 1;
      }
    }
    if (cacheMask < (1 << 20) - 1 && cacheMask < capacity) {
      cacheMask = cacheMask * 2 + 1;
      cache = new Int32Array((cacheMask + 1) * 5);
    }
  };

  const intern = (level: number, low: number, high: number): Node => {
    let slot = hash(level, low, high) & slotMask;
    for (;;) {
      const found = (slots[slot] as number) - 1;
      if (found < 0) break;
      if (lows[found] === low && highs[found] === high && levels[found] === level) return found;
      slot = (slot + 1) & slotMask;
    }
    if (count === capacity) {
      grow();
      slot = hash(level, low, high) & slotMask;
      while (slots[slot] !== 0) slot = (slot + 1) & slotMask;
    }
    levels[count] = level;
    lows[count] = low;
    highs[count] = high;
    slots[slot] = count + 1;
    return count++;
  };

  let steps = 0;
  const make = (level: number, low: Node, high: Node): Node => {
    if (++steps > work) throw new BudgetError(work, 'diagram steps');
    return low === high ? low : intern(level, low, high);
  };

  const terminal = (number: number): Node => {
    while (terminals.length <= number) terminals.push(intern(bottom, terminals.length, -1));
    return terminals[number] as Node;
  };
  const no = terminal(0);
  const yes = terminal(1);

  const levelOf = (node: Node): number => levels[node] as number;
  const lowAt = (node: Node, level: number): Node => (levels[node] === level ? (lows[node] as number) : node);
  const highAt = (node: Node, level: number): Node => (levels[node] === level ? (highs[node] as number) : node);

  /** Where the result of an operation is kept; the entry may be another operation's. */
  const place = (operation: number, a: number, b: number, c: number): number =>
    (hash(a + operation * 0x3779b1, b, c) & cacheMask) * 5;
  const remembered = (at: number, operation: number, a: number, b: number, c: number): Node | undefined =>
    cache[at] === operation && cache[at + 1] === a && cache[at + 2] === b && cache[at + 3] === c
      ? cache[at + 4]
      : undefined;
  const remember = (operation: number, a: number, b: number, c: number, result: Node): Node => {
    // The cache may have grown since the place was looked up.
    const at = place(operation, a, b, c);
    cache[at] = operation;
    cache[at + 1] = a;
    cache[at + 2] = b;
    cache[at + 3] = c;
    cache[at + 4] = result;
    return result;
  };

  const not = (f: Node): Node => {
    if (f === no) return yes;
    if (f === yes) return no;
    const found = remembered(place(operations.not, f, 0, 0), operations.not, f, 0, 0);
    if (found !== undefined) return found;
    const result = make(levelOf(f), not(lows[f] as number), not(highs[f] as number));
    return remember(operations.not, f, 0, 0, result);
  };

  const and = (f: Node, g: Node): Node => {
    if (f === no || g === no) return no;
    if (f === yes || f === g) return g;
    if (g === yes) return f;
    if (f > g) return and(g, f);
    const found = remembered(place(operations.and, f, g, 0), operations.and, f, g, 0);
    if (found !== undefined) return found;
    const level = Math.min(levelOf(f), levelOf(g));
    const low = and(lowAt(f, level), lowAt(g, level));
    const high = and(highAt(f, level), highAt(g, level));
    return remember(operations.and, f, g, 0, make(level, low, high));
  };

  const or = (f: Node, g: Node): Node => {
    if (f === yes || g === yes) return yes;
    if (f === no || f === g) return g;
    if (g === no) return f;
    return choose(f, yes, g);
  };

  const choose = (condition: Node, then: Node, otherwise: Node): Node => {
    if (condition === yes) return then;
    if (condition === no || then === otherwise) return otherwise;
    if (then === yes && otherwise === no) return condition;
    const found = remembered(
      place(operations.choose, condition, then, otherwise),
      operations.choose,
      condition,
      then,
      otherwise,
    );
    if (found !== undefined) return found;
    const level = Math.min(levelOf(condition), levelOf(then), levelOf(otherwise));
    const low = choose(lowAt(condition, level), lowAt(then, level), lowAt(otherwise, level));
    const high = choose(highAt(condition, level), highAt(then, level), highAt(otherwise, level));
    return remember(operations.choose, condition, then, otherwise, make(level, low, high));
  };

  const override = (f: Node, g: Node, pass: Node): Node => {
    if (f === pass) return g;
    if (levels[f] === bottom || g === pass || f === g) return f;
    const found = remembered(place(operations.override, f, g, pass), operations.override, f, g, pass);
    if (found !== undefined) return found;
    const level = Math.min(levelOf(f), levelOf(g));
    const low = override(lowAt(f, level), lowAt(g, level), pass);
    const high = override(highAt(f, level), highAt(g, level), pass);
    return remember(operations.override, f, g, pass, make(level, low, high));
  };

  const map = (f: Node, replace: (terminal: Node) => Node): Node => {
    const done = new Map<Node, Node>();
    const go = (node: Node): Node => {
      const found = done.get(node);
      if (found !== undefined) return found;
      const result =
        levels[node] === bottom
          ? replace(node)
          : make(levelOf(node), go(lows[node] as number), go(highs[node] as number));
      done.set(node, result);
      return result;
    };
    return go(f);
  };

  const join = (f: Node, g: Node, pair: (f: Node, g: Node) => Node): Node => {
    const done = new Map<number, Node>();
    const go = (a: Node, b: Node): Node => {
      const key = a * 0x4000000 + b;
      const found = done.get(key);
      if (found !== undefined) return found;
      const level = Math.min(levelOf(a), levelOf(b));
      const result =
        level === bottom
          ? pair(a, b)
          : make(level, go(lowAt(a, level), lowAt(b, level)), go(highAt(a, level), highAt(b, level)));
      done.set(key, result);
      return result;
    };
    return go(f, g);
  };

  const variable = (level: number): Node => make(level, no, yes);

  const substitute = (f: Node, literals: ReadonlyMap<number, Literal>): Node => {
    if (literals.size === 0) return f;
    const last = Math.max(...literals.keys());
    const done = new Map<Node, Node>();
    const go = (node: Node): Node => {
      const level = levelOf(node);
      if (level > last) return node;
      const found = done.get(node);
      if (found !== undefined) return found;
      const literal = literals.get(level);
      let result: Node;
      if (literal && 'value' in literal) result = go((literal.value === 0 ? lows[node] : highs[node]) as number);
      else {
        const low = go(lows[node] as number);
        const high = go(highs[node] as number);
        // What was substituted below may ask a variable above this one, so the node cannot simply be made.
        const asked = variable(literal ? literal.level : level);
        result = literal?.negated === true ? choose(asked, low, high) : choose(asked, high, low);
      }
      done.set(node, result);
      return result;
    };
    return go(f);
  };

  const quantify = (f: Node, wanted: (level: number) => boolean, join2: (a: Node, b: Node) => Node): Node => {
    const done = new Map<Node, Node>();
    const go = (node: Node): Node => {
      if (levels[node] === bottom) return node;
      const found = done.get(node);
      if (found !== undefined) return found;
      const low = go(lows[node] as number);
      const high = go(highs[node] as number);
      const level = levelOf(node);
      const result = wanted(level) ? join2(low, high) : make(level, low, high);
      done.set(node, result);
      return result;
    };
    return go(f);
  };

  const terminalsOf = (f: Node): readonly Node[] => {
    const seen = new Set<Node>();
    const found: Node[] = [];
    const open = [f];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      if (levels[node] === bottom) found.push(node);
      else open.push(highs[node] as number, lows[node] as number);
    }
    return found;
  };

  return {
    no,
    yes,
    terminal,
    numberOf: (node) => (levels[node] === bottom ? lows[node] : undefined),
    level: levelOf,
    low: (node) => lows[node] as number,
    high: (node) => highs[node] as number,
    make,
    variable,
    not,
    and,
    or,
    choose,
    override,
    map,
    join,
    substitute,
    forAll: (f, wanted) => quantify(f, wanted, and),
    exists: (f, wanted) => quantify(f, wanted, or),
    terminalsOf,
    size: () => count,
  };
};
