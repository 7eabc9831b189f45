/** How xt_dccp.c looks for an option: behind a header whose length depends on the packet type (RFC 4340, 5). */
import { type Condition, not } from '../packet/condition.ts';
import { programCondition, type Reading, transportStart } from './meaning.ts';

const fixedLength = 12;
/** Bytes that each packet type adds; the types without a name count as resets. */
const added: readonly number[] = [4, 12, 0, 8, 8, 8, 8, 12, 8, 8];
const addedByReset = 12;

/** `broken`: the data offset lies within the header, or options beyond the packet; the packet is dropped. */
type Result = boolean | 'broken';

const find = (kind: number, bytes: Uint8Array, start: number): Result => {
  const typeByte = bytes[start + 8] ?? 0;
  const extended = (typeByte & 1) === 1 ? 4 : 0;
  const header = fixedLength + extended + (added[(typeByte >> 1) & 15] ?? addedByReset);
  const offset = (bytes[start + 4] ?? 0) * 4;
  if (offset < header) return 'broken';
  if (offset === header) return false;
  const end = start + offset;
  if (end > bytes.length) return 'broken';
  for (let at = start + header; at < end;) {
    if (bytes[at] === kind) return true;
    at += (bytes[at] ?? 0) < 2 ? 1 : (bytes[at + 1] ?? 0) || 1;
  }
  return false;
};

/** Whether the header has the option. No condition says the same: nothing else asks for options of DCCP. */
export const hasDccpOption = (kind: number, inverted: boolean, context: Reading): Condition => {
  const found = programCondition(
    `dccp option ${kind}`,
    (bytes) => find(kind, bytes, transportStart(context, bytes)) === true,
    undefined,
  );
  return inverted ? not(found) : found;
};

export const brokenDccpOptions = (kind: number, context: Reading): Condition =>
  programCondition(
    'dccp options broken',
    (bytes) => find(kind, bytes, transportStart(context, bytes)) === 'broken',
    undefined,
  );
