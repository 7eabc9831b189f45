/** Every variant of a value in which one object has one property too many, or one key is misspelt. */
export const spoilt = (value: unknown): readonly unknown[] => {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => spoilt(item).map((bad) => value.with(index, bad)));
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  const withEntry = (at: number, key: string, own: unknown): unknown =>
    Object.fromEntries(entries.with(at, [key, own]));
  const misspelt = entries.map(([key, own], at) => withEntry(at, `${key}s`, own));
  const inside = entries.flatMap(([key, own], at) => spoilt(own).map((bad) => withEntry(at, key, bad)));
  return [{ ...value, bogus: 1 }, ...misspelt, ...inside];
};
