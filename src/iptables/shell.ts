/** A shell script as lists of simple commands. Loops, conditions and functions are found and not looked into. */
import { type Broken, type Operator, type ShellWord, type Token, tokensOf } from './shell-tokens.ts';
import { bareText } from './shell-words.ts';

export interface Redirect {
  readonly operator: string;
  /** The number in front of it: `2>` */
  readonly descriptor?: string;
  readonly target: ShellWord;
}

export interface Simple {
  readonly kind: 'simple';
  readonly assignments: readonly ShellWord[];
  readonly words: readonly ShellWord[];
  readonly redirects: readonly Redirect[];
  readonly start: number;
  readonly end: number;
}

/** A command that is made of commands. */
export interface Compound {
  readonly kind: 'compound';
  /** The word or bracket that opens it. */
  readonly opener: string;
  /** The first words of the commands in it; undefined where it is no plain word. */
  readonly names: readonly (string | undefined)[];
  /** The variables that it sets, or may set. */
  readonly assigned: readonly string[];
  /** For a function. */
  readonly name?: string;
  readonly start: number;
  readonly end: number;
}

export interface Step {
  /** What stands in front of it in its list. */
  readonly after: '' | '&&' | '||';
  readonly negated: boolean;
  /** The commands of a pipeline. */
  readonly commands: readonly (Simple | Compound)[];
}

export interface List {
  readonly kind: 'list';
  readonly steps: readonly Step[];
  readonly background: boolean;
}

const openers: Readonly<Record<string, string>> = {
  if: 'fi', case: 'esac', for: 'done', while: 'done', until: 'done', select: 'done', '{': '}', '(': ')',
}; // prettier-ignore

/** Words behind which another command begins. */
const between: ReadonlySet<string> = new Set(['then', 'do', 'else', 'elif', '!', 'time', 'if', 'while', 'until', '{']);

const assignment = /^([A-Za-z_][A-Za-z0-9_]*)\+?=/;

/** The variable that a word assigns, and how long the word's part up to the `=` is. */
export const assignmentOf = (word: ShellWord): { readonly name: string; readonly length: number } | undefined => {
  const [first] = word.pieces;
  const found = first?.kind === 'text' && !first.quoted ? assignment.exec(first.text) : null;
  return found?.[1] === undefined ? undefined : { name: found[1], length: found[0].length };
};

interface Cursor {
  readonly tokens: Iterator<Token, undefined>;
  next: Token | undefined;
  /** Where the last token that was taken ends. */
  end: number;
  broken: Broken | undefined;
}

const advance = (cursor: Cursor): Token | undefined => {
  const token = cursor.next;
  if (token) cursor.end = token.end;
  const following = cursor.tokens.next().value;
  if (following?.kind === 'broken') cursor.broken = following;
  cursor.next = following?.kind === 'broken' ? undefined : following;
  return token;
};

const isOperator = (token: Token | undefined, ...texts: readonly string[]): boolean =>
  token?.kind === 'operator' && texts.includes(token.text);

const skipLineFeeds = (cursor: Cursor): void => {
  while (isOperator(cursor.next, '\n')) advance(cursor);
};

/** Takes tokens up to the end of the compound command whose opener has just been taken. */
const skipCompound = (cursor: Cursor, opener: string, start: number, name?: string): Compound => {
  const closers = [openers[opener] ?? ')'];
  const names: (string | undefined)[] = [];
  const assigned: string[] = [];
  // Whether the next word begins a command.
  let begins = opener !== 'for' && opener !== 'case' && opener !== 'select';
  let loopVariable = opener === 'for' || opener === 'select';
  while (closers.length > 0 && cursor.next) {
    const token = advance(cursor) as Token;
    if (token.kind === 'operator') {
      const inCase = closers.at(-1) === 'esac';
      if (token.text === ')' && closers.at(-1) === ')') closers.pop();
      else if (token.text === '(' && !inCase) closers.push(')');
      begins = !/^[<>]|^&>/.test(token.text);
      continue;
    }
    if (token.kind === 'broken') continue;
    const text = bareText(token);
    if (loopVariable && text !== undefined) assigned.push(text);
    loopVariable = false;
    if (!begins) continue;
    const set = assignmentOf(token);
    if (set) assigned.push(set.name);
    else if (text !== undefined && text === closers.at(-1)) {
      closers.pop();
      begins = false;
    } else if (text !== undefined && Object.hasOwn(openers, text)) {
      closers.push(openers[text] as string);
      loopVariable = text === 'for' || text === 'select';
      begins = between.has(text);
    } else if (text === undefined || !between.has(text)) {
      names.push(text);
      begins = false;
    }
  }
  return { kind: 'compound', opener, names, assigned, ...(name === undefined ? {} : { name }), start, end: cursor.end };
};

const takeRedirect = (cursor: Cursor, redirects: Redirect[], descriptor?: ShellWord): void => {
  const operator = advance(cursor) as Operator;
  if (cursor.next?.kind !== 'word') return;
  const target = advance(cursor) as ShellWord;
  const number = descriptor && bareText(descriptor);
  redirects.push({ operator: operator.text, ...(number === undefined ? {} : { descriptor: number }), target });
};

const isRedirect = (token: Token | undefined): boolean => token?.kind === 'operator' && /[<>]/.test(token.text);

