// Bare rules: what is known of them, and what is not claimed.
import { describe, expect, it } from 'vitest';
import { bareSource } from '../../src/audit/bare.ts';
import { programFor } from '../../src/audit/host-rules.ts';
import type { Input } from '../../src/iptables/parse.ts';
import type { RulesetFlags } from '../../src/simulate/rulesets.ts';

const listing: Input = { name: 'host.iptables-S', text: '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -s 192.0.2.1/32 -j DROP\n' }; // prettier-ignore
const listed: Input = {
  name: 'host.nft.json',
  text: JSON.stringify({
    nftables: [
      { table: { family: 'ip', name: 'filter' } },
      ...['INPUT', 'FORWARD', 'OUTPUT'].map((name) => ({ chain: { family: 'ip', table: 'filter', name, type: 'filter', hook: name.toLowerCase(), prio: 0, policy: 'accept' } })), // prettier-ignore
      { rule: { family: 'ip', table: 'filter', chain: 'INPUT', expr: [{ drop: null }] } },
    ],
  }),
};

const programs = (inputs: readonly Input[], flags: RulesetFlags = {}): readonly string[] =>
  bareSource(inputs, { table: 'filter', ...flags }).value?.host.iptables.tables.map(programFor) ?? [];

describe('the backend of a listing', () => {
  it('is not known: commands that change rules name neither', () => {
    expect(programs([listing])).toEqual(['iptables']);
  });

  it('is known where somebody says it, or nft lists the same table', () => {
    expect(programs([listing], { backend: 'legacy' })).toEqual(['iptables-legacy']);
    expect(programs([listing], { backend: 'nft' })).toEqual(['iptables-nft']);
    expect(programs([listing, listed])).toEqual(['iptables-nft']);
  });
});
