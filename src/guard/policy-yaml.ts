/** A policy file as plain values, with the place of each. YAML 1.2, of which JSON is a part. */
import { isAlias, isCollection, isDocument, isMap, isNode, isPair, isScalar, LineCounter, type Node, parseAllDocuments, visit, type Document } from 'yaml'; // prettier-ignore
import type { Diagnostic, Span } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';

export type Path = readonly (string | number)[];

export interface YamlFile {
  readonly name: string;
  /** Undefined if there is nothing in the file, or nothing that can be relied on. */
  readonly data: unknown;
  /** Where the value at that path stands; the nearest that is there if there is none. */
  readonly spanOf: (path: Path) => Span;
  /** Where the key that ends the path stands. */
  readonly keySpanOf: (path: Path) => Span;
  readonly diagnostics: readonly Diagnostic[];
}

/** Whose files they are, for messages. */
export interface YamlUse {
  /** `a policy`. */
  readonly what: string;
  readonly syntax: Diagnostic['code'];
  readonly twice: Diagnostic['code'];
  /** What to do instead of aliases. */
  readonly once: string;
}

export const policyUse: YamlUse = {
  what: 'a policy',
  syntax: 'policy-syntax',
  twice: 'policy-twice',
  once: 'name addresses once, in `sets`',
};

/** Offsets are in UTF-16 units, and so are columns. */
const spans = (name: string, text: string, lines: LineCounter): ((start: number, end: number) => Span) => {
  return (start, end) => {
    const { line, col } = lines.linePos(Math.min(start, text.length));
    const from = text.lastIndexOf('\n', Math.max(0, start - 1)) + 1;
    const begin = text[start] === '\n' && start > 0 ? Math.min(from, start) : start - col + 1;
    const newline = text.indexOf('\n', start);
    const stop = newline < 0 ? text.length : newline;
    return {
      file: name,
      line: Math.max(1, line),
      column: Math.max(1, col),
      length: Math.max(1, Math.min(end, stop) - start),
      text: text.slice(Math.max(0, begin), stop).replace(/\r$/, ''),
    };
  };
};

const helpFor: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  DUPLICATE_KEY: 'keep one of the two',
  BLOCK_AS_IMPLICIT_KEY: 'check the indentation, and that every key has its colon',
  BAD_SCALAR_START: 'put the value in quotes',
};

/** The parser's own words, without the advice that is about its programming interface. */
const words = (message: string): string =>
  message.startsWith('Map keys must be unique') ? 'this key is given twice' : (message.split(';')[0] ?? message);

interface Unwanted {
  readonly node: Node;
  readonly what: string;
  readonly help: string;
}

/** What YAML can do and such a file does not need: text that stands for other text, and types by tag. */
const unwantedIn = (document: Document, use: YamlUse): readonly Unwanted[] => {
  const found: Unwanted[] = [];
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node) || node.anchor !== undefined)
        found.push({ node, what: `${use.what} has no anchors and aliases`, help: use.once });
      else if (node.tag !== undefined)
        found.push({ node, what: `${use.what} has no tags such as ${node.tag}`, help: 'leave the tag out' });
      return isCollection(node) ? undefined : visit.SKIP;
    },
    Pair: (_key, { key }) => {
      if (isNode(key) && !isAlias(key) && !(isScalar(key) && typeof key.value === 'string'))
        found.push({ node: key, what: 'a key has to be a word', help: 'check the indentation' });
    },
  });
  return found;
};

const rangeOf = (node: unknown): readonly [number, number] | undefined =>
  (isNode(node) || isDocument(node)) && node.range ? [node.range[0], node.range[1]] : undefined;

const nodeAt = (document: Document, path: Path): Node | undefined => {
  for (let length = path.length; length >= 0; length--) {
    const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    if (isNode(node)) return node;
  }
  return undefined;
};

const keyAt = (document: Document, path: Path): unknown => {
  const map: unknown = path.length <= 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(map)) return undefined;
  const last = path.at(-1);
  return map.items.find((pair) => isPair(pair) && isScalar(pair.key) && String(pair.key.value) === last)?.key;
};

/** JSON by its name has to be JSON: comments and the like are YAML's. */
const jsonProblem = ({ name, text }: Input): { readonly at: number; readonly what: string } | undefined => {
  if (!name.endsWith('.json') || text.trim() === '') return undefined;
  try {
    JSON.parse(text.replace(/^\ufeff/, ''));
    return undefined;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const position = /position (\d+)/.exec(said)?.[1];
    const at = position === undefined ? (said.includes('end of JSON') ? text.trimEnd().length : 0) : Number(position);
    return { at, what: `this is no JSON: ${said}` };
  }
};

const error = (code: Diagnostic['code'], what: string, span: Span, help?: string): Diagnostic => ({
  code,
  severity: 'error',
  what,
  ...(help === undefined ? {} : { help }),
  span,
});

const parsed = ({ text }: Input, lines: LineCounter): readonly Document[] | string => {
  try {
    return [...parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, version: '1.2', schema: 'core' })];
  } catch (cause) {
    // Values nested tens of thousands deep exhaust the parser's stack.
    return cause instanceof Error ? cause.message : String(cause);
  }
};

const problemsIn = (
  input: Input,
  documents: readonly Document[],
  span: ReturnType<typeof spans>,
  use: YamlUse,
): Diagnostic[] => {
  const [document, second] = documents;
  if (!document) return [];
  const found = [...document.errors, ...document.warnings].map(({ code, message, pos }) =>
    error(code === 'DUPLICATE_KEY' ? use.twice : use.syntax, words(message), span(pos[0], pos[1]), helpFor[code]),
  );
  const json = jsonProblem(input);
  if (json && found.length === 0) found.push(error('json-syntax', json.what, span(json.at, json.at + 1)));
  if (second) {
    const [start, end] = rangeOf(second.contents) ?? rangeOf(second) ?? [0, 1];
    found.push(
      error(use.syntax, 'a second document begins in this file', span(start, end), 'put it in a file of its own'),
    );
  }
  if (found.length > 0) return found;
  return unwantedIn(document, use).map(({ node, what, help }) =>
    error(use.syntax, what, span(...(rangeOf(node) ?? [0, 1])), help),
  );
};

export const readYaml = (input: Input, use: YamlUse = policyUse): YamlFile => {
  const { name, text } = input;
  const lines = new LineCounter();
  const documents = parsed(input, lines);
  const span = spans(name, text, lines);
  const bad = text.search(/[\0\ufffd]/);
  const top = span(0, 1);
  const none = { name, data: undefined, spanOf: () => top, keySpanOf: () => top };
  if (typeof documents === 'string')
    return { ...none, diagnostics: [error(use.syntax, `this cannot be read: ${documents}`, top)] };
  if (bad >= 0)
    return { ...none, diagnostics: [error('bad-encoding', 'this byte is not UTF-8 text', span(bad, bad + 1))] };
  const [document] = documents;
  const diagnostics = problemsIn(input, documents, span, use);
  if (!document || diagnostics.length > 0) return { ...none, diagnostics };
  const spanOf = (path: Path): Span => span(...(rangeOf(nodeAt(document, path)) ?? [0, 1]));
  const keySpanOf = (path: Path): Span => {
    const range = rangeOf(keyAt(document, path));
    return range ? span(...range) : spanOf(path);
  };
  return { name, data: document.toJS() as unknown, spanOf, keySpanOf, diagnostics };
};
