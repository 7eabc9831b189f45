// Three real Docker Engines on one switch: each in a network namespace and a data root of its own, all of it bounded
// and taken away again.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host of the test: a name of a network namespace and an address. */
export interface Place {
  readonly namespace: string;
  readonly address: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Cluster {
  readonly folder: string;
  /** Engines 1 to 3. */
  readonly nodes: readonly [Place, Place, Place];
  /** A host that has nothing to do with the Swarm. */
  readonly stranger: Place;
  /** `env`: for the engine itself, beside what the tests have. */
  readonly startEngine: (node: Place, env?: Readonly<Record<string, string>>) => Promise<void>;
  readonly stopEngine: (node: Place) => Promise<void>;
  /** Starts a program in a network namespace that ends with the cluster; what it says goes to the file `log`. */
  readonly start: (place: Place, log: string, ...words: readonly string[]) => ChildProcess;
  /** Everything ends and goes. */
  readonly stop: () => Promise<void>;
}

/** Runs a program to its end, at most `seconds` long; a status that is not 0 is an answer, too. */
export const run = (
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  seconds = 30,
): Promise<Answer> =>
  new Promise((resolve) => {
    const [program = '', ...args] = words;
    const options = { env: { ...process.env, ...env }, timeout: seconds * 1000, maxBuffer: 1 << 26 };
    execFile(program, args, options, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 124;
      resolve({ status, stdout, stderr });
    });
  });

/** As `run`, but what fails is an error. */
export const must = async (
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  seconds = 30,
): Promise<string> => {
  const { status, stdout, stderr } = await run(words, env, seconds);
  if (status !== 0) throw new Error(`${words.join(' ')}: ended with ${status}: ${stderr}${stdout}`);
  return stdout.trim();
};

/** `ip netns exec` would hide the cgroups from an engine: only the network namespace is entered. */
export const inside = ({ namespace }: Place, ...words: readonly string[]): readonly string[] => [
  'nsenter',
  `--net=/var/run/netns/${namespace}`,
  ...words,
];

export const at = (place: Place, ...words: readonly string[]): Promise<string> =>
  must(inside(place, ...words), place.env);

export const docker = (node: Place, ...words: readonly string[]): Promise<string> =>
  must(['docker', ...words], node.env, 60);

/** Waits until `is` holds, at most `seconds`. */
export const until = async (what: string, seconds: number, is: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + seconds * 1000;
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(100);
  }
};

const ended = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Ends a process of ours: asked first, then made to. */
export const end = async (child: ChildProcess, seconds: number): Promise<void> => {
  if (ended(child)) return;
  child.kill('SIGTERM');
  await until('a process ends', seconds, () => Promise.resolve(ended(child))).catch(() => child.kill('SIGKILL'));
};

const makeSwitch = async (name: string): Promise<void> => {
  await must(['ip', 'netns', 'add', name]);
  await must(['ip', '-n', name, 'link', 'add', 'bridge', 'type', 'bridge']);
  await must(['ip', '-n', name, 'link', 'set', 'bridge', 'up']);
};

const plugIn = async (hub: string, { namespace, address }: Place): Promise<void> => {
  const ip = (...words: readonly string[]): Promise<string> => must(['ip', ...words]);
  await ip('netns', 'add', namespace);
  await ip('-n', hub, 'link', 'add', namespace, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  await ip('-n', hub, 'link', 'set', namespace, 'master', 'bridge', 'up');
  await ip('-n', namespace, 'link', 'set', 'lo', 'up');
  await ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
  await ip('-n', namespace, 'route', 'add', 'default', 'via', '10.78.0.254');
};

/** Containers need no registry: a static busybox is an image. */
const makeImage = async (folder: string): Promise<string> => {
  const bin = join(folder, 'image', 'bin');
  mkdirSync(bin, { recursive: true });
  await must(['cp', '/bin/busybox', bin]);
  for (const name of ['sleep', 'ping', 'sh']) await must(['ln', '-s', 'busybox', join(bin, name)]);
  const tar = join(folder, 'image.tar');
  await must(['tar', '-C', join(folder, 'image'), '-cf', tar, '.']);
  return tar;
};

/** `run.sh` gives both, and takes away whatever stays there. */
const given = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: start this with test/live/run.sh`);
  return value;
};

/**
 * Makes the hosts and starts their engines; nothing is joined yet. `letter` tells the clusters of several files apart,
 * which run one after the other.
 */
export const makeCluster = async (letter: string): Promise<Cluster> => {
  const folder = join(given('DNFW_LIVE_FOLDER'), letter);
  const prefix = `${given('DNFW_LIVE_PREFIX')}${letter}`;
  const hub = `${prefix}s`;
  const place = (name: string, last: number): Place => ({
    namespace: `${prefix}${name}`,
    address: `10.78.0.${last}`,
    env: { DOCKER_HOST: `unix://${folder}/${prefix}${name}/docker.sock` },
  });
  const nodes = [place('n1', 1), place('n2', 2), place('n3', 3)] as const;
  const stranger = place('x', 9);
  const engines = new Map<string, ChildProcess>();

  const startEngine: Cluster['startEngine'] = async (node, env = {}) => {
    const own = join(folder, node.namespace);
    mkdirSync(own, { recursive: true });
    const log = openSync(join(own, 'log'), 'a');
    const words = inside(node, 'unshare', '-m', '--propagation', 'slave', 'dockerd', '--data-root', join(own, 'data'),
      '--exec-root', join(own, 'exec'), '-p', join(own, 'pid'), '-H', `unix://${own}/docker.sock`); // prettier-ignore
    const [program = '', ...args] = words;
    engines.set(node.namespace, spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', log, log] }));
    await until(`the engine of ${node.namespace} answers`, 60, async () => (await run(['docker', 'version'], node.env)).status === 0); // prettier-ignore
  };
  const stopEngine = async (node: Place): Promise<void> => {
    const engine = engines.get(node.namespace);
    if (engine) await end(engine, 40);
  };
  const helpers: ChildProcess[] = [];
  const start: Cluster['start'] = (host, log, ...words) => {
    const [program = '', ...args] = inside(host, ...words);
    const out = openSync(join(folder, log), 'a');
    const child = spawn(program, args, { env: { ...process.env, ...host.env }, stdio: ['ignore', out, out] });
    helpers.push(child);
    return child;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(helpers.map((child) => end(child, 5)));
    await Promise.all(nodes.map((node) => stopEngine(node)));
    // What is left of a host that does not go is taken away by run.sh.
    for (const name of [...nodes.map(({ namespace }) => namespace), stranger.namespace, hub])
      await run(['ip', 'netns', 'del', name]);
  };

  await makeSwitch(hub);
  for (const one of [...nodes, stranger]) await plugIn(hub, one);
  const tar = await makeImage(folder);
  await Promise.all(nodes.map((node) => startEngine(node)));
  await Promise.all(nodes.map((node) => docker(node, 'import', tar, 'busybox:live')));
  return { folder, nodes, stranger, startEngine, stopEngine, start, stop };
};