const openerOf = (token: Token | undefined): string | undefined =>
  token?.kind === 'word' ? bareText(token) : token?.kind === 'operator' ? token.text : undefined;

/** `name() { … }` and `function name { … }`, whose name has just been taken. */
const takeFunction = (cursor: Cursor, name: string, start: number): Compound => {
  if (isOperator(cursor.next, '(')) advance(cursor);
  if (isOperator(cursor.next, ')')) advance(cursor);
  skipLineFeeds(cursor);
  const opener = openerOf(cursor.next);
  if (opener !== undefined && Object.hasOwn(openers, opener)) {
    advance(cursor);
    return { ...skipCompound(cursor, opener, start, name), opener: 'function' };
  }
  return { kind: 'compound', opener: 'function', names: [undefined], assigned: [], name, start, end: cursor.end };
};

const takeCompound = (cursor: Cursor): Compound | undefined => {
  const token = cursor.next;
  const text = openerOf(token);
  if (!token || text === undefined) return undefined;
  if (text === 'function' && token.kind === 'word') {
    advance(cursor);
    const name = cursor.next?.kind === 'word' ? (bareText(advance(cursor) as ShellWord) ?? '') : '';
    return takeFunction(cursor, name, token.start);
  }
  if (!Object.hasOwn(openers, text)) return undefined;
  advance(cursor);
  return skipCompound(cursor, text, token.start);
};

const takeCommand = (cursor: Cursor): Simple | Compound | undefined => {
  const first = cursor.next;
  if (!first) return undefined;
  const compound = takeCompound(cursor);
  const redirects: Redirect[] = [];
  if (compound) {
    while (isRedirect(cursor.next)) takeRedirect(cursor, redirects);
    return compound;
  }
  const assignments: ShellWord[] = [];
  const words: ShellWord[] = [];
  for (let token = cursor.next; token; token = cursor.next) {
    if (isRedirect(token)) {
      const last = words.at(-1);
      const descriptor =
        last && last.end === token.start && /^\d+$/.test(bareText(last) ?? '') ? words.pop() : undefined;
      takeRedirect(cursor, redirects, descriptor);
    } else if (token.kind === 'word') {
      if (words.length === 0 && assignmentOf(token)) assignments.push(token);
      else words.push(token);
      advance(cursor);
    } else if (words[0] && bareText(words[0]) === '[[' && !isOperator(token, '\n')) {
      // Between [[ and ]] operators compare.
      if (bareText(words.at(-1) as ShellWord) === ']]') break;
      advance(cursor);
    } else if (isOperator(token, '(') && words.length === 1 && words[0])
      return takeFunction(cursor, bareText(words[0]) ?? '', words[0].start);
    else break;
  }
  const nothing = assignments.length + words.length + redirects.length === 0;
  return nothing ? undefined : { kind: 'simple', assignments, words, redirects, start: first.start, end: cursor.end };
};

const takeStep = (cursor: Cursor, after: Step['after']): Step | undefined => {
  let negated = false;
  while (cursor.next?.kind === 'word' && bareText(cursor.next) === '!') {
    negated = !negated;
    advance(cursor);
  }
  const commands: (Simple | Compound)[] = [];
  for (;;) {
    const command = takeCommand(cursor);
    if (command) commands.push(command);
    if (!isOperator(cursor.next, '|', '|&')) break;
    advance(cursor);
    skipLineFeeds(cursor);
  }
  return commands.length > 0 ? { after, negated, commands } : undefined;
};

/** An operator or keyword where none can be, or a quote that is never closed. */
export interface Stray {
  readonly kind: 'stray';
  readonly what: string;
  readonly broken: boolean;
  readonly start: number;
  readonly end: number;
}

/** The lists of a script one after the other. After something that is never closed nothing more comes. */
export function* listsOf(text: string): Generator<List | Stray> {
  const cursor: Cursor = {
    tokens: tokensOf(text) as Iterator<Token, undefined>,
    next: undefined,
    end: 0,
    broken: undefined,
  };
  advance(cursor);
  while (cursor.next) {
    if (isOperator(cursor.next, '\n', ';')) {
      advance(cursor);
      continue;
    }
    const steps: Step[] = [];
    for (let after: Step['after'] = ''; ;) {
      const step = takeStep(cursor, after);
      if (step) steps.push(step);
      if (!isOperator(cursor.next, '&&', '||')) break;
      after = (advance(cursor) as Operator).text === '&&' ? '&&' : '||';
      skipLineFeeds(cursor);
    }
    const background = isOperator(cursor.next, '&');
    // What runs into something that is never closed is not whole.
    const whole = !cursor.broken || cursor.next !== undefined;
    if (steps.length > 0 && whole) yield { kind: 'list', steps, background };
    const token: Token | undefined = cursor.next;
    if (background || isOperator(token, '\n', ';')) advance(cursor);
    else if (token && token.kind !== 'broken') {
      yield {
        kind: 'stray',
        what: 'this stands where no command can be',
        broken: false,
        start: token.start,
        end: token.end,
      };
      advance(cursor);
    }
  }
  if (cursor.broken) {
    const { what, start, end } = cursor.broken;
    yield { kind: 'stray', what, broken: true, start, end };
  }
}
