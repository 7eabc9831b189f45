/** Expressions that load what the kernel knows beside the packet's bytes: meta, ct, rt, ipsec, fib, socket. */
import { count, type Json, listOf, property, textOf } from '../nftables/json.ts';
import { no } from '../packet/condition.ts';
import { key } from '../packet/field.ts';
import type { NftContext } from './nft-context.ts';
import * as types from './nft-datatype.ts';
import { bitsRegister, constantRegister, type Register } from './nft-register.ts';

const unmodelled = (what: string): Register => ({ kind: 'unmodelled', what });

/** Keys of field.ts by the key of meta, with their types. */
const metaWords: Readonly<Record<string, readonly [key: string, type: types.Datatype]>> = {
  length: ['length', types.integer],
  l4proto: ['l4proto', types.protocol],
  mark: ['mark', types.mark],
  priority: ['priority', types.priority],
  iiftype: ['iiftype', types.deviceType],
  oiftype: ['oiftype', types.deviceType],
  iifgroup: ['iifgroup', types.deviceGroup],
  oifgroup: ['oifgroup', types.deviceGroup],
  pkttype: ['pkttype', types.packetType],
  skuid: ['skuid', types.user],
  skgid: ['skgid', types.group],
  cgroup: ['cgroup', types.integer],
  cpu: ['cpu', types.integer],
  nftrace: ['nftrace', types.integer],
  rtclassid: ['rtclassid', types.realm],
  secmark: ['secmark', types.integer],
  secpath: ['secpath', types.boolean],
  ipsec: ['secpath', types.boolean],
  time: ['time', types.time],
  hour: ['hour', types.hour],
  day: ['day', types.weekday],
};

export const metaRegister = (value: Json, { family }: NftContext): Register => {
  const name = textOf(value, 'key') ?? '';
  const label = `meta ${name}`;
  switch (name) {
    case 'nfproto':
      return constantRegister(family === 'ip' ? 2 : 10, 8, types.nfProtocol, label);
    case 'protocol':
      return constantRegister(family === 'ip' ? 0x0800 : 0x86dd, 16, types.etherType, label);
    case 'iif':
    case 'oif':
      return { kind: 'device', index: name, name: `${name}name`, label: name };
    case 'iifname':
    case 'oifname':
    case 'iifkind':
    case 'oifkind':
      return { kind: 'name', guard: { kind: 'constant', value: true }, key: name, label: name };
    case 'random':
      return { kind: 'draw', mode: 'random', space: 1n << 32n, offset: 0n, label };
  }
  const found = Object.hasOwn(metaWords, name) ? metaWords[name] : undefined;
  return found ? bitsRegister(key(found[0]), found[1], label) : unmodelled(label);
};

const ctWords: Readonly<Record<string, readonly [key: string, type: types.Datatype]>> = {
  state: ['ct.state', types.ctState],
  status: ['ct.status', types.ctStatus],
  mark: ['ct.mark', types.mark],
  direction: ['ct.direction', types.ctDirection],
  expiration: ['ct.expiration', types.duration],
  l3proto: ['ct.l3proto', types.nfProtocol],
  protocol: ['ct.protocol', types.protocol],
  label: ['ct.label', types.ctLabel],
  id: ['ct.id', types.integer],
};

const ctAddress = (side: string, direction: string, asked: string | undefined, context: NftContext): Register => {
  const label = ['ct', direction, asked, side].filter(Boolean).join(' ');
  const isIp = context.family === 'ip';
  const type = isIp ? types.ipv4 : types.ipv6;
  const field = key(`ct.${direction}.${side}${isIp ? 4 : 6}`);
  // An entry is of its packet's family: the address of the other one is never there (nft_ct.c NFT_CT_SRC_IP).
  return bitsRegister(field, type, label, asked === undefined || asked === context.family ? undefined : no);
};

