/**
 * The text form of a ruleset, as `nft -f` reads it and a person reads it: the same ruleset as the JSON form, or a
 * refusal for each command that text cannot say. Text has no escapes, so what does not fit is never written.
 */
import { isTextHelperName, isTextName } from './names.ts';
import { joinChunks } from './print.ts';
import { quoteText, type Refuse } from './text-expression.ts';
import { printStatement } from './text-statement.ts';
import { printSet } from './text-set.ts';
import type { ChainName, ChainObject, Command, CtHelperObject, RuleObject, SetObject, TableObject } from './types.ts';

export interface TextRefusal {
  /** The index of the command that is left out. */
  readonly index: number;
  readonly what: string;
}
export interface PrintedText {
  /** To be written one after the other, and only if nothing was refused: the text leaves refused commands out. */
  readonly chunks: readonly string[];
  readonly refusals: readonly TextRefusal[];
}

interface ChainText {
  readonly declaration: string;
  readonly before: readonly string[];
  readonly lines: string[];
}
/** A `table ip filter { … }` block under construction. */
interface Block {
  readonly head: string;
  readonly before: readonly string[];
  readonly objects: string[];
  readonly chains: Map<string, ChainText>;
}
type Part = string | Block;
type Comments = ReadonlyMap<number, readonly string[]>;

