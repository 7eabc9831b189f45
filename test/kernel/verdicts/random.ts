// Seeded random choices: the same seed gives the same packets.
export interface Random {
  /** 0 to below `bound`. */
  readonly below: (bound: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
  readonly bytes: (length: number) => Uint8Array;
  readonly word: () => number;
}

/** Tommy Ettinger's mulberry32, public domain: 32 bits of state are enough for tests. */
export const randomFrom = (seed: number): Random => {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (bound: number): number => Math.floor((word() / 0x1_0000_0000) * bound);
  return {
    below,
    word,
    chance: (probability) => word() / 0x1_0000_0000 < probability,
    pick: (from) => {
      const chosen = from[below(from.length)];
      if (chosen === undefined) throw new Error('nothing to choose from');
      return chosen;
    },
    bytes: (length) => Uint8Array.from({ length }, () => word() & 255),
  };
};
