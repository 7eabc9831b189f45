/** What the table of faults asks of a rule. */
import type { SaidOption, SaidRule, SaidUse } from './said.ts';

export type Ask = (rule: SaidRule) => boolean;

export const matchesOf = (rule: SaidRule, name: string): readonly SaidUse[] =>
  rule.matches.filter((use) => use.name === name);

/** The match is there, and its options are as asked. */
export const match =
  (name: string, ask: (use: SaidUse, rule: SaidRule) => boolean = () => true): Ask =>
  (rule) =>
    matchesOf(rule, name).some((use) => ask(use, rule));

export const target =
  (name: string, ask: (use: SaidUse, rule: SaidRule) => boolean = () => true): Ask =>
  (rule) =>
    rule.target?.name === name && ask(rule.target, rule);

export const anyOf =
  (...asks: readonly Ask[]): Ask =>
  (rule) =>
    asks.some((ask) => ask(rule));

export const has = ({ options }: SaidUse, ...names: readonly string[]): boolean =>
  names.some((name) => options.has(name));

export const value = ({ options }: SaidUse, name: string): string => options.get(name)?.value ?? '';

export const isInverted = ({ options }: SaidUse, ...names: readonly string[]): boolean =>
  names.some((name) => options.get(name)?.inverted ?? false);

export const list = (use: SaidUse, name: string): readonly string[] => value(use, name).split(',');

export const protocol = ({ parameters }: SaidRule): SaidOption | undefined => parameters.get('-p');

/** `0xff` or `255`; the value itself and its mask, which is full where none is said. */
export const masked = (text: string): { readonly value: number; readonly mask: number } => {
  const [first = '0', mask] = text.split('/');
  return { value: Number(first), mask: mask === undefined ? 0xffffffff : Number(mask) };
};
