/** Overlay networks as the engine tells of them: which are encrypted, and which of them this host takes part in. */
import { type DockerNetwork, readNetworks } from '../docker/networks.ts';
import { isList, type Json } from '../nftables/json.ts';
import type { Programs } from './programs.ts';

export interface OverlayNetwork {
  readonly name: string;
  /** One for each subnet. */
  readonly vnis: readonly number[];
  readonly isEncrypted: boolean;
  /** Whether there is an endpoint of it here, be it that of the load balancer alone: then the engine programs rules. */
  readonly isUsed: boolean;
}

const overlayOf = ({ name, vnis, encrypted, members }: DockerNetwork): OverlayNetwork => ({
  name,
  vnis,
  isEncrypted: encrypted,
  isUsed: members.length > 0,
});

/** Of `docker network inspect`; undefined if it does not say of each network which one it is. */
export const readOverlays = (answer: Json): readonly OverlayNetwork[] | undefined => {
  if (!isList(answer)) return undefined;
  const all = readNetworks(answer)
    .filter(({ driver }) => driver === 'overlay')
    .map(overlayOf);
  return all.every(({ isEncrypted, isUsed, vnis }) => !isEncrypted || !isUsed || vnis.length > 0) ? all : undefined;
};

const parsed = (text: string): Json => {
  try {
    // JSON.parse gives nothing but Json.
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
};

/** Seconds for each question: an engine that hangs must not hold up the guard. */
const limit = 1;

const listed = /^[0-9a-z]+$/;

/** Undefined where the engine does not answer. */
export const askOverlays = async (programs: Programs, attempts = 2): Promise<readonly OverlayNetwork[] | undefined> => {
  const began = performance.now();
  const list = await programs.ask('docker', ['network', 'ls', '--filter', 'driver=overlay', '--quiet', '--no-trunc'], limit); // prettier-ignore
  if (list.kind !== 'text') return undefined;
  const ids = list.text.split('\n').filter((line) => line !== '');
  // What else prints something here is no engine of Docker.
  if (!ids.every((id) => listed.test(id))) return undefined;
  if (ids.length === 0) return [];
  const told = await programs.ask('docker', ['network', 'inspect', ...ids], limit);
  if (told.kind === 'text') return readOverlays(parsed(told.text));
  // A network that was removed between the two questions fails the second one.
  const isSlow = performance.now() - began > limit * 1000;
  return attempts > 1 && !isSlow ? askOverlays(programs, attempts - 1) : undefined;
};
