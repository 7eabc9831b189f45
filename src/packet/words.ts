/**
 * A packet in words: `hook=input in=eth0 ip saddr=10.0.0.2 udp dport=4789 vxlan vni=0x1006 secpath=no`. Words alone are
 * contexts for the `key=value` words behind them, until the next one; names are nft's.
 */
import { type Diagnostic, isError } from '../diagnostics/diagnostic.ts';
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { assemble } from './assemble.ts';
import type { HeaderName } from './layout.ts';
import { isHeaderName } from './layout.ts';
import type { Packet } from './packet.ts';
import { complete } from './saying.ts';
import { nearest } from './suggest.ts';
import { type Target, contextWords, isContext, isSame, targetOf, wordsIn } from './targets.ts';
import { type Token, errorAt, tokensOf } from './wordtokens.ts';

/** The bytes of a packet that came as hex or from a capture: then words can only say what is known beside them. */
export interface Captured {
  readonly family: Family;
  readonly bytes: Uint8Array;
  readonly link?: Uint8Array;
}

export interface SaidPacket {
  /** Where the packet starts; undefined for the whole way from prerouting. */
  readonly hook: Hook | undefined;
  readonly packet: Packet;
  /** Every word with the context it was read in. */
  readonly given: readonly string[];
  /** What was filled in because nobody said it, as words. */
  readonly assumed: readonly string[];
}

/** A word with what it is about, or a header that is only named. */
export type Statement =
  | {
      readonly kind: 'word';
      readonly target: Target;
      readonly token: Token;
      readonly value: string;
      readonly said: string;
    }
  | { readonly kind: 'mention'; readonly header: HeaderName; readonly token: Token };

interface State {
  context: string;
  /** Whether something has been said in the context since its words. */
  used: boolean;
  /** In a context that is none: what is said in it is not complained about again. */
  lost: boolean;
  opened: Token | undefined;
}

const phrase = (context: string, word: string): string => (context === '' ? word : `${context} ${word}`);

/** A context that nothing was said in: a header is there with its usual values, anything else is unfinished. */
const close = (state: State, statements: Statement[], diagnostics: Diagnostic[]): void => {
  const { context, used, opened } = state;
  if (used || !opened) return;
  if (isHeaderName(context)) statements.push({ kind: 'mention', header: context, token: opened });
  else
    diagnostics.push(
      errorAt(opened.whole, 'missing-value', `nothing is said behind "${context}"`, {
        help: `words that can follow: ${wordsIn(context).join(', ')}`,
      }),
    );
};

const open = (token: Token, state: State, statements: Statement[], diagnostics: Diagnostic[]): void => {
  const longer = phrase(state.context, token.name);
  if (!state.used && isContext(longer)) {
    state.context = longer;
    return;
  }
  close(state, statements, diagnostics);
  const previous = state.context;
  state.lost = false;
  state.opened = token;
  state.context = token.name;
  state.used = false;
  if (isContext(token.name)) return;
  state.opened = undefined;
  state.lost = true;
  const around = targetOf(previous, token.name) ? previous : '';
  const here = targetOf(around, token.name);
  const near = nearest(token.name, [...contextWords, ...wordsIn('')]);
  diagnostics.push(
    errorAt(token.whole, 'unknown-word', `"${token.name}" is no header and no context`, {
      help: here
        ? `write ${phrase(around, token.name)}=value`
        : near
          ? `did you mean ${near}?`
          : /^\d/.test(token.name)
            ? 'write key=value, without blanks'
            : `contexts: ${contextWords.join(', ')}`,
    }),
  );
};

const unknown = (token: Token, context: string): Diagnostic => {
  const here = wordsIn(context);
  const near = nearest(token.name, here) ?? nearest(token.name, wordsIn(''));
  const elsewhere = contextWords.filter((one) => targetOf(one, token.name)).slice(0, 8);
  return errorAt(
    token.nameSpan,
    'unknown-word',
    `"${token.name}" is no field${context === '' ? '' : ` of ${context}`}`,
    {
      help: near
        ? `did you mean ${here.includes(near) ? phrase(context, near) : near}?`
        : elsewhere.length > 0
          ? `write it with its context: ${elsewhere.map((one) => `${one} ${token.name}`).join(', ')}`
          : `fields: ${here.join(', ')}`,
    },
  );
};

/** Which target a word has: of the context it stands in, or of none. */
const find = (token: Token, state: State, diagnostics: Diagnostic[]): readonly [string, Target] | undefined => {
  const { context, used } = state;
  const inside = context === '' ? undefined : targetOf(context, token.name);
  const outside = targetOf('', token.name);
  if (inside && outside && used && !isSame(inside, outside)) {
    const free = phrase('meta', token.name);
    diagnostics.push(
      errorAt(
        token.nameSpan,
        'ambiguous-option',
        `"${token.name}" could be ${phrase(context, token.name)} or ${free}`,
        {
          help: `write ${phrase(context, token.name)}= or ${free}=`,
        },
      ),
    );
    return undefined;
  }
  if (inside) {
    state.used = true;
    return [context, inside];
  }
  if (outside) return ['', outside];
  if (!state.lost) diagnostics.push(unknown(token, context));
  return undefined;
};

const statementsOf = (text: string, diagnostics: Diagnostic[]): readonly Statement[] => {
  const { tokens, diagnostics: broken } = tokensOf(text);
  diagnostics.push(...broken);
  const statements: Statement[] = [];
  const state: State = { context: '', used: true, lost: false, opened: undefined };
  for (const token of tokens) {
    const { value } = token;
    if (value === undefined) open(token, state, statements, diagnostics);
    else if (token.name === '')
      diagnostics.push(
        errorAt(token.whole, 'unknown-word', 'a = without a name', { help: 'write key=value, without blanks' }),
      );
    else {
      const found = find(token, state, diagnostics);
      if (found)
        statements.push({
          kind: 'word',
          target: found[1],
          token,
          value,
          said: phrase(found[0], `${token.name}=${value}`),
        });
    }
  }
  close(state, statements, diagnostics);
  return statements;
};

/**
 * Reads a packet; undefined as value if there was an error. With `captured` the bytes come from there. What is not
 * said is filled in as defaults.ts and layout.ts have it, and told in `assumed`.
 */
export const readPacket = (
  text: string,
  captured?: Captured,
): { readonly value: SaidPacket | undefined; readonly diagnostics: readonly Diagnostic[] } => {
  const diagnostics: Diagnostic[] = [];
  const statements = statementsOf(text, diagnostics);
  const saying = assemble(statements, captured, diagnostics);
  if (!saying || diagnostics.some(isError)) return { value: undefined, diagnostics };
  const given = statements.map((one) => (one.kind === 'word' ? one.said : one.header));
  return { value: { hook: saying.hook, given, ...complete(saying) }, diagnostics };
};
