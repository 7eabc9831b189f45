// Which hosts are taken for nodes of one Swarm, and what is said about how that is known.
import { expect, it } from 'vitest';
import { swarmsOf } from '../../../src/audit/fleet/swarms.ts';
import { type Node, summaryOfNode } from './nodes.ts';

const swarms = (nodes: readonly Node[]): readonly (readonly [string, readonly string[]])[] =>
  swarmsOf(nodes.map(summaryOfNode)).map(({ known, hosts }) => [known, hosts.map(({ name }) => name)]);

const manager = { name: 'm', version: '28.5.2', cluster: 'c1', own: '192.0.2.1' };

it('goes by the cluster, and by addresses for workers', () => {
  const worker = { name: 'w', version: '28.5.2', own: '192.0.2.2', peers: ['192.0.2.1'] };
  const other = { name: 'o', version: '28.5.2', cluster: 'c1', own: '192.0.2.3' };
  expect(swarms([manager, worker, other])).toEqual([['cluster', ['m', 'w', 'o']]]);
});

it('keeps two clusters apart, whatever addresses say', () => {
  const other = { name: 'o', version: '28.5.2', cluster: 'c2', own: '192.0.2.9', peers: ['192.0.2.1'] };
  expect(swarms([manager, other])).toEqual([]);
});

it('does not go by an address that two hosts have', () => {
  const twin = { name: 't', version: '28.5.2', cluster: 'c2', own: '192.0.2.1' };
  const worker = { name: 'w', version: '28.5.2', own: '192.0.2.2', peers: ['192.0.2.1'] };
  expect(swarms([manager, twin, worker])).toEqual([]);
});

it('takes bare rules about the same network for one Swarm, and says that it is supposed', () => {
  expect(swarms([{ name: 'a' }, { name: 'b' }, { name: 'c', vnis: [4200] }])).toEqual([['supposed', ['a', 'b']]]);
});

it('does not suppose anything of hosts whose engine was asked', () => {
  expect(swarms([{ name: 'a' }, manager])).toEqual([]);
});
