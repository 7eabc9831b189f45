/** Ranges of Docker Engine versions: which releases program a form of a rule. */

/** Both ends belong to it; an end that is missing is open. */
export interface VersionRange {
  readonly from?: string;
  readonly to?: string;
}

export const from = (version: string): readonly VersionRange[] => [{ from: version }];
export const until = (version: string): readonly VersionRange[] => [{ to: version }];
export const between = (first: string, last: string): readonly VersionRange[] => [{ from: first, to: last }];
/** The form has not changed in any release. */
export const everyVersion: readonly VersionRange[] = [{}];

/** `20.10.24` as numbers. `27` as an upper end means all of 27, which `open` fills in. */
const numbers = (version: string, open: number): readonly number[] => {
  const parts = version.split('.').map(Number);
  return [0, 1, 2].map((i) => parts[i] ?? open);
};

const compare = (a: readonly number[], b: readonly number[]): number => {
  const i = a.findIndex((one, at) => one !== b[at]);
  return i < 0 ? 0 : (a[i] as number) - (b[i] as number);
};

const lowest = ({ from: version }: VersionRange): readonly number[] => numbers(version ?? '0', 0);
const highest = ({ to }: VersionRange): readonly number[] => numbers(to ?? 'Infinity', Infinity);

const overlap = (a: VersionRange, b: VersionRange): VersionRange | undefined => {
  const low = compare(lowest(a), lowest(b)) >= 0 ? a : b;
  const high = compare(highest(a), highest(b)) <= 0 ? a : b;
  if (compare(lowest(low), highest(high)) > 0) return undefined;
  return {
    ...(low.from === undefined ? {} : { from: low.from }),
    ...(high.to === undefined ? {} : { to: high.to }),
  };
};

/** The versions that are in both; none if the two never went together. */
export const inBoth = (a: readonly VersionRange[], b: readonly VersionRange[]): readonly VersionRange[] =>
  a.flatMap((one) => b.flatMap((other) => overlap(one, other) ?? []));

const rangeWords = ({ from: first, to: last }: VersionRange): string => {
  if (first === undefined) return last === undefined ? 'every version' : `up to ${last}`;
  if (last === undefined) return `${first} and later`;
  return first === last ? first : `${first} to ${last}`;
};

/** `20.10.24 to 20.10.27, 23.0.3 to 23.0.18`. */
export const versionWords = (ranges: readonly VersionRange[]): string =>
  ranges.length === 0 ? 'no version' : ranges.map(rangeWords).join(', ');

/** `20.10.24+dfsg1` as numbers; undefined for what is no version (`dev`). */
const readVersion = (version: string): readonly number[] | undefined => {
  const found = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version.trim());
  return found ? [1, 2, 3].map((i) => Number(found[i] ?? 0)) : undefined;
};

/** Negative, 0 or positive, as `sort` wants it; undefined if one of them is no version. */
export const compareVersions = (a: string, b: string): number | undefined => {
  const [left, right] = [readVersion(a), readVersion(b)];
  return left && right && compare(left, right);
};

/** Whether a release is one of these; undefined if it is no version. */
export const isAmong = (version: string, ranges: readonly VersionRange[]): boolean | undefined => {
  const numbered = readVersion(version);
  return (
    numbered && ranges.some((range) => compare(numbered, lowest(range)) >= 0 && compare(numbered, highest(range)) <= 0)
  );
};

/** A build of a distribution (`20.10.24+dfsg1`, `24.0.7-0ubuntu2`) may have fixes that its number does not tell of. */
export const isDistributions = (version: string): boolean =>
  /^v?\d+(?:\.\d+)*(?:[+~]|-(?!(?:rc|beta|alpha|ce|ee)\b))/.test(version.trim());

/** Whether all of these releases are among those. */
export const areAllAmong = (ranges: readonly VersionRange[], those: readonly VersionRange[]): boolean =>
  ranges.length > 0 &&
  ranges.every((range) =>
    those.some((other) => compare(lowest(range), lowest(other)) >= 0 && compare(highest(range), highest(other)) <= 0),
  );

/** Whether a release is younger than all of these; undefined if it is no version. */
export const isAfter = (version: string, ranges: readonly VersionRange[]): boolean | undefined => {
  const numbered = readVersion(version);
  return numbered && ranges.every((range) => compare(numbered, highest(range)) > 0);
};
