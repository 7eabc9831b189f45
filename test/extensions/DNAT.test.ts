// A port shift becomes a map; nf_nat_l4proto_unique_tuple says what it has to hold.
import { describe, expect, it } from 'vitest';
import type { RuleContext } from '../../src/extensions/contract.ts';
import { DNAT } from '../../src/extensions/targets/DNAT.ts';
import type { PortRange } from '../../src/extensions/ports.ts';
import type { Expression, Statement } from '../../src/nftables/types.ts';

const context = (destinationPorts: PortRange | undefined): RuleContext => ({
  family: 'ip',
  table: 'nat',
  nftTable: 'nat',
  chain: 'PREROUTING',
  hooks: new Set(['prerouting']),
  backend: 'nft',
  exactLegacy: false,
  selector: { protocol: { number: 6, inverted: false } },
  fragmentsVisible: false,
  readsTransport: true,
  destinationPorts,
});

const portOf = (statements: readonly Statement[]): Expression | undefined => {
  const [statement] = statements;
  return statement && 'dnat' in statement ? statement.dnat.port : undefined;
};

const shift = (
  low: number,
  high: number,
  base: number,
  from: PortRange | undefined,
): Expression | string | undefined => {
  const value = { ports: { low, high, base } };
  const result = DNAT.translate(
    { name: 'DNAT', info: { to: { value, inverted: false, column: 1 } }, column: 1 },
    context(from),
  );
  return result.kind === 'refused' ? result.code : portOf(result.statements);
};

describe('a port shift', () => {
  it('maps each port of the rule to where the kernel counts it', () => {
    const port = shift(300, 302, 65000, { low: 64998, high: 65003 });
    const set = [64998, 64999, 65000, 65001, 65002, 65003].map((from) => [from, 300 + (((from - 65000) & 0xffff) % 3)]);
    expect(port).toMatchObject({ map: { data: { set } } });
  });
  it('is a constant for a single port', () => {
    expect(shift(300, 400, 10, { low: 15, high: 15 })).toBe(305);
  });
  it('is refused where the rule does not name its ports, or too many', () => {
    expect(shift(300, 400, 10, undefined)).toBe('not-expressible');
    expect(shift(300, 400, 10, { low: 0, high: 1024 })).toBe('too-many-rules');
    expect(shift(300, 400, 10, { low: 1, high: 1024 })).toMatchObject({ map: {} });
  });
});
