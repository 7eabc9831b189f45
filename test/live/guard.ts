// dnfw on a node of the cluster, with folders of its own there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { at, type Cluster, inside, type Place, run } from './cluster.ts';

export const program = process.env['DNFW_PROGRAM'] ?? fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)); // prettier-ignore

/** SSH and Swarm peers only. */
const policyFor = (peers: readonly Place[]): string => `version: 1
mode: enforce
default: drop
allow:
  - { proto: tcp, ports: [22] }
swarm: { peers: [${peers.map(({ address }) => address).join(', ')}], dataPathPort: 4789, encrypted: docker }
`;

export interface Said {
  readonly sound: boolean;
  readonly guard: string;
  readonly drift: readonly unknown[];
  readonly ahead: readonly unknown[];
  readonly docker: {
    readonly missing: readonly unknown[];
    readonly stale: readonly unknown[];
    readonly unruled: readonly unknown[];
  };
}

export interface Guarded extends Place {
  readonly dnfw: (...words: readonly string[]) => Promise<string>;
  readonly status: () => Promise<Said>;
  readonly watch: () => void;
}

/** A node with a policy that lets SSH in and the peers; nothing is installed yet. */
export const guardedNode = (cluster: Cluster, node: Place): Guarded => {
  const folder = (name: string): string => join(cluster.folder, `${node.namespace}-${name}`);
  mkdirSync(folder('etc'), { recursive: true });
  writeFileSync(join(folder('etc'), 'policy.yaml'), policyFor(cluster.nodes));
  const env = { ...node.env, DNFW_CONFIG_DIR: folder('etc'), DNFW_STATE_DIR: folder('lib'), DNFW_RUN_DIR: folder('run'), DNFW_UNIT_DIR: folder('units') }; // prettier-ignore
  const place = { ...node, env };
  return {
    ...place,
    dnfw: (...words) => at(place, process.execPath, program, ...words),
    status: async () => {
      const { stdout } = await run(inside(place, process.execPath, program, 'status', '--json'), env);
      // The expectations check what is used of it.
      return JSON.parse(stdout) as Said;
    },
    watch: () => void cluster.start(place, `${node.namespace}-watch`, process.execPath, program, 'watch'),
  };
};
