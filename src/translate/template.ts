/**
 * The nft text of a shape of rules, with gaps for the values that are copied. It is made from examples that the ordinary
 * path has translated, and only if filling its gaps gives the very text of each of them: a shape whose translation
 * depends on a value, as a port that is counted from another one, has no template and takes the ordinary path.
 */
import type { Difference } from '../extensions/contract.ts';
import type { Shape } from '../iptables/shape.ts';
import type { Rule } from '../iptables/types.ts';

/** A rule that became one nft rule. */
export interface Printed {
  readonly text: string;
  readonly differences: readonly Difference[];
  /** The chain that it leads to. */
  readonly target: string | undefined;
}

export interface Template extends Omit<Printed, 'text'> {
  /** What stands in front of the first value. */
  readonly lead: string;
  /** The values in the order of the text: by their number in the line, counted from 1, and what follows them. */
  readonly gaps: readonly { readonly group: number; readonly after: string }[];
}

interface Found {
  readonly at: number;
  readonly group: number;
  readonly value: string;
}

/** Where the values stand in a text; undefined unless each does. */
const placesOf = (text: string, values: readonly string[]): readonly Found[] | undefined => {
  const places: Found[] = [];
  for (const [index, value] of values.entries()) {
    const first = text.indexOf(value);
    if (first < 0) return undefined;
    for (let at = first; at >= 0; at = text.indexOf(value, at + value.length))
      places.push({ at, group: index + 1, value });
  }
  return places.toSorted((a, b) => a.at - b.at);
};

/** The text with these values; the first of the list is what they are the parts of, as a match of a pattern has them. */
export const fill = ({ lead, gaps }: Pick<Template, 'lead' | 'gaps'>, values: readonly string[]): string => {
  let text = lead;
  for (const { group, after } of gaps) text += values[group] + after;
  return text;
};

/** The template of a shape, if it has one. `print` translates a rule on the ordinary path. */
export const templateOf = (shape: Shape, print: (rule: Rule) => Printed | undefined): Template | undefined => {
  const [{ rule, values }, ...others] = shape.examples;
  const first = print(rule);
  const places = first && placesOf(first.text, values);
  if (!places) return undefined;
  const { text, differences, target } = first;
  const gaps = places.map(({ at, group, value }, index) => ({
    group,
    after: text.slice(at + value.length, places[index + 1]?.at),
  }));
  const template = { lead: text.slice(0, places[0]?.at), gaps, differences, target };
  const said = JSON.stringify(differences);
  const holds = others.every((example) => {
    const printed = print(example.rule);
    return (
      printed?.target === target &&
      printed?.text === fill(template, ['', ...example.values]) &&
      JSON.stringify(printed.differences) === said
    );
  });
  return holds ? template : undefined;
};
