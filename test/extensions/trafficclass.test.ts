// Every mask of the type of service byte against every byte, as net/netfilter/xt_dscp.c tos_mt compares them.
import { describe, expect, it } from 'vitest';
import { trafficClassTest } from '../../src/extensions/trafficclass.ts';
import type { Family } from '../../src/netfilter/family.ts';
import type { Formula } from '../../src/nftables/formula.ts';
import type { Expression } from '../../src/nftables/types.ts';

const ecnNames = ['not-ect', 'ect1', 'ect0', 'ce'];

/** The first two bytes of a header with that type of service. */
const header = (byte: number, family: Family): number => (family === 'ip' ? 0x4500 | byte : 0x6000 | (byte << 4) | 0x5);

const load = (left: Expression, byte: number, family: Family): number => {
  if (typeof left !== 'object') throw new Error('no load');
  if ('&' in left) return load(left['&'][0], byte, family) & Number(left['&'][1]);
  if (!('payload' in left)) throw new Error('no payload');
  if ('field' in left.payload) return left.payload.field === 'dscp' ? byte >> 2 : byte & 3;
  const { offset, len } = left.payload;
  if (offset % 8 !== 0 || len % 8 !== 0) throw new Error('not at byte bounds');
  return (header(byte, family) >> (16 - offset - len)) & ((1 << len) - 1);
};

const holds = (formula: Formula, byte: number, family: Family): boolean => {
  if (formula.kind === 'all') return formula.of.every((part) => holds(part, byte, family));
  if (formula.kind === 'any') return formula.of.some((part) => holds(part, byte, family));
  if (formula.kind !== 'test') throw new Error(formula.kind);
  const { left, op, right } = formula.statement.match;
  const wanted = typeof right === 'string' ? ecnNames.indexOf(right) : right;
  return (load(left, byte, family) === wanted) === (op === '==');
};

/** nft 1.1 lists a raw load under a mask with holes as other bits: no part may have one. */
const hasHoles = (formula: Formula): boolean => {
  if (formula.kind === 'all' || formula.kind === 'any') return formula.of.some(hasHoles);
  const left = formula.kind === 'test' ? formula.statement.match.left : 0;
  const mask = typeof left === 'object' && '&' in left ? Number(left['&'][1]) : 1;
  return !/^0*1+0*$/.test(mask.toString(2));
};

describe.each(['ip', 'ip6'] as const)('the type of service in %s', (family) => {
  it.each([false, true])('under every mask, inverted: %s', (inverted) => {
    const wrong: unknown[] = [];
    for (let mask = 1; mask < 256; mask++)
      for (const value of new Set([mask, 0, mask & 0x5a])) {
        const formula = trafficClassTest(value, mask, inverted, family);
        if (hasHoles(formula)) wrong.push({ mask, value });
        for (let byte = 0; byte < 256; byte++)
          if (holds(formula, byte, family) !== (((byte & mask) === value) !== inverted))
            wrong.push({ mask, value, byte });
      }
    expect(wrong).toEqual([]);
  });
});
