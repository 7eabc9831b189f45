/** Chains of a program's table that a base chain leads to, with itself. */
import type { ProgramChain, ProgramTable } from '../packet/program.ts';
import { calleesOf } from '../simulate/instances.ts';

export const callsIn = ({ chains }: ProgramTable, from: ProgramChain): readonly ProgramChain[] => {
  const seen = new Set<ProgramChain>();
  const open = [from];
  for (let at = open.pop(); at; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    for (const name of calleesOf(at)) {
      const callee = chains.get(name);
      if (callee) open.push(callee);
    }
  }
  return [...seen];
};
