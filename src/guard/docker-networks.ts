/** Overlay networks as the engine tells of them: which are encrypted, and which of them this host takes part in. */
import { isList, isObject, type Json, listOf, property, textOf } from '../nftables/json.ts';
import type { Programs } from './programs.ts';

export interface OverlayNetwork {
  readonly name: string;
  /** One for each subnet. */
  readonly vnis: readonly number[];
  readonly isEncrypted: boolean;
  /** Whether there is an endpoint of it here, be it that of the load balancer alone: then the engine programs rules. */
  readonly isUsed: boolean;
}

const largestVni = 0xff_ff_ff;

/** `4097,4098`; nothing at all if any part is no number of a VXLAN network. */
const vnisIn = (list: string): readonly number[] => {
  const words = list.split(',');
  const vnis = words.map(Number);
  return words.every((word) => /^\d+$/.test(word)) && vnis.every((vni) => vni <= largestVni) ? vnis : [];
};

/**
 * The option alone counts, whatever its value (moby drivers/overlay/ov_network.go): a network that is made with
 * `--opt encrypted=false` is encrypted.
 */
const overlayOf = (network: Json): OverlayNetwork => {
  const options = property(network, 'Options');
  const containers = property(network, 'Containers');
  return {
    name: textOf(network, 'Name') ?? '',
    vnis: vnisIn(textOf(options, 'com.docker.network.driver.overlay.vxlanid_list') ?? ''),
    isEncrypted: property(options, 'encrypted') !== undefined,
    isUsed: isObject(containers) && Object.keys(containers).length > 0,
  };
};

/** Of `docker network inspect`; undefined if it does not say of each network which one it is. */
export const readOverlays = (answer: Json): readonly OverlayNetwork[] | undefined => {
  if (!isList(answer)) return undefined;
  const all = listOf(answer)
    .filter((network) => textOf(network, 'Driver') === 'overlay')
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
