/** The reader of `iptables -S` output and of iptables command lines in scripts. */
import type { Grammar } from './grammar.ts';
import type { Input, ParseOptions, Reading } from './parse.ts';

export const readCommands = (
  _input: Input,
  _grammar: Grammar,
  _options: ParseOptions,
  _format: 'rules' | 'commands',
): Reading => ({ tables: [], diagnostics: [] });
