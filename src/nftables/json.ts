/** JSON as it comes from outside: nothing is known of its shape. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !isList(value);

/** A property of its own: `constructor` and its like are no properties of a document. */
export const property = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

export const text = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

export const textOf = (value: Json | undefined, name: string): string | undefined => text(property(value, name));

/** A whole number, also as a hexadecimal string: what nft prints, and readArray keeps, where a double has no room. */
export const whole = (value: Json | undefined): bigint | undefined => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && /^(?:0x[0-9a-fA-F]+|\d+)$/.test(value) ? BigInt(value) : undefined;
};

/** A whole number that fits in a double. */
export const count = (value: Json | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;

/** A list, or one thing in place of a list of one. */
export const listOf = (value: Json | undefined): readonly Json[] =>
  value === undefined || value === null ? [] : isList(value) ? value : [value];

/** The only property of an object: how libnftables-json(5) writes every statement, expression and command. */
export const single = (value: Json | undefined): readonly [name: string, value: Json] | undefined => {
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value);
  return entries.length === 1 ? entries[0] : undefined;
};
