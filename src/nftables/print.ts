/** The JSON form of a ruleset, as `nft -j -f` reads it: one command a line, so that a difference is a line too. */
import { accept } from './build.ts';
import { statementText } from './shared.ts';
import type { Command, Document, RuleObject, Statement } from './types.ts';

const chunkLength = 65_536;

/** Joins pieces to chunks of about 64 KiB, so that writing 100,000 rules takes few writes and no giant string. */
export const joinChunks = (pieces: Iterable<string>): readonly string[] => {
  const chunks: string[] = [];
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length >= chunkLength) {
      chunks.push(chunk);
      chunk = '';
    }
  }
  if (chunk !== '') chunks.push(chunk);
  return chunks;
};

const pieces = function* (commands: Iterable<Command>): Generator<string> {
  let before = '{"nftables": [\n';
  for (const command of commands) {
    yield before + JSON.stringify(command);
    before = ',\n';
  }
  yield before === ',\n' ? '\n]}\n' : `${before}]}\n`;
};

/** The document of these commands, in chunks to be written one after the other. */
export const printJson = (commands: Iterable<Command>): readonly string[] => joinChunks(pieces(commands));

export const printDocument = (document: Document): string => printJson(document.nftables).join('');

export interface JsonWriter {
  /** Begins a table: rules come one by one, then what belongs in front of them. */
  readonly table: () => {
    readonly rule: (rule: RuleObject) => void;
    readonly declare: (commands: readonly Command[]) => void;
    /** Rules that are handed over as text, made from that of a rule of which only values are exchanged. */
    readonly text: { readonly of: (rule: RuleObject) => string; readonly write: (text: string) => void };
  };
  /** The document of all tables that were declared, in UTF-8. */
  readonly chunks: () => readonly Uint8Array[];
}

/** What the writer asks before anything becomes text; both throw on what the schema refuses. */
export interface Checks {
  readonly command: (command: Command) => void;
  readonly statements: (statements: readonly Statement[]) => void;
}

/** The text of an add rule command; the same as JSON.stringify gives, put together from the texts of its statements. */
const ruleText = (rule: RuleObject, lead: string): string => {
  let text = lead;
  if (rule.comment !== undefined) text += `"comment":${JSON.stringify(rule.comment)},`;
  text += '"expr":[';
  let separator = '';
  for (const statement of rule.expr) {
    text += separator + statementText(statement);
    separator = ',';
  }
  return `${text}]}}}`;
};

const utf8 = new TextEncoder();

/**
 * Writes a document while it is made; rules that are never declared leave no trace. `finish` sees all text before it
 * becomes bytes. Bytes, because 100,000 rules as strings are half of what the garbage collector has to carry around.
 */
export const jsonWriter = (checks: Checks, finish: (text: string) => string = (text) => text): JsonWriter => {
  const done: Uint8Array[] = [];
  const encode = (text: string): Uint8Array => utf8.encode(finish(text));
  const table: JsonWriter['table'] = () => {
    const chunks: Uint8Array[] = [];
    const leads = new Map<string, string>();
    let chunk = '';
    /** Everything in front of comment and expressions, the same for all rules of a chain. */
    const leadOf = ({ family, table: name, chain }: RuleObject): string => {
      const known = leads.get(chain);
      if (known !== undefined) return known;
      checks.command({ add: { rule: { family, table: name, chain, expr: [accept] } } });
      const open = JSON.stringify({ add: { rule: { family, table: name, chain } } });
      const lead = `,\n${open.slice(0, -3)},`;
      leads.set(chain, lead);
      return lead;
    };
    const textOf = (rule: RuleObject): string => {
      checks.statements(rule.expr);
      if (rule.comment !== undefined) checks.command({ add: { rule: { ...rule, expr: [accept] } } });
      return ruleText(rule, leadOf(rule));
    };
    const write = (text: string): void => {
      chunk += text;
      if (chunk.length >= chunkLength) {
        chunks.push(encode(chunk));
        chunk = '';
      }
    };
    return {
      rule: (rule) => write(textOf(rule)),
      text: { of: textOf, write },
      declare: (commands) => {
        const texts = commands.map((command) => {
          checks.command(command);
          return JSON.stringify(command);
        });
        done.push(encode((done.length > 0 ? ',\n' : '') + texts.join(',\n')));
        for (const bytes of chunks) done.push(bytes);
        if (chunk !== '') done.push(encode(chunk));
      },
    };
  };
  return { table, chunks: () => [utf8.encode('{"nftables": [\n'), ...done, utf8.encode('\n]}\n')] };
};
