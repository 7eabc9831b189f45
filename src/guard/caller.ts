/** Where the person or program that runs dnfw comes from, so that its way back is not cut off. */
import { parseAddress } from '../netfilter/address.ts';
import { families, type Family } from '../netfilter/family.ts';
import type { Socket } from './sockets.ts';

export interface Caller {
  readonly family: Family;
  readonly address: bigint;
  /** The address and the port of this host that it has connected to. */
  readonly to: bigint;
  readonly port: number;
  /** How it was found, for messages. */
  readonly how: string;
}

/** The ancestors of this process, nearest first, as far as they may be seen. */
export interface Ancestry {
  /** Environments, this process's own first; undefined where it may not be read. */
  readonly environments: () => readonly (Readonly<Record<string, string | undefined>> | undefined)[];
}

const familyOf = (text: string): readonly [Family, bigint] | undefined => {
  const bare = text.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  for (const family of families) {
    const address = parseAddress(bare, family);
    if (address !== undefined) return [family, address];
  }
  return undefined;
};

/** `SSH_CONNECTION`: client address, client port, server address, server port (ssh(1)). */
export const callerIn = (connection: string | undefined, how: string): Caller | undefined => {
  const [client = '', , server = '', port = ''] = (connection ?? '').split(' ');
  const [from, to] = [familyOf(client), familyOf(server)];
  if (!from || !to || from[0] !== to[0] || !/^\d{1,5}$/.test(port)) return undefined;
  return { family: from[0], address: from[1], to: to[1], port: Number(port), how };
};

const isSshd = ({ programs }: Socket): boolean => programs.some((name) => /^sshd(?:-|$)/.test(name));

/** Ports that sshd listens on; 22 where programs cannot be seen and something listens there. */
export const sshPorts = (sockets: readonly Socket[]): readonly number[] => {
  const listening = sockets.filter(({ protocol, state }) => protocol === 'tcp' && state === 'listening');
  const named = listening.filter(isSshd);
  const found = named.length > 0 ? named : listening.filter(({ local }) => local.port === 22);
  return [...new Set(found.flatMap(({ local }) => local.port ?? []))];
};

const isLoopback = (family: Family, address: bigint): boolean =>
  family === 'ip' ? address >> 24n === 127n : address === 1n;

/** sudo drops the variable, su and screen keep an old one: what is nearest is asked first, and all that are connected last. */
export const callersOf = (ancestry: Ancestry, sockets: readonly Socket[]): readonly Caller[] => {
  for (const [index, environment] of ancestry.environments().entries()) {
    const how = index === 0 ? 'SSH_CONNECTION' : 'SSH_CONNECTION of a parent process';
    const caller = callerIn(environment?.['SSH_CONNECTION'], how);
    if (caller) return [caller];
  }
  const ports = new Set(sshPorts(sockets));
  const seen = new Map<string, Caller>();
  for (const { protocol, state, local, peer } of sockets) {
    if (protocol !== 'tcp' || state !== 'established' || local.port === undefined || !ports.has(local.port)) continue;
    const { family, address } = peer;
    if (family === undefined || address === undefined || local.address === undefined || isLoopback(family, address))
      continue;
    const caller: Caller = { family, address, to: local.address, port: local.port, how: 'a connection to sshd' };
    seen.set(`${family} ${address} ${caller.to} ${caller.port}`, caller);
  }
  return [...seen.values()];
};
