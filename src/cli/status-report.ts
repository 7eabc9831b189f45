/** A status in words and as JSON. */
import { vniWords } from '../guard/enforced.ts';
import { type EncryptedVni, vniKey } from '../guard/facts.ts';
import type { Rung } from '../guard/ladder.ts';
import type { Published } from '../guard/published.ts';
import { aheadOf, isSound, type Status } from '../guard/status.ts';
import { changeLines, changesJson } from './guard-report.ts';

const guardLines = (status: Status): readonly string[] => {
  const { guard, mode, generation, confirmed, pending, persistent } = status;
  if (guard === 'absent') return ['not guarded: there is no table inet dnfw here'];
  if (guard === 'unnamed') return ['not guarded: table inet dnfw is there, but no install of dnfw has made it'];
  const how = mode === 'observe' ? 'observed only: nothing is dropped' : 'guarded';
  const waits = pending
    ? `not confirmed: ${pending.previous === null ? 'taken away' : `generation ${pending.previous} comes back`} in ${pending.secondsLeft} s without dnfw confirm ${pending.id}`
    : confirmed
      ? 'confirmed'
      : 'never confirmed';
  return [`${how}: generation ${generation}, ${waits}`, persistent ? 'loaded at boot' : 'not loaded at boot (dnfw install --persist)']; // prettier-ignore
};

const driftLines = ({ drift, compared, guard }: Status): readonly string[] => {
  if (guard !== 'loaded') return [];
  if (!compared) return ['', 'not compared with what was installed: its record cannot be read'];
  if (drift.length === 0) return ['as it was installed'];
  return ['', 'changed since it was installed (- installed, + there now):', ...changeLines(drift).map((line) => `  ${line}`), 'dnfw install brings it back']; // prettier-ignore
};

const rungLine = (rung: Rung, widths: readonly [number, number]): string => {
  const { priority, family, table, chain, runs, policy, rules, owner, isTied } = rung;
  const place = `${family} ${table} ${chain}`;
  const tie = isTied ? '; shares its priority: which comes first is chance' : '';
  return `  ${String(priority).padStart(widths[0])}  ${place.padEnd(widths[1])}  ${owner} (${runs === 'nft' && owner !== 'dnfw' ? 'nft' : runs}, ${rules} ${rules === 1 ? 'rule' : 'rules'}, policy ${policy})${tie}`;
};

const ladderLines = (status: Status): readonly string[] => {
  const { ladder } = status;
  if (ladder.length === 0) return [];
  const widths = [
    Math.max(...ladder.map(({ priority }) => String(priority).length)),
    Math.max(...ladder.map(({ family, table, chain }) => `${family} ${table} ${chain}`.length)),
  ] as const;
  const ahead = aheadOf(status);
  const stops = ahead.filter(({ runs, rules, policy }) => runs !== 'nft' || rules > 0 || policy === 'drop');
  return [
    '',
    'input chains in the order in which packets meet them; a drop in any of them is final, an accept opens nothing:',
    ...ladder.map((rung) => rungLine(rung, widths)),
    ...(stops.length > 0 ? [`  ahead of the guard: ${stops.map(({ family, table, chain }) => `${family} ${table} ${chain}`).join(', ')}; what they drop the guard never sees`] : []), // prettier-ignore
  ];
};

const named = (head: string, list: readonly EncryptedVni[]): readonly string[] =>
  list.length === 0 ? [] : [`  ${head}: ${list.map(vniWords).join('; ')}`];

const unruledLines = ({ docker: { unruled, enforced } }: Status): readonly string[] => {
  const lacking = (what: 'drop' | 'mark'): readonly EncryptedVni[] => unruled.filter(({ lacks }) => lacks.includes(what)); // prettier-ignore
  const has = new Set(enforced.map(vniKey));
  const [held, open] = [true, false].map((is) => lacking('drop').filter((one) => has.has(vniKey(one)) === is));
  return [
    ...named("Docker's rule that drops clear packets is gone (restart the engine); the guard is alone in its place", held ?? []), // prettier-ignore
    ...named("Docker's rule that drops clear packets is gone (restart the engine), and nothing is in its place", open ?? []), // prettier-ignore
    ...named("Docker's rule that has packets encrypted is gone (restart the engine): what leaves this host may be clear", lacking('mark')), // prettier-ignore
  ];
};

const dockerLines = (status: Status): readonly string[] => {
  const { docker, guard, watchPersistent } = status;
  const { era, version, swarm, enforced, missing, stale } = docker;
  const engine = version === undefined ? 'the engine does not answer' : `Docker Engine ${version}${swarm === undefined ? '' : `, Swarm ${swarm}`}`; // prettier-ignore
  return [
    '',
    `Docker: ${engine}${era === undefined ? '' : `; its rules of encrypted networks are those of ${era}`}`,
    ...(guard === 'loaded' && enforced.length + missing.length === 0 ? ['  no encrypted networks'] : []),
    ...named('encrypted networks that the guard enforces', enforced),
    ...(guard === 'loaded' && enforced.length + missing.length > 0 && !watchPersistent ? ['  nothing keeps them in line when they change (dnfw watch --persist)'] : []), // prettier-ignore
    ...named(guard === 'loaded' ? 'missing in the guard (dnfw sync)' : 'encrypted networks, enforced by Docker alone', missing), // prettier-ignore
    ...named('stale in the guard: nobody says any more that they are encrypted (dnfw sync)', stale),
    ...unruledLines(status),
  ];
};

const exposures: Readonly<Record<Published['exposure'], string>> = {
  anyone: 'open to whoever reaches this host',
  'one address': 'open to whoever reaches that address',
  host: 'for this host alone',
};

const publishedLine = ({ protocol, port, address, to, exposure }: Published): string => {
  const on = address === undefined ? '' : `${address.includes(':') ? `[${address}]` : address}:`;
  return `  ${on}${port}/${protocol} → ${to}, ${exposures[exposure]}`;
};

const counterLines = ({ counters }: Status): readonly string[] => {
  const busy = counters.filter(({ packets }) => packets > 0);
  if (counters.length === 0) return [];
  if (busy.length === 0) return ['', 'no rule of the guard has met a packet yet'];
  const width = Math.max(...busy.map(({ packets }) => String(packets).length));
  return ['', 'packets that rules of the guard have met:', ...busy.map(({ chain, comment, packets, bytes }) => `  ${String(packets).padStart(width)}  ${chain}: ${comment === '' ? 'a rule' : comment} (${bytes} bytes)`)]; // prettier-ignore
};

export const statusLines = (status: Status): readonly string[] => [
  ...guardLines(status),
  ...driftLines(status),
  ...status.repairs.map((repair) => `records: ${repair}`),
  ...ladderLines(status),
  ...counterLines(status),
  ...dockerLines(status),
  ...(status.published.length === 0
    ? []
    : ['', 'not covered by any guard: published ports are forwarded and never meet the input hook:', ...status.published.map(publishedLine)]), // prettier-ignore
  ...(status.gaps.length === 0 ? [] : ['', ...status.gaps.map((gap) => `not read: ${gap}`)]),
];

export const statusJson = (status: Status): object => {
  const { pending, drift, generation, mode, ...rest } = status;
  return {
    sound: isSound(status),
    ...rest,
    mode: mode ?? null,
    generation: generation ?? null,
    pending: pending ?? null,
    drift: changesJson(drift),
    ahead: aheadOf(status).map(({ family, table, chain, priority }) => ({ family, table, chain, priority })),
  };
};
