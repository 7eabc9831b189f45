// Which networks Docker's rules keep encrypted and which the guard enforces, each read by the test itself; and how
// long the two have differed.
import { setTimeout as pause } from 'node:timers/promises';
import { inside, type Place, run } from './cluster.ts';

/**
 * Docker's rules of the first eras: the VNI is the word behind the header, without its last byte (xt_u32). Two tell that
 * a network is encrypted: what drops clear packets in INPUT, and what marks those that go out for encryption.
 */
const ofDocker =
  /--dport 4789 .*--u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x([0-9a-f]+)00" -j (?:DROP|MARK --set-xmark 0xd0c4e3\/0xffffffff)$/;

const sorted = (vnis: readonly number[]): string => [...new Set(vnis)].toSorted((a, b) => a - b).join(' ');

export const dockerVnis = async (node: Place): Promise<string> => {
  const { stdout } = await run(inside(node, 'iptables-nft-save'));
  return sorted(stdout.split('\n').flatMap((line) => {
    const word = ofDocker.exec(line)?.[1];
    return word === undefined ? [] : [Number.parseInt(word, 16)];
  })); // prettier-ignore
};

export const guardVnis = async (node: Place): Promise<string> => {
  const { stdout } = await run(inside(node, 'nft', '-n', 'list', 'chain', 'inet', 'dnfw', 'encrypted'));
  const right = [...stdout.matchAll(/0xffffff00 == (?:\{([^}]*)\}|(\S+))/g)].map(([, many, one]) => many ?? one ?? '');
  return sorted(right.flatMap((list) => list.split(',').map((word) => Number(word.trim()) / 256)));
};

export interface Sampler {
  /** The longest time in milliseconds that the two differed since the last call, and between what. */
  readonly longest: () => { readonly ms: number; readonly what: string };
  readonly stop: () => Promise<void>;
}

/** Looks again and again until it is stopped. A difference counts from the look that first saw it. */
export const sample = (node: Place): Sampler => {
  const ending = new AbortController();
  let since: number | undefined;
  let most = { ms: 0, what: '' };
  const look = async (): Promise<void> => {
    const began = performance.now();
    const [docker, guard] = await Promise.all([dockerVnis(node), guardVnis(node)]);
    if (docker === guard) {
      since = undefined;
      return;
    }
    since ??= began;
    const ms = Math.round(performance.now() - since);
    if (ms > most.ms) most = { ms, what: `Docker: ${docker || 'none'}; guard: ${guard || 'none'}` };
  };
  const all = (async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await look();
      await pause(150);
    }
  })();
  return {
    longest: () => {
      const found = most;
      most = { ms: 0, what: '' };
      return found;
    },
    stop: () => {
      ending.abort();
      return all;
    },
  };
};
