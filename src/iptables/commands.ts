import type { Grammar } from './grammar.ts';
import type { Input, ParseOptions, Reading } from './parse.ts';

export const readCommands = (_input: Input, _grammar: Grammar, _options: ParseOptions): Reading => ({
  tables: [],
  diagnostics: [],
});