/** What would end a comment line early or mislead its reader: control characters and those that turn the direction. */
const unprintable = /[\p{Cc}\p{Cs}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

const commentLine = (text: string): string => `# ${text.replace(unprintable, escaped)}`;

/** MAXIMUM of the text parser, in bytes; JSON takes 253. */
const maxComment = 128;
const utf8 = new TextEncoder();

/** One refusal spoils the whole rule: half a rule is another rule. */
const printRule = (rule: RuleObject, refuse: Refuse): string | undefined => {
  let spoilt = false;
  const spoil: Refuse = (what) => {
    spoilt = true;
    return refuse(what);
  };
  const words = rule.expr.map((statement) => printStatement(statement, rule.family, spoil));
  if (words.length === 0) spoil('the rule has no statement');
  if (rule.comment !== undefined) {
    const length = utf8.encode(rule.comment).length;
    if (length > maxComment) spoil(`the comment has ${length} bytes; text takes ${maxComment}`);
    words.push(`comment ${quoteText(rule.comment, 'the comment', spoil)}`);
  }
  return spoilt ? undefined : words.join(' ');
};

/** The `type … hook …` line of a base chain; empty for a chain that is only jumped to. */
const printBase = ({ type, hook, prio, policy }: ChainObject, refuse: Refuse): string | undefined => {
  if (type === undefined && hook === undefined && prio === undefined && policy === undefined) return '';
  if (type === undefined || hook === undefined || prio === undefined) {
    refuse('a base chain needs type, hook and priority');
    return undefined;
  }
  return `type ${type} hook ${hook} priority ${prio};${policy === undefined ? '' : ` policy ${policy};`}`;
};

const blockText = function* ({ head, before, objects, chains }: Block): Generator<string> {
  yield `${before.map((line) => `${line}\n`).join('')}table ${head} {\n`;
  let gap = '';
  for (const object of objects) {
    yield gap + object;
    gap = '\n';
  }
  for (const [name, { declaration, before: above, lines }] of chains) {
    yield gap + above.map((line) => `\t${line}\n`).join('');
    yield `\tchain ${name} {\n${declaration === '' ? '' : `\t\t${declaration}\n`}`;
    for (const line of lines) yield `\t\t${line}\n`;
    yield '\t}\n';
    gap = '\n';
  }
  yield '}\n';
};

const partsText = function* (parts: readonly Part[]): Generator<string> {
  for (const [index, part] of parts.entries()) {
    if (typeof part === 'string') yield part;
    else {
      if (index > 0) yield '\n';
      yield* blockText(part);
    }
  }
};

/** What has been laid out so far. A block is open until its table is deleted. */
interface Layout {
  readonly parts: Part[];
  readonly open: Map<string, Block>;
}

const tableHead = ({ family, name }: TableObject, refuse: Refuse): string =>
  isTextName(name)
    ? `${family} ${name}`
    : refuse(`the table name ${JSON.stringify(name)} is no word that nft text takes`);

const addTable = (layout: Layout, table: TableObject, before: readonly string[], refuse: Refuse): void => {
  const head = tableHead(table, refuse);
  if (head === '' || layout.open.has(head)) return;
  const block: Block = { head, before, objects: [], chains: new Map() };
  layout.open.set(head, block);
  layout.parts.push(block);
};

/** `add` and `delete` in a row are how a table is emptied whether it exists or not; they stay single lines. */
const deleteTable = (layout: Layout, table: TableObject, before: readonly string[], refuse: Refuse): void => {
  const head = tableHead(table, refuse);
  if (head === '') return;
  const block = layout.open.get(head);
  const isBare = block !== undefined && block === layout.parts.at(-1) && block.objects.length + block.chains.size === 0;
  if (isBare) {
    layout.parts.pop();
    layout.parts.push(...block.before.map((line) => `${line}\n`), `add table ${head}\n`);
  }
  layout.open.delete(head);
  layout.parts.push(...before.map((line) => `${line}\n`), `delete table ${head}\n`);
};

const openBlock = (layout: Layout, family: string, table: string, refuse: Refuse): Block | undefined => {
  const block = layout.open.get(`${family} ${table}`);
  if (!block) refuse(`the table ${family} ${table} is not added before`);
  return block;
};

const addHelper = (layout: Layout, object: CtHelperObject, refuse: Refuse): void => {
  const block = openBlock(layout, object.family, object.table, refuse);
  const { name, protocol, l3proto } = object;
  if (!isTextHelperName(name))
    return void refuse(`the helper name ${JSON.stringify(name)} is no word that nft text takes`);
  const type = quoteText(object.type, 'the helper type', refuse);
  if (type === '') return;
  const lines = [`ct helper ${name} {`, `\ttype ${type} protocol ${protocol}`, `\tl3proto ${l3proto}`, '}'];
  block?.objects.push(lines.map((line) => `\t${line}\n`).join(''));
};

const addSet = (layout: Layout, set: SetObject, refuse: Refuse): void => {
  const block = openBlock(layout, set.family, set.table, refuse);
  const lines = printSet(set, refuse);
  if (lines) block?.objects.push(lines.map((line) => `\t${line}\n`).join(''));
};

/** The chain stands in the kernel: what follows goes to a block of its own. */
const flushChain = (layout: Layout, chain: ChainName, before: readonly string[], refuse: Refuse): void => {
  const head = tableHead({ family: chain.family, name: chain.table }, refuse);
  if (head === '') return;
  if (!isTextName(chain.name))
    return void refuse(`the chain name ${JSON.stringify(chain.name)} is no word that nft text takes`);
  layout.parts.push(...before.map((line) => `${line}\n`), `flush chain ${head} ${chain.name}\n`);
  const block: Block = { head, before: [], objects: [], chains: new Map() };
  block.chains.set(chain.name, { declaration: '', before: [], lines: [] });
  layout.open.set(head, block);
  layout.parts.push(block);
};

const addChain = (layout: Layout, chain: ChainObject, before: readonly string[], refuse: Refuse): void => {
  const block = openBlock(layout, chain.family, chain.table, refuse);
  const declaration = printBase(chain, refuse);
  if (!isTextName(chain.name))
    return void refuse(`the chain name ${JSON.stringify(chain.name)} is no word that nft text takes`);
  if (!block || declaration === undefined) return;
  const known = block.chains.get(chain.name);
  if (known && known.declaration !== declaration) return void refuse(`the chain ${chain.name} is added twice`);
  if (!known) block.chains.set(chain.name, { declaration, before, lines: [] });
};

const addRule = (layout: Layout, rule: RuleObject, before: readonly string[], refuse: Refuse): void => {
  const block = openBlock(layout, rule.family, rule.table, refuse);
  if (!block) return;
  const chain = block.chains.get(rule.chain);
  if (!chain) return void refuse(`the chain ${rule.chain} is not added before`);
  const line = printRule(rule, refuse);
  if (line !== undefined) chain.lines.push(...before, line);
};

/**
 * Prints the commands as text. `comments` are lines for people, printed above the command with that index. A chain, an
 * object or a rule has to follow on the command that adds its table or chain, as in every document that dnfw makes.
 */
export const printText = (commands: Iterable<Command>, comments: Comments = new Map()): PrintedText => {
  const layout: Layout = { parts: [], open: new Map() };
  const refusals: TextRefusal[] = [];
  let index = 0;
  const refuse: Refuse = (what) => {
    refusals.push({ index, what });
    return '';
  };
  for (const command of commands) {
    const before = (comments.get(index) ?? []).map(commentLine);
    if ('delete' in command) deleteTable(layout, command.delete.table, before, refuse);
    else if ('flush' in command) flushChain(layout, command.flush.chain, before, refuse);
    else if ('set' in command.add) addSet(layout, command.add.set, refuse);
    else if ('table' in command.add) addTable(layout, command.add.table, before, refuse);
    else if ('chain' in command.add) addChain(layout, command.add.chain, before, refuse);
    else if ('rule' in command.add) addRule(layout, command.add.rule, before, refuse);
    else addHelper(layout, command.add['ct helper'], refuse);
    index += 1;
  }
  return { chunks: joinChunks(partsText(layout.parts)), refusals };
};
