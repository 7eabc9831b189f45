/** The way of a packet to this host as one hook: what the prover is asked about has to pass both. */
import type { Condition } from '../../packet/condition.ts';
import { interval, is, isNamed, not, within } from '../../packet/condition.ts';
import { key, payload } from '../../packet/field.ts';
import type { BaseChain, Program } from '../../packet/program.ts';
import type { Family } from '../../netfilter/family.ts';
import type { LetIn } from '../../prove/passing.ts';
import { routeTypes } from '../../simulate/facts.ts';
import type { AuditHost } from '../host.ts';
import { lazyBy, perHost } from '../lazy.ts';

/** Far in front of every chain of input, in the order that they have among themselves. */
const ahead = 0x8000_0000;

const moved = (base: BaseChain): BaseChain =>
  base.hook === 'prerouting' && base.type !== 'nat'
    ? { ...base, hook: 'input', priority: base.priority - ahead }
    : base;

/** Chains of prerouting in front of those of input: routing changes nothing about a packet for this host. */
const joined = (program: Program): Program => ({
  ...program,
  tables: program.tables.map((table) => ({
    ...table,
    chains: new Map(
      [...table.chains].map(([name, chain]) => [name, chain.base ? { ...chain, base: moved(chain.base) } : chain]),
    ),
  })),
});

const programs = perHost((host: AuditHost) => lazyBy((family: Family) => joined(host.program(family))));

/** What arrives at this host, however it is addressed. */
export const toThisHost: Condition = is(key('fib.daddr.type'), routeTypes.local);

/**
 * Others than this host send it: not by lo, and not from a loopback address, which the routing decision refuses between
 * prerouting and input (net/ipv4/route.c ip_route_input_slow; net/ipv6/ip6_input.c does so before all hooks).
 */
const ofOthers = (family: Family): readonly Condition[] => [
  not(isNamed('iifname', 'lo')),
  not(
    family === 'ip'
      ? within(payload('nh', 96, 32), [interval(0x7f00_0000, 0x7fff_ffff)])
      : within(payload('nh', 64, 128), [interval(1)]),
  ),
];

/** For each question, which packets of others for this host come through prerouting and input, and which rules accept them. */
export const arrivals = (
  host: AuditHost,
  family: Family,
  questions: readonly (readonly Condition[])[],
): readonly LetIn[] | undefined =>
  host.proof(family).letThrough(
    'input',
    questions.map((question) => [toThisHost, ...ofOthers(family), ...question]),
    programs(host)(family),
  );
