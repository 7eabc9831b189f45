// Between the base chains of a hook the kernel works on packets itself: a chain moved past that is another one.
import { describe, expect, it } from 'vitest';
import type { Program } from '../../src/packet/program.ts';
import { check } from '../../src/prove/check.ts';
import { nft, nftTable } from '../simulate/scenario.ts';

const match = (left: unknown, right: unknown, op = '=='): unknown => ({ match: { op, left, right } });
const state = match({ ct: { key: 'state' } }, 'new', 'in');
const destination = match({ payload: { protocol: 'ip', field: 'daddr' } }, '10.0.0.2');
const device = match({ meta: { key: 'iifname' } }, 'eth0');
const outDevice = match({ meta: { key: 'oifname' } }, 'eth0');

const at = (hook: string, priority: number, ...tests: readonly unknown[]): Program =>
  nft(nftTable({ one: { base: ['filter', hook, priority], rules: [[...tests, { drop: null }]] } }));

const verdict = (a: Program, b: Program): string => check([[a, b]], { assume: new Set() }).verdict;

describe('a base chain of another priority', () => {
  it('is no other one where nothing lies between', () => {
    expect(verdict(at('prerouting', -150, state), at('prerouting', -140, state))).toBe('proven');
    expect(verdict(at('forward', -300, state, destination), at('forward', 300, state, destination))).toBe('proven');
  });

  it('cannot ask for a connection before that is looked up', () => {
    for (const hook of ['prerouting', 'output'])
      expect(verdict(at(hook, -150, state), at(hook, -250, state))).toBe('unknown');
    expect(
      check([[at('prerouting', -150, state), at('prerouting', -250, state)]], { assume: new Set() }).hooks,
    ).toMatchObject([{ reasons: [expect.stringContaining('looked up') as unknown] }]);
  });

  it('sees another destination before addresses are translated', () => {
    expect(verdict(at('prerouting', -150, destination), at('prerouting', -50, destination))).toBe('unknown');
    expect(verdict(at('postrouting', 50, destination), at('postrouting', 150, destination))).toBe('unknown');
  });

  it('sees the same device anywhere', () => {
    expect(verdict(at('prerouting', -150, device), at('prerouting', -450, device))).toBe('proven');
    expect(verdict(at('postrouting', 50, outDevice), at('postrouting', 150, outDevice))).toBe('proven');
  });

  it('is told apart by a packet where it does something else besides', () => {
    expect(verdict(at('prerouting', -150, state), at('prerouting', -250, state, destination))).toBe('refuted');
  });
});

describe('a chain that changes packets and comes back', () => {
  const mark = { mangle: { key: { meta: { key: 'mark' } }, value: { '^': [{ meta: { key: 'mark' } }, 3] } } };
  const calls = (...rules: readonly (readonly unknown[])[]): Program =>
    nft(nftTable({ base: { base: ['filter', 'forward', 0], rules: [[{ jump: { target: 'outer' } }]] }, outer: { rules }, inner: { rules: [[mark]] } })); // prettier-ignore
  const call = { jump: { target: 'inner' } };

  it('is not the same when it is called twice', () => {
    expect(verdict(calls([call]), calls([call], [call]))).toBe('refuted');
    expect(verdict(calls([device, call]), calls([device, call], [device, call]))).toBe('refuted');
    expect(verdict(calls(), calls([call], [call]))).toBe('proven');
  });

  it('does not hide what comes after it in a chain that is called', () => {
    const [a, b] = [calls([call], [device, { drop: null }]), calls([call], [device, { accept: null }])];
    expect(verdict(a, b)).toBe('refuted');
    expect(verdict(a, a)).toBe('proven');
  });
});
