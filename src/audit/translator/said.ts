/** A rule as iptables-save words it: what the translators of iptables read. */
import type { Family } from '../../netfilter/family.ts';
import type { TableName } from '../../netfilter/hooks.ts';

export interface SaidOption {
  /** Its words with blanks between, without quotes; empty for a flag. */
  readonly value: string;
  readonly inverted: boolean;
}

/** A match or a target with the options that are said of it. */
export interface SaidUse {
  readonly name: string;
  /** By name, `--dport`; of several groups (`--next`) the last one counts. */
  readonly options: ReadonlyMap<string, SaidOption>;
}

export interface SaidRule {
  readonly family: Family;
  readonly table: TableName;
  /** `-p`, `-s`, … by name. */
  readonly parameters: ReadonlyMap<string, SaidOption>;
  readonly matches: readonly SaidUse[];
  /** Behind `-j`: a target, a verdict or a chain. */
  readonly target: SaidUse | undefined;
}

interface Word {
  readonly text: string;
  /** Never an option, whatever it begins with. */
  readonly quoted: boolean;
}

const wordsOf = (text: string): readonly Word[] =>
  [...text.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/gs)].map(([, quoted, bare]) =>
    quoted === undefined
      ? { text: bare ?? '', quoted: false }
      : { text: quoted.replace(/\\(.)/gs, '$1'), quoted: true },
  );

/** Reads what `printRule` prints, and rules with extensions that dnfw has no model of as they stand. */
export const saidRule = (text: string, family: Family, table: TableName): SaidRule => {
  const parameters = new Map<string, SaidOption>();
  const matches: { readonly name: string; readonly options: Map<string, SaidOption> }[] = [];
  let target: { readonly name: string; readonly options: Map<string, SaidOption> } | undefined;
  let options = parameters;
  let inverted = false;
  let name = '';
  for (const { text: word, quoted } of wordsOf(text)) {
    if (word === '!' && !quoted) inverted = true;
    else if (!quoted && /^--?[A-Za-z]/.test(word)) {
      name = word;
      options.set(name, { value: '', inverted });
      inverted = false;
    } else if (name === '-m' || name === '-j') {
      options.delete(name);
      const use = { name: word, options: new Map<string, SaidOption>() };
      if (name === '-m') matches.push(use);
      else target = use;
      options = use.options;
      name = '';
    } else {
      const said = options.get(name);
      options.set(name, { value: said?.value ? `${said.value} ${word}` : word, inverted: said?.inverted ?? false });
    }
  }
  return { family, table, parameters, matches, target };
};
