// Rules of every kind against packets of every kind. The marks are those that Linux 6.18 gave the packets, recorded
// from nft 1.0.6 in a namespace without connection tracking: each rule that matches sets a bit of its own.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Family } from '../../src/netfilter/family.ts';
import { readNftables } from '../../src/nftables/read.ts';
import type { KeyValue } from '../../src/packet/packet.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { bytesOf, fateOf, markOf } from './nft-program.ts';

interface Batch {
  readonly family: Family;
  readonly ruleset: object;
  readonly packets: readonly (readonly [hex: string, mark: number])[];
}

// Every line is a Batch, as it was written by the recorder.
const batches = readFileSync('test/data/nft-verdicts.jsonl', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Batch);

/** What the kernel knew of each of the packets: it came in by a device, which is not loopback, and has a route back. */
const keys: Readonly<Record<string, KeyValue>> = {
  iifname: 'vb',
  iif: 2,
  iiftype: 1,
  oiftype: null,
  cgroup: null,
  'ct.state': 64,
  'ct.status': null,
  'ct.mark': null,
  'fib.daddr.type': 2,
  'fib.saddr.type': 1,
  'fib.saddr.iif.exists': 1,
};

describe('the program of a ruleset', () => {
  it.each(batches.map((batch, index) => [index, batch] as const))(
    'gives the marks of the kernel, batch %i',
    (_, batch) => {
      const { value, diagnostics } = readNftables('batch.json', JSON.stringify(batch.ruleset));
      expect(diagnostics).toEqual([]);
      const program = nftProgram(value, batch.family);
      const link = bytesOf(`0200000000b00200000000b1${batch.family === 'ip' ? '0800' : '86dd'}`);
      const wrong = batch.packets.flatMap(([hex, mark]) => {
        const fate = fateOf(program, bytesOf(hex), keys, link);
        return fate.open > 0 || markOf(fate) !== mark ? [`${hex}: ${markOf(fate)} and not ${mark}`] : [];
      });
      expect(wrong).toEqual([]);
      expect(batch.packets.length).toBeGreaterThan(20);
    },
  );
});
