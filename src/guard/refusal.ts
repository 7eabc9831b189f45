/** nft says why it refuses a document of JSON, but not which of its commands it means: that is found by trying. */
import { printDocument } from '../nftables/print.ts';
import { remove, writeNew } from './disk.ts';
import type { Engine } from './engine.ts';
import { GuardError } from './failure.ts';
import { NftError } from './nft-command.ts';
import { refusedFile } from './paths.ts';
import type { GuardDocument } from './proposal.ts';
import { placeText } from './ruleset-writer.ts';

/** The index of the first command without which nft would have taken what stands before it; undefined if it takes all. */
const firstRefused = async ({ nft, paths }: Engine, { commands }: GuardDocument): Promise<number | undefined> => {
  const file = refusedFile(paths);
  const takes = async (count: number): Promise<boolean> => {
    writeNew(file, printDocument({ nftables: commands.slice(0, count) }));
    try {
      await nft.checkFile(file);
      return true;
    } catch (error) {
      if (error instanceof NftError) return false;
      throw error;
    }
  };
  try {
    if (await takes(commands.length)) return undefined;
    let [good, bad] = [0, commands.length];
    while (bad - good > 1) {
      const middle = Math.floor((good + bad) / 2);
      if (await takes(middle)) good = middle;
      else bad = middle;
    }
    return bad - 1;
  } finally {
    remove(file);
  }
};

/** What to tell the operator: nft's own words, the command, and the line of the policy that it comes from. */
export const explained = async (engine: Engine, document: GuardDocument, error: NftError): Promise<GuardError> => {
  const index = await firstRefused(engine, document).catch(() => undefined);
  const place = index === undefined ? undefined : document.places.get(index);
  const where = index === undefined ? '' : ` at command ${index}${place ? `, from ${placeText(place)}` : ''}`;
  return new GuardError(
    'refused',
    'nft-refused',
    `nft refused the guard${where}: ${error.words}`,
    'nothing was changed; see whether nft and the kernel are of the same system',
  );
};
