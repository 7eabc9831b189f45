/** Rules of encrypted overlays that different releases of Docker have written: the older ones are left over. */
import { commonVersions } from '../../docker/recognise.ts';
import { compareVersions, inBoth, isAfter, isAmong, type VersionRange, versionWords } from '../../docker/versions.ts'; // prettier-ignore
import { families, type Family } from '../../netfilter/family.ts';
import type { FindingRule } from '../contract.ts';
import { insertingDrop, nativeEvidence } from '../encryption/commands.ts';
import { stillUsed } from '../encryption/networks.ts';
import type { Fix, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceOf, type HostRule } from '../host-rules.ts';
import { type Overlay, rulesOf, vniWords } from '../overlays.ts';
import { countOf, familyWords, listed } from '../words.ts';

const shown = 12;

const versionsOf = ({ docker }: HostRule): readonly VersionRange[] => docker?.versions ?? [];

/** The range that begins last: that of the youngest release. */
const youngest = (rules: readonly HostRule[]): readonly VersionRange[] =>
  rules.reduce<readonly VersionRange[]>((best, rule) => {
    const starts = (ranges: readonly VersionRange[]): string => ranges.at(-1)?.from ?? '0';
    const versions = versionsOf(rule);
    const order = compareVersions(starts(versions), starts(best)) ?? 0;
    if (versions.length === 0 || order < 0) return best;
    return order > 0 || best.length === 0 ? versions : (inBoth(best, versions).length > 0 ? inBoth(best, versions) : best); // prettier-ignore
  }, []);

interface Split {
  readonly left: readonly HostRule[];
  /** Whose rules the others are, in words. */
  readonly current: string;
}

/** Which rules an older release has left, or undefined if nobody can tell or there are none. */
const split = (host: AuditHost, rules: readonly HostRule[], isNative: boolean): Split | undefined => {
  if (isNative) return { left: rules, current: "the engine's own table docker-overlay" };
  const { version } = host;
  const common = commonVersions(rules.flatMap(({ docker }) => docker ?? []));
  const isSure = version !== undefined && isAmong(version, [{}]) === true;
  if (isSure) {
    const left = rules.filter((rule) => versionsOf(rule).length > 0 && isAfter(version, versionsOf(rule)) === true);
    if (left.length > 0) return { left, current: `Docker ${version}, which the engine says it is` };
  }
  if (common.length > 0) return undefined;
  const now = youngest(rules);
  const left = rules.filter((rule) => versionsOf(rule).length > 0 && inBoth(versionsOf(rule), now).length === 0);
  return left.length === 0 || left.length === rules.length
    ? undefined
    : { left, current: `Docker ${versionWords(now)}, by the youngest of the rules` };
};

/** Enforcement first, then what is left over, a DROP before the ACCEPT that it needs above it. */
const fixesOf = (host: AuditHost, overlays: readonly Overlay[], left: ReadonlySet<HostRule>): readonly Fix[] => {
  const isBare = (overlay: Overlay): boolean =>
    [...overlay.drops, ...overlay.dropsAny].some((rule) => left.has(rule)) &&
    overlay.nativeDrops.length === 0 &&
    overlay.drops.every((rule) => left.has(rule));
  const isUnmarked = (overlay: Overlay): boolean =>
    overlay.marks.length > 0 && overlay.marks.every((rule) => left.has(rule)) && overlay.nativeMarks.length === 0;
  const bare = overlays.filter((overlay) => isBare(overlay) && stillUsed(host, overlay));
  const removable = overlays.flatMap((overlay) => [
    ...overlay.dropsAny,
    ...overlay.drops,
    ...overlay.accepts,
    ...(isUnmarked(overlay) && stillUsed(host, overlay) ? [] : overlay.marks),
  ]);
  return [
    ...(bare.length > 0
      ? [{ what: 'first put a DROP of the present form where only an old one enforces the network', commands: bare.map((overlay) => insertingDrop(host, overlay)) }] // prettier-ignore
      : []),
    {
      what: 'take away what is left over',
      commands: removable.filter((rule) => left.has(rule)).slice(0, 2 * shown).map(deleting), // prettier-ignore
    },
  ].filter(({ commands }) => commands.length > 0);
};

const inFamily = (host: AuditHost, family: Family): readonly Found[] => {
  const overlays = host.overlays().filter((one) => one.family === family);
  const rules = overlays.flatMap(rulesOf);
  const native = [...new Set(overlays.flatMap(({ nativeDrops, nativeMarks }) => [...nativeDrops, ...nativeMarks]))];
  if (rules.length === 0) return [];
  const found = split(host, rules, native.length > 0);
  if (!found) return [];
  const left = new Set(found.left);
  const vnis = overlays.filter((overlay) => rulesOf(overlay).some((rule) => left.has(rule))).map(({ vni }) => vniWords(vni)); // prettier-ignore
  const eras = [...new Set(found.left.map((rule) => versionWords(versionsOf(rule))))];
  const isRisky = overlays.some(({ dropsAny }) => dropsAny.some((rule) => left.has(rule)));
  return [
    {
      subject: familyWords[family],
      severity: isRisky ? 'medium' : 'low',
      what: `${left.size} of ${countOf(rules.length, 'rule')} of encrypted overlays (VNI ${listed(vnis)}) are in a form that only other releases write (${listed(eras.map((era) => (era === 'no version' ? 'none that is known' : era)))}); the present ones are those of ${found.current}.`,
      means: isRisky
        ? 'Docker does not take rules of older releases away. The old DROP also drops what was decrypted unless the ACCEPT stands above it: whoever deletes that ACCEPT, or inserts the DROP again, cuts the network off.'
        : 'Docker does not take rules of older releases away. They do no harm where they stand, but nobody keeps them, and whoever counts them takes them for enforcement that is cared for.',
      evidence: [
        ...found.left.slice(0, shown).map((rule) => evidenceOf(rule, 'left over')),
        ...rules.filter((rule) => !left.has(rule)).slice(0, 3).map((rule) => evidenceOf(rule, 'of the present release')), // prettier-ignore
        ...native.slice(0, 2).map((rule) => nativeEvidence(rule, 'of the present release')),
      ],
      fix: fixesOf(host, overlays, left),
    },
  ].filter(({ fix }) => fix.length > 0) as readonly Found[];
};

export const overlayMixedEras: FindingRule = {
  code: 'overlay-mixed-eras',
  severity: 'low',
  job: 'encryption',
  title: 'Rules of encrypted overlays are left over from another release of Docker',
  about:
    "Each release of Docker knows only its own form of these rules: 24.0 and later do not delete u32 rules, 25.0 and later leave the ACCEPT of earlier ones, and the first era's DROP without a policy stays beside the DROP of 20.10.24, 23.0.3 and later. Rules that no common release writes are told apart by the version of the engine, or by the youngest of them where the engine was not asked.",
  silent:
    'One release writes all of the rules. Rules of a later release than the engine says it is are no leftovers: distributions write them under older numbers.',
  references: ['moby#45281', 'moby#45343', 'moby#45280'],
  needs: [],
  find: (host) => families.flatMap((family) => inFamily(host, family)),
};