export const ctRegister = (value: Json, context: NftContext): Register => {
  const name = textOf(value, 'key') ?? '';
  const direction = textOf(value, 'dir');
  const label = ['ct', direction, name].filter(Boolean).join(' ');
  const isDirection = direction === 'original' || direction === 'reply';
  if (direction !== undefined && !isDirection) return unmodelled(label);
  const address = /^(?:(ip6?) )?([sd]addr)$/.exec(name);
  if (address) return direction ? ctAddress(address[2] ?? '', direction, address[1], context) : unmodelled(label);
  const port = /^proto-(src|dst)$/.exec(name)?.[1];
  if (port !== undefined)
    return direction
      ? bitsRegister(key(`ct.${direction}.${port === 'src' ? 'sport' : 'dport'}`), types.service, label)
      : unmodelled(label);
  if (name === 'bytes' || name === 'packets' || name === 'avgpkt')
    return bitsRegister(key(`ct.${direction ?? 'both'}.${name}`), types.integer, label);
  if (name === 'helper') return { kind: 'name', guard: { kind: 'constant', value: true }, key: 'ct.helper', label };
  if (name === 'zone' && !direction) return bitsRegister(key('ct.zone'), types.integer, label);
  const found = Object.hasOwn(ctWords, name) ? ctWords[name] : undefined;
  return found && (!direction || name === 'state') ? bitsRegister(key(found[0]), found[1], label) : unmodelled(label);
};

export const rtRegister = (value: Json): Register => {
  const name = textOf(value, 'key') ?? '';
  const label = `rt ${name}`;
  if (name === 'classid') return bitsRegister(key('rtclassid'), types.realm, label);
  return name === 'ipsec' ? bitsRegister(key('rtipsec'), types.boolean, label) : unmodelled(label);
};

/** A transform of the packet's IPsec path (nft_xfrm.c); `spnum` counts from the outermost. */
export const ipsecRegister = (value: Json, context: NftContext): Register => {
  const [name, direction] = [textOf(value, 'key') ?? '', textOf(value, 'dir') ?? ''];
  const number = count(property(value, 'spnum')) ?? 0;
  const label = `ipsec ${direction} spnum ${number} ${name}`;
  if ((direction !== 'in' && direction !== 'out') || number < 0 || number > 5) return unmodelled(label);
  const start = `ipsec.${direction}.${number}`;
  if (name === 'reqid' || name === 'spi') return bitsRegister(key(`${start}.${name}`), types.integer, label);
  if (name !== 'saddr' && name !== 'daddr') return unmodelled(label);
  // The family is that of the transform, which in a tunnel need not be the packet's.
  const family = textOf(value, 'family') ?? (context.table.family === 'inet' ? undefined : context.table.family);
  if (family !== 'ip' && family !== 'ip6') return unmodelled(label);
  const type = family === 'ip' ? types.ipv4 : types.ipv6;
  return bitsRegister(key(`${start}.${name}${family === 'ip' ? 4 : 6}`), type, label);
};

/** The order in which nft writes them. */
const fibFlags = ['saddr', 'daddr', 'mark', 'iif', 'oif'] as const;

export const fibRegister = (value: Json): Register => {
  const given = listOf(property(value, 'flags'));
  const result = textOf(value, 'result') ?? '';
  const flags = fibFlags.filter((flag) => given.includes(flag));
  const label = `fib ${flags.join(' . ')} ${result}`;
  const isOneAddress = flags.includes('saddr') !== flags.includes('daddr');
  if (!isOneAddress || flags.length !== given.length) return unmodelled(label);
  const start = `fib.${flags.join('.')}`;
  if (result === 'type') return bitsRegister(key(`${start}.type`), types.routeType, label);
  if (result === 'check') return bitsRegister(key(`${start}.exists`), types.boolean, label);
  return result === 'oif' ? bitsRegister(key(`${start}.exists`), types.routeDevice, label) : unmodelled(label);
};

export const socketRegister = (value: Json): Register => {
  const name = textOf(value, 'key') ?? '';
  return ['transparent', 'mark', 'wildcard'].includes(name)
    ? bitsRegister(key(`socket.${name}`), name === 'mark' ? types.mark : types.boolean, `socket ${name}`)
    : unmodelled(`socket ${name}`);
};
