/** A capture as its document: one rule, or one object of nft, on each line, so that a place in it is a rule. */
import { isList, isObject, type Json, property } from '../nftables/json.ts';
import { type Answers, type Capture, captureKind, captureVersion, type Recorded } from './document.ts';

/** Terminals obey these, and JSON lets them pass. They stand in strings only, where the escape means the same. */
const obeyed = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const inLine = (value: Json): string =>
  JSON.stringify(value).replace(obeyed, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

function* below(items: readonly Json[], indent: string, open: string, close: string): Generator<string> {
  if (items.length === 0) return yield `${open}${close}`;
  yield `${open}\n`;
  for (const [index, item] of items.entries())
    yield `${indent}  ${inLine(item)}${index < items.length - 1 ? ',' : ''}\n`;
  yield `${indent}${close}`;
}

function* printJson(value: Json, indent: string): Generator<string> {
  const objects = property(value, 'nftables');
  if (isObject(value) && isList(objects) && Object.keys(value).length === 1)
    yield* below(objects, indent, '{"nftables": [', ']}');
  else if (isList(value)) yield* below(value, indent, '[', ']');
  else yield inLine(value);
}

function* printRecorded(recorded: Recorded, indent: string): Generator<string> {
  if (recorded.kind === 'text') yield* below(recorded.lines, indent, '[', ']');
  else if (recorded.kind === 'json') yield* printJson(recorded.value, indent);
  else yield recorded.kind === 'missing' ? '{"missing": true}' : `{"failed": ${inLine(recorded.why)}}`;
}

function* printEntries(
  entries: readonly (readonly [name: string, print: (indent: string) => Iterable<string>])[],
  indent: string,
): Generator<string> {
  if (entries.length === 0) return yield '{}';
  yield '{\n';
  for (const [index, [name, print]] of entries.entries()) {
    yield `${indent}  ${inLine(name)}: `;
    yield* print(`${indent}  `);
    yield index < entries.length - 1 ? ',\n' : '\n';
  }
  yield `${indent}}`;
}

const answersEntries = (answers: Answers): Parameters<typeof printEntries>[0] =>
  [...answers].map(([key, recorded]) => [key, (indent) => printRecorded(recorded, indent)]);

/** Files of one line stand on one line. */
const filesEntries = (files: Answers): Parameters<typeof printEntries>[0] =>
  [...files].map(([path, file]) => [
    path,
    (indent) => (file.kind === 'text' && file.lines.length < 2 ? [inLine(file.lines)] : printRecorded(file, indent)),
  ]);

function* printNamespaces(namespaces: NonNullable<Capture['namespaces']>, indent: string): Generator<string> {
  if (namespaces.length === 0) return yield '[]';
  yield '[\n';
  for (const [index, { name, answers }] of namespaces.entries()) {
    yield `${indent}  `;
    yield* printEntries(
      [
        ['name', () => [inLine(name)]],
        ['answers', (inner) => printEntries(answersEntries(answers), inner)],
      ],
      `${indent}  `,
    );
    yield index < namespaces.length - 1 ? ',\n' : '\n';
  }
  yield `${indent}]`;
}

/** The parts of the document, one after the other: those of a large host do not fit into one string. */
export function* printCapture(capture: Capture): Generator<string> {
  const { dnfw, taken, host, connections, answers, files, modules, guard, namespaces, notRead } = capture;
  const plain = (name: string, value: Json): Parameters<typeof printEntries>[0][number] => [
    name,
    (indent) => printJson(value, indent),
  ];
  yield* printEntries(
    [
      plain('schemaVersion', captureVersion),
      plain('kind', captureKind),
      plain('dnfw', dnfw),
      plain('taken', taken),
      plain('host', host),
      plain('connections', connections),
      plain('modules', Object.fromEntries(modules)),
      ['files', (indent) => printEntries(filesEntries(files), indent)],
      ['answers', (indent) => printEntries(answersEntries(answers), indent)],
      ...(guard === undefined ? [] : [guardEntry(guard)]),
      ['namespaces', (indent) => (namespaces ? printNamespaces(namespaces, indent) : ['null'])],
      plain(
        'notRead',
        notRead.map(({ what, why }) => ({ what, why })),
      ),
    ],
    '',
  );
  yield '\n';
}

const guardEntry = (guard: NonNullable<Capture['guard']> | null): Parameters<typeof printEntries>[0][number] => [
  'guard',
  (indent) =>
    guard === null
      ? ['null']
      : printEntries(
          Object.entries(guard).map(([name, value]) => [
            name,
            // All of it is plain data (guard/records.ts).
            (inner) => (name === 'listing' ? printJson(value as Json, inner) : [inLine(value as Json)]),
          ]),
          indent,
        ),
];
