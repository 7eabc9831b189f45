/** What an install would change and what becomes of packets, in words and as JSON. */
import { visible } from '../diagnostics/render.ts';
import type { ChangeGroup } from '../guard/plan.ts';
import type { Preflight } from '../guard/preflight.ts';

export const changesJson = (groups: readonly ChangeGroup[]): readonly object[] =>
  groups.map(({ head, changes }) => ({
    where: head,
    added: changes.filter(({ sign }) => sign === '+').map(({ text }) => text),
    removed: changes.filter(({ sign }) => sign === '-').map(({ text }) => text),
  }));

/** As a diff. */
export const changeLines = (groups: readonly ChangeGroup[]): readonly string[] =>
  groups.flatMap(({ head, changes }) => [head, ...changes.map(({ sign, text }) => `  ${sign} ${text}`)]);

/** `3 lines added, 1 removed`. */
export const changeSummary = (groups: readonly ChangeGroup[]): string => {
  const all = groups.flatMap(({ changes }) => changes);
  const added = all.filter(({ sign }) => sign === '+').length;
  return `${added} ${added === 1 ? 'line' : 'lines'} added, ${all.length - added} removed`;
};

export const preflightJson = ({ stops, warnings, closed, published, gaps }: Preflight): object => ({
  lost: stops.map(({ probe, today, after, trace }) => ({ what: probe.what, packet: probe.words, today, after, trace })),
  mayBeLost: warnings.map(({ probe, today, after }) => ({ what: probe.what, packet: probe.words, today, after })),
  closed: closed.map(({ what, protocol, port }) => ({ what, protocol, port })),
  published,
  notKnown: gaps,
});

const indented = (text: string): readonly string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${visible(line)}`);

/** What the operator ought to know before anything is changed. */
export const preflightLines = ({ stops, warnings, closed, published, gaps }: Preflight): readonly string[] => [
  ...gaps.map((gap) => `not known: ${gap}`),
  ...warnings.map(({ probe, after }) => `${after === 'lost' ? 'will be lost' : 'may be lost'}: ${probe.what}`),
  // A service that listens on IPv4 and on IPv6 is one to people.
  ...new Set(closed.map(({ what }) => `will be closed: ${what}`)),
  ...(published.length > 0
    ? [
        `published by Docker, forwarded, and never seen by the guard: ${published.map(({ protocol, port }) => `${port}/${protocol}`).join(', ')}`,
      ]
    : []),
  ...stops.flatMap(({ probe, trace }) => [`would be lost: ${probe.what}`, ...indented(trace)]),
];

/** Why a network is enforced of which neither rules nor the engine tell. */
export const keptWhy = (isRead: boolean): string =>
  isRead
    ? 'although no rule of Docker tells of it any more: the engine does not answer, and one that does not run removes nothing'
    : 'because not all rules could be read';
