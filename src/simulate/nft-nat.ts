/** NAT statements. What they map is decided for a connection's first packet; the statement then accepts. */
import { expressionText } from '../nftables/describe.ts';
import type { Family } from '../netfilter/family.ts';
import { count, isList, type Json, listOf, property, textOf } from '../nftables/json.ts';
import type { Effect, NatRange } from '../packet/effect.ts';
import type { Step } from '../packet/program.ts';
import type { NftContext } from './nft-context.ts';
import { ipv4, ipv6, readConstant, service } from './nft-datatype.ts';
import { readExpression } from './nft-expression.ts';
import { mapSteps } from './nft-set.ts';

type NatEffect = Extract<Effect, { kind: 'nat' }>;

const unmodelled = (what: string): readonly Step[] => [{ kind: 'unmodelled', what }];

const addressesOf = (value: Json, family: Family): readonly [bigint, bigint] | undefined => {
  const type = family === 'ip' ? ipv4 : ipv6;
  const range = property(value, 'range');
  if (isList(range)) {
    const [low, high] = range.map((end) => readConstant(end, type));
    return low === undefined || high === undefined ? undefined : [low, high];
  }
  const prefix = property(value, 'prefix');
  if (prefix !== undefined) {
    const [address, length] = [readConstant(property(prefix, 'addr'), type), count(property(prefix, 'len'))];
    const bits = family === 'ip' ? 32 : 128;
    if (address === undefined || length === undefined || length < 0 || length > bits) return undefined;
    const rest = (1n << BigInt(bits - length)) - 1n;
    return [address & ~rest, address | rest];
  }
  const address = readConstant(value, type);
  return address === undefined ? undefined : [address, address];
};

const portsOf = (value: Json): readonly [number, number] | undefined => {
  const range = property(value, 'range');
  const [low, high] = isList(range)
    ? range.map((end) => readConstant(end, service))
    : [readConstant(value, service), readConstant(value, service)];
  return low === undefined || high === undefined ? undefined : [Number(low), Number(high)];
};

const kindOf = (name: string, isNetmap: boolean): NatEffect['type'] | undefined => {
  if (name === 'snat' || name === 'dnat') return isNetmap ? `netmap-${name}` : name;
  return name === 'masquerade' || name === 'redirect' ? name : undefined;
};

/** A map in place of the address, the port, or of both (a concatenation). */
interface Target {
  readonly address?: Json;
  readonly port?: Json;
}

const targetSteps = (name: string, parts: Json, target: Target, family: Family): readonly Step[] => {
  const flags = listOf(property(parts, 'flags')).filter((flag) => typeof flag === 'string');
  const type = kindOf(name, flags.includes('netmap'));
  const address = target.address === undefined ? undefined : addressesOf(target.address, family);
  const port = target.port === undefined ? undefined : portsOf(target.port);
  const isUnread = (target.address !== undefined && !address) || (target.port !== undefined && !port);
  if (!type || isUnread)
    return unmodelled(`${name} to ${expressionText(target.address)} ${expressionText(target.port)}`);
  const to: NatRange = { ...(address ? { address } : {}), ...(port ? { port } : {}) };
  const effect: NatEffect = { kind: 'nat', type, to, flags: flags.filter((flag) => flag !== 'netmap').toSorted() };
  return [
    { kind: 'effect', effect },
    { kind: 'verdict', verdict: { kind: 'accept' } },
  ];
};

/** `{"snat": parts}` and its like, in a table whose packets are of the context's family. */
export const natSteps = (name: string, parts: Json, context: NftContext): readonly Step[] => {
  const [address, port] = [property(parts, 'addr'), property(parts, 'port')];
  const family = textOf(parts, 'family');
  // In a table of both families the statement passes over packets of the other one (nft_nat.c nft_nat_inet_eval).
  if (family !== undefined && family !== context.family) return [];
  const maps = [address, port].map((part) => property(part, 'map'));
  const [addressMap, portMap] = maps;
  const map = addressMap ?? portMap;
  if (map === undefined)
    return targetSteps(
      name,
      parts,
      { ...(address === undefined ? {} : { address }), ...(port === undefined ? {} : { port }) },
      context.family,
    );
  if (addressMap !== undefined && portMap !== undefined) return unmodelled(`${name} to two maps`);
  const register = readExpression(property(map, 'key') ?? null, 'match', context);
  return mapSteps(register, property(map, 'data') ?? null, context, (data) => {
    if (addressMap === undefined)
      return targetSteps(name, parts, { ...(address === undefined ? {} : { address }), port: data }, context.family);
    const both = property(data, 'concat');
    const [first, second] = isList(both) ? both : [data, port];
    return targetSteps(
      name,
      parts,
      { address: first ?? null, ...(second === undefined ? {} : { port: second }) },
      context.family,
    );
  });
};
