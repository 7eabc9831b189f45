/**
 * Documents that undo: they are no new rules but what the kernel had listed, so they are put together from the listing
 * and not by the constructors of nft JSON.
 */
import { isObject, type Json, property, textOf } from '../nftables/json.ts';
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

/** As `restoring` does, an earlier document, with what its external sets hold now: others fill those. */
export const restoringWith = (document: Json, listing: Json | undefined, external: ReadonlySet<string>): string => {
  const live = new Map(
    (listing === undefined ? [] : objectsOf(listing))
      .filter(({ kind }) => kind === 'set')
      .map(({ value }) => [textOf(value, 'name'), value] as const),
  );
  const filled = objectsOf(document).map(({ kind, value }): Json => {
    const name = textOf(value, 'name') ?? '';
    const now = kind === 'set' && external.has(name) ? live.get(name) : undefined;
    if (now === undefined) return { [kind]: value };
    const { elem: _, ...rest } = value;
    const elem = property(now, 'elem');
    return { set: elem === undefined ? rest : { ...rest, elem } };
  });
  return restoring({ nftables: filled });
};

/** The table of an anonymous undo: nothing, or the guard that is listed. */
export const undoing = (listing: Json | undefined): string => (isObject(listing) ? restoring(listing) : deletion);
