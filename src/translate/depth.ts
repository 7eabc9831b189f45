/** nft follows at most 15 nested jumps below a base chain (measured: the 16th is refused with EMLINK). */
const deepest = 15;

export interface Edge {
  readonly from: string;
  readonly to: string;
  /** The input rule that the edge was made for. */
  readonly owner: number;
}

/**
 * The input rules that would jump too deep. `bases` are the chains that the kernel enters itself; the jumps form no
 * circle.
 */
export const tooDeep = (bases: readonly string[], edges: readonly Edge[]): ReadonlySet<number> => {
  const out = new Map<string, Edge[]>();
  for (const edge of edges) {
    const list = out.get(edge.from);
    if (list) list.push(edge);
    else out.set(edge.from, [edge]);
  }
  const level = new Map<string, number>();
  const wrong = new Set<number>();
  // Longest paths by relaxation; a level beyond the limit is not followed, which bounds the work.
  const open = [...bases];
  for (const base of bases) level.set(base, 0);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const here = level.get(name) ?? 0;
    for (const edge of out.get(name) ?? []) {
      if (here >= deepest) {
        wrong.add(edge.owner);
        continue;
      }
      if ((level.get(edge.to) ?? -1) >= here + 1) continue;
      level.set(edge.to, here + 1);
      open.push(edge.to);
    }
  }
  return wrong;
};
