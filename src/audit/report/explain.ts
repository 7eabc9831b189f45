/** What a finding is, from its declaration: `--explain`. */
import { wrapped } from '../../diagnostics/wrap.ts';
import type { Need } from '../contract.ts';
import { needs } from '../contract.ts';
import type { Brush, Declaration } from './format.ts';
import { jobTitles, referenceUrl } from './words.ts';

export const explanation = (
  {
    code,
    title,
    severity,
    job,
    about,
    silent,
    references,
    ...more
  }: Declaration & { readonly needs?: readonly Need[] },
  brush: Brush,
): readonly string[] => {
  const needed = more.needs ?? [];
  return [
    ...wrapped('', 2, `${code}: ${title}`).map((line) => brush('strong', line)),
    ...wrapped('  ', 2, `${severity}, as a rule; ${jobTitles[job]}`),
    '',
    ...wrapped('', 0, about),
    ...(silent === undefined ? [] : ['', ...wrapped('', 0, `Not reported where: ${silent}`)]),
    '',
    ...wrapped('', 0, needed.length === 0 ? 'It needs the rules alone.' : `Beside the rules, it needs ${needed.map((need) => needs[need]).join(', ')}; otherwise it is not looked for.`), // prettier-ignore
    ...(references ?? []).flatMap((reference, index) => [
      ...(index === 0 ? [''] : []),
      ...wrapped(index === 0 ? 'See  ' : '     ', 5, [reference, referenceUrl(reference)].filter((part) => part !== undefined).join('  ')), // prettier-ignore
    ]),
  ];
};
