/**
 * Reads any libnftables JSON: what `nft -j list ruleset` prints, and documents of commands, which are applied in order.
 * A document that nft would refuse as a whole has errors and no value to rely on.
 */
import type { Code } from '../diagnostics/catalogue.ts';
import type { Diagnostic, Outcome, Severity, Span } from '../diagnostics/diagnostic.ts';
import { type Draft, draftFrom } from './draft.ts';
import { type Json, single, textOf } from './json.ts';
import { type Element, type Failure, readArray } from './json-text.ts';
import { applyCommand } from './read-command.ts';
import type { NftRuleset } from './ruleset.ts';

/** Statements of libnftables-json(5), up to nft 1.1.7. */
const statements: ReadonlySet<string> = new Set(
  (
    'accept drop continue return jump goto match counter mangle quota limit fwd notrack dup snat dnat masquerade ' +
    'redirect reject set map log meter queue vmap tproxy synproxy reset secmark last flow xt'
  )
    .split(' ')
    .concat('ct helper', 'ct timeout', 'ct expectation', 'ct count', 'tunnel'),
);

const spanAt = (file: string, text: string, offset: number, length: number, line?: number): Span => {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  let number = line ?? 1;
  if (line === undefined)
    for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) number++;
  return { file, line: number, column: offset - start + 1, length, text: text.slice(start, end < 0 ? undefined : end) };
};

const textForm =
  /^(?:\s|#[^\n]*\n|#!)*(?:(?:add|create|delete|destroy|flush)\s+)?(?:table|chain|ruleset|define|include|rule|set|map)\b/;

/** Why a text is no document of nftables, with what to do about it. */
const explain = (file: string, text: string, failure: Failure, firstLine: number): Diagnostic => {
  const within = spanAt(file, text, failure.offset, failure.length);
  const span = { ...within, line: within.line + firstLine - 1 };
  if (text.trim() === '')
    return {
      code: 'empty-input',
      severity: 'error',
      what: 'the input is empty',
      help: 'give it what `nft -j list ruleset` prints',
    };
  if (textForm.test(text))
    return {
      code: 'nft-text',
      severity: 'error',
      what: "this is nft's text form, and dnfw reads its JSON form",
      why: 'text is for people: what its words mean depends on the version of nft and on files of the host',
      help: 'use `nft -j list ruleset`, or load the file in a network namespace of its own and list it from there with -j',
      span,
    };
  return failure.kind === 'syntax'
    ? { code: 'json-syntax', severity: 'error', what: failure.what, span }
    : {
        code: 'not-nftables',
        severity: 'error',
        what: failure.what,
        help: 'give it what `nft -j list ruleset` prints',
        span,
      };
};

interface Counted {
  readonly diagnostic: Diagnostic;
  times: number;
}

/** What is said once, however often it is met. */
const counter = (): {
  readonly note: (key: string, make: () => Diagnostic) => void;
  readonly all: () => Diagnostic[];
} => {
  const seen = new Map<string, Counted>();
  return {
    note: (key, make) => {
      const known = seen.get(key);
      if (known) known.times++;
      else seen.set(key, { diagnostic: make(), times: 1 });
    },
    all: () =>
      [...seen.values()].map(({ diagnostic, times }) =>
        times === 1 ? diagnostic : { ...diagnostic, what: `${diagnostic.what} (${times} times, first here)` },
      ),
  };
};

/** An xtables extension that a listing shows by name only. A comment changes nothing whatever it says. */
export const opaqueExtension = (statement: Json): string | undefined => {
  const found = single(statement);
  if (found?.[0] !== 'xt') return undefined;
  const [kind, name] = [textOf(found[1], 'type'), textOf(found[1], 'name')];
  // An nft that was built without xtables does not even name it.
  if (kind === undefined || name === undefined) return 'extension that nft does not name';
  return kind === 'match' && name === 'comment' ? undefined : `${kind} ${name}`;
};

const applyAll = (
  file: string,
  text: string,
  elements: readonly Element[],
  draft: Draft,
  firstLine: number,
): readonly Diagnostic[] => {
  const diagnostics: Diagnostic[] = [];
  const repeated = counter();
  for (const { value, offset, line: lineInText } of elements) {
    const line = lineInText + firstLine - 1;
    const say =
      (severity: Severity) =>
      (code: Code, what: string, why?: string, help?: string): undefined => {
        const span = spanAt(file, text, offset, 1, line);
        const more = { ...(why === undefined ? {} : { why }), ...(help === undefined ? {} : { help }) };
        diagnostics.push({ code, severity, what, ...more, span });
        return undefined;
      };
    const checkStatement = (statement: Json): void => {
      const extension = opaqueExtension(statement);
      const name = single(statement)?.[0];
      const span = (): Span => spanAt(file, text, offset, 1, line);
      if (extension !== undefined)
        repeated.note(`xt ${extension}`, () => ({
          code: 'nft-xt',
          severity: 'warning',
          what: `a rule has the xtables ${extension}, and nft does not list what it is given`,
          help: 'read the rules of iptables-nft with iptables-save',
          span: span(),
        }));
      else if (name === undefined || !statements.has(name))
        repeated.note(`statement ${name}`, () => ({
          code: 'nft-unknown-object',
          severity: 'warning',
          what:
            name === undefined
              ? 'a statement that is no object with one property'
              : `dnfw does not know the statement "${name}"`,
          span: span(),
        }));
    };
    applyCommand(
      {
        draft,
        place: { file, line },
        warn: say('warning'),
        refuse: say('error'),
        statements: (list) => list.forEach(checkStatement),
      },
      value,
    );
  }
  return [...diagnostics, ...repeated.all()];
};

/**
 * Reads the JSON `text` of `file`, on top of the ruleset `before` if there is one. The value is the ruleset as far as
 * it could be read; with an error among the diagnostics, nft would not have loaded it. `firstLine`: where the text
 * begins in the file, if it is a part of it.
 */
export const readNftables = (file: string, text: string, before?: NftRuleset, firstLine = 1): Outcome<NftRuleset> => {
  const elements = readArray(text, 'nftables');
  if ('kind' in elements)
    return { value: before ?? { tables: [] }, diagnostics: [explain(file, text, elements, firstLine)] };
  const draft = draftFrom(before);
  const diagnostics = applyAll(file, text, elements, draft, firstLine);
  return { value: { tables: [...draft.values()] }, diagnostics };
};
