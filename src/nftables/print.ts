/** The JSON form of a ruleset, as `nft -j -f` reads it: one command a line, so that a difference is a line too. */
import type { Command, Document } from './types.ts';

const chunkLength = 65_536;

/** Joins pieces to chunks of about 64 KiB, so that writing 100,000 rules takes few writes and no giant string. */
export const joinChunks = (pieces: Iterable<string>): readonly string[] => {
  const chunks: string[] = [];
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece;
    if (chunk.length >= chunkLength) {
      chunks.push(chunk);
      chunk = '';
    }
  }
  if (chunk !== '') chunks.push(chunk);
  return chunks;
};

const pieces = function* (commands: Iterable<Command>): Generator<string> {
  let before = '{"nftables": [\n';
  for (const command of commands) {
    yield before + JSON.stringify(command);
    before = ',\n';
  }
  yield before === ',\n' ? '\n]}\n' : `${before}]}\n`;
};

/** The document of these commands, in chunks to be written one after the other. */
export const printJson = (commands: Iterable<Command>): readonly string[] => joinChunks(pieces(commands));

export const printDocument = (document: Document): string => printJson(document.nftables).join('');
