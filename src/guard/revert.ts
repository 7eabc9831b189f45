/**
 * Documents that undo: they are no new rules but what the kernel had listed, so they are put together from the listing
 * and not by the constructors of nft JSON.
 */
import { isObject, type Json } from '../nftables/json.ts';
import { objectsOf } from './loaded.ts';

const table: Json = { table: { family: 'inet', name: 'dnfw' } };

const print = (commands: readonly Json[]): string =>
  `{"nftables": [\n${commands.map((command) => JSON.stringify(command)).join(',\n')}\n]}\n`;

/** Deletes the guard; adding it first makes it no error if it is not there. */
export const deletion: string = print([{ add: table }, { delete: table }]);

/** Makes the guard again as it was listed: with the figures of its counters and the elements that others put into its sets. */
export const restoring = (listing: Json): string => {
  const objects = objectsOf(listing).map(({ kind, value }): Json => {
    const { handle: _, ...rest } = value;
    return { add: { [kind]: rest } };
  });
  return print([{ add: table }, { delete: table }, ...objects]);
};

/** The table of an anonymous undo: nothing, or the guard that is listed. */
export const undoing = (listing: Json | undefined): string =>
  isObject(listing) ? restoring(listing) : deletion;
