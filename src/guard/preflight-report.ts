/** A preflight in lines for people. */
import { visible } from '../diagnostics/render.ts';
import type { Checked, Preflight } from './preflight.ts';
import type { Published } from './published.ts';

/** One line for each packet that would be lost, and is not lost today. */
export const lostLines = ({ stops }: Preflight): readonly string[] => stops.map(({ probe }) => probe.what);

const indented = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `    ${line}`));

const fates = { passes: 'passes', lost: 'lost', depends: 'it depends' } as const;

const stopLines = ({ probe, today, then, trace }: Checked): readonly string[] => [
  `lost: ${probe.what}`,
  `  today: ${fates[today]}; with the guard: ${fates[then]}`,
  ...indented(trace),
];

const exposures: Readonly<Record<Published['exposure'], string>> = {
  anyone: 'open to everybody who reaches this host',
  'one address': 'open to everybody who reaches that address',
  host: 'for this host alone',
};

const publishedLine = ({ protocol, port, address, to, exposure }: Published): string =>
  `  ${address === undefined ? '' : `${address.includes(':') ? `[${address}]` : address}:`}${port}/${protocol} → ${to}, ${exposures[exposure]}`;

/** What there is to say; empty if all is well and nothing is published. */
export const preflightLines = ({ stops, warnings, closed, published, gaps }: Preflight): readonly string[] =>
  [
    ...gaps.map((gap) => `not known: ${gap}`),
    ...stops.flatMap(stopLines),
    ...warnings.map(({ probe }) => `will be lost: ${probe.what}`),
    ...closed.map(
      ({ what, family }) =>
        `will be closed for ${family === 'ip' ? 'IPv4' : 'IPv6'} from addresses that the policy does not name: ${what}`,
    ),
    ...(published.length === 0
      ? []
      : ['published ports are forwarded and never meet the guard:', ...published.map(publishedLine)]),
  ].map(visible);
