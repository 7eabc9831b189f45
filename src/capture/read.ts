/** Reads the document of a capture. */
import type { ErrorObject } from 'ajv';
import type { Diagnostic, Outcome, Span } from '../diagnostics/diagnostic.ts';
import type { GuardRecords } from '../guard/records.ts';
import type { Input } from '../iptables/parse.ts';
import { isList, isObject, type Json, type JsonObject, property, text } from '../nftables/json.ts';
import { findFault } from '../nftables/json-text.ts';
import {
  type Answers,
  type Capture,
  captureVersion,
  type CapturedNamespace,
  moduleStates,
  type NotRead,
  type Recorded,
} from './document.ts';
import { offsetAt, type Places, placesOf } from './places.ts';
import { checkCapture } from './validators.ts';

const spanAt = (file: string, whole: string, offset: number, length = 1): Span => {
  const start = whole.lastIndexOf('\n', offset - 1) + 1;
  const end = whole.indexOf('\n', offset);
  let line = 1;
  for (let at = whole.indexOf('\n'); at >= 0 && at < offset; at = whole.indexOf('\n', at + 1)) line++;
  return { file, line, column: offset - start + 1, length, text: whole.slice(start, end < 0 ? undefined : end) };
};

const broken = (file: string, whole: string): Diagnostic => {
  const fault = findFault(whole, 0);
  return {
    code: 'json-syntax',
    severity: 'error',
    what: fault?.what ?? 'this is no JSON',
    why: 'a capture is one document of JSON, and this one is broken from here on',
    help: 'copy it from its host again, or take it again with dnfw capture',
    span: spanAt(file, whole, fault?.offset ?? 0, fault?.length),
  };
};

const newer = (file: string, whole: string, document: Json): Diagnostic => ({
  code: 'capture-newer',
  severity: 'error',
  what: `${file} is a capture of version ${JSON.stringify(property(document, 'schemaVersion'))}, and this dnfw reads version ${captureVersion}`,
  why: `dnfw ${text(property(document, 'dnfw')) ?? '(unknown)'} took it`,
  help: 'read it with that dnfw or a later one, or take it again with this one',
  span: spanAt(file, whole, offsetAt(whole, '/schemaVersion')),
});

const wrong = (file: string, whole: string, error: ErrorObject | undefined): Diagnostic => {
  const path = error?.instancePath ?? '';
  const allowed: unknown = error?.params['allowedValues'];
  const words = isList(allowed as Json) ? ` (${(allowed as readonly unknown[]).join(', ')})` : '';
  return {
    code: 'capture-invalid',
    severity: 'error',
    what: `${path === '' ? 'the capture' : path} ${error?.message ?? 'is wrong'}${words}`,
    help: 'take it again with dnfw capture',
    span: spanAt(file, whole, offsetAt(whole, path)),
  };
};

const entries = (value: Json | undefined): readonly (readonly [string, Json])[] =>
  isObject(value) ? Object.entries(value) : [];

const recordedIn = (value: Json, line: number | undefined): Recorded => {
  const place = line === undefined ? {} : { line };
  if (isList(value))
    return value.every((item) => typeof item === 'string')
      ? { kind: 'text', lines: value, ...place }
      : { kind: 'json', value, ...place };
  if (property(value, 'missing') === true) return { kind: 'missing' };
  const why = property(value, 'failed');
  return typeof why === 'string' ? { kind: 'failed', why } : { kind: 'json', value, ...place };
};

const answersIn = (value: Json | undefined, places?: Places): Answers =>
  new Map(entries(value).map(([key, answer]) => [key, recordedIn(answer, places?.get(key))]));

const namespacesIn = (value: Json | undefined, places: readonly Places[]): Capture['namespaces'] =>
  isList(value)
    ? value.map((one, index): CapturedNamespace => ({
        name: text(property(one, 'name')) ?? '',
        answers: answersIn(property(one, 'answers'), places[index]),
      }))
    : undefined;

const modulesIn = (value: Json | undefined): Capture['modules'] =>
  new Map(
    entries(value).flatMap(([name, said]) => {
      const state = moduleStates.find((one) => one === said);
      return state === undefined ? [] : [[name, state] as const];
    }),
  );

/** The schema has seen that all is there. */
const captureIn = (document: JsonObject, whole: string): Capture => {
  const places = placesOf(whole);
  const host = property(document, 'host');
  const guard = property(document, 'guard');
  const notRead = property(document, 'notRead');
  return {
    dnfw: text(property(document, 'dnfw')) ?? '',
    taken: text(property(document, 'taken')) ?? '',
    host: {
      name: text(property(host, 'name')) ?? '',
      kernel: text(property(host, 'kernel')) ?? '',
      machine: text(property(host, 'machine')) ?? '',
    },
    connections: (property(document, 'connections') ?? []) as readonly (string | null)[],
    answers: answersIn(property(document, 'answers'), places.answers),
    files: answersIn(property(document, 'files')),
    modules: modulesIn(property(document, 'modules')),
    guard: guard === undefined ? undefined : (guard as unknown as GuardRecords | null),
    namespaces: namespacesIn(property(document, 'namespaces'), places.namespaces),
    notRead: notRead as unknown as readonly NotRead[],
  };
};

/** With an error among the diagnostics there is no value. */
export const readCapture = ({ name, text: given }: Input): Outcome<Capture | undefined> => {
  const whole = given.startsWith('\ufeff') ? given.slice(1) : given;
  let document: Json;
  try {
    // What JSON.parse gives is Json.
    document = JSON.parse(whole) as Json;
  } catch {
    return { value: undefined, diagnostics: [broken(name, whole)] };
  }
  const version = property(document, 'schemaVersion');
  if (typeof version === 'number' && version > captureVersion)
    return { value: undefined, diagnostics: [newer(name, whole, document)] };
  if (!checkCapture(document) || !isObject(document))
    return { value: undefined, diagnostics: [wrong(name, whole, checkCapture.errors?.[0])] };
  return { value: captureIn(document, whole), diagnostics: [] };
};
