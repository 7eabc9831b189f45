// NETMAP does one thing in two of its hooks and another in the other two; nft has a statement for each.
import { describe, expect, it } from 'vitest';
import type { RuleContext } from '../../src/extensions/contract.ts';
import { NETMAP } from '../../src/extensions/targets/NETMAP.ts';
import type { Hook } from '../../src/netfilter/hooks.ts';

const context = (hooks: readonly Hook[]): RuleContext => ({
  family: 'ip',
  table: 'nat',
  nftTable: 'nat',
  chain: 'own',
  hooks: new Set(hooks),
  backend: 'nft',
  exactLegacy: false,
  selector: {},
  fragmentsVisible: false,
  readsTransport: false,
  destinationPorts: undefined,
});

const translated = (hooks: readonly Hook[]): string => {
  const to = { value: { address: 0x0a000000n, mask: 0xffffff00n }, inverted: false, column: 1 };
  const result = NETMAP.translate({ name: 'NETMAP', info: { to }, column: 1 }, context(hooks));
  return result.kind === 'refused' ? result.code : Object.keys(result.statements[0] ?? {}).join(' ');
};

describe('NETMAP', () => {
  it.each([
    [['prerouting'], 'dnat'],
    [['output', 'prerouting'], 'dnat'],
    [['input'], 'snat'],
    [['input', 'postrouting'], 'snat'],
    [[], 'dnat'],
    [['prerouting', 'postrouting'], 'not-expressible'],
    [['input', 'output'], 'not-expressible'],
  ] as const)('reached from %j becomes %s', (hooks, wanted) => {
    expect(translated(hooks)).toBe(wanted);
  });
});
