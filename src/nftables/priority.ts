/** Priorities of base chains by name, nft(8) "Standard priority names". */
import type { Json } from './json.ts';
import type { TableFamily } from './ruleset.ts';

const usual: Readonly<Record<string, number>> = {
  raw: -300,
  mangle: -150,
  dstnat: -100,
  filter: 0,
  security: 50,
  srcnat: 100,
};
const bridge: Readonly<Record<string, number>> = { dstnat: -300, filter: -200, out: 100, srcnat: 300 };

/** A number, a name, or a name with an offset (`mangle + 10`); undefined for anything else. */
export const readPriority = (value: Json | undefined, family: TableFamily): number | undefined => {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const found = /^\s*(?:([a-z]+)\s*(?:([-+])\s*(\d{1,10}))?|(-?\d{1,10}))\s*$/.exec(value);
  if (!found) return undefined;
  const [, name, sign, offset = '0', number] = found;
  if (number !== undefined) return Number(number);
  const names = family === 'bridge' ? bridge : usual;
  const base = name !== undefined && Object.hasOwn(names, name) ? names[name] : undefined;
  return base === undefined ? undefined : base + (sign === '-' ? -1 : 1) * Number(offset);
};
