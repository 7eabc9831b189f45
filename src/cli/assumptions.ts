/** Assumptions by the names that the command line gives them. */
import { type Assumption, assumptions } from '../packet/assumption.ts';

export const isAssumption = (name: string): name is Assumption => Object.hasOwn(assumptions, name);

export const every: ReadonlySet<Assumption> = new Set(Object.keys(assumptions).filter(isAssumption));
