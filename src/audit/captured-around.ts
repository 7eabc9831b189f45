/** What a capture says of a host beside its rules, from the answers of programs and the words of files. */
import { type Answers, type Capture, type ModuleState, type Recorded, wordsOf } from '../capture/document.ts';
import { programsOf } from '../capture/replay.ts';
import { guardListing, nftListing } from '../capture/take.ts';
import { readNetworks } from '../docker/networks.ts';
import { readHostRules } from '../guard/host.ts';
import type { GuardRecords } from '../guard/records.ts';
import { markIn } from '../guard/loaded.ts';
import type { Family } from '../netfilter/family.ts';
import { type Json, listOf, property, textOf } from '../nftables/json.ts';
import type { ContainerPort, Firewalld, GuardRecord, Ipset, Namespace, Surroundings } from './surroundings.ts';

const jsonOf = (recorded: Recorded | undefined): Json | undefined => {
  if (recorded?.kind === 'json') return recorded.value;
  // An empty list of objects looks like a text without lines.
  return recorded?.kind === 'text' && recorded.lines.length === 0 ? [] : undefined;
};

const startsWith = (answers: Answers, words: string): Recorded | undefined =>
  [...answers].find(([key]) => key.startsWith(words))?.[1];

const port = String.raw`(\d{1,5})(?:-(\d{1,5}))?`;
const publishedPort = new RegExp(String.raw`^(?:\[([^\]]*)\]|([^\[\]]*?)):${port}->${port}/(\w+)$`);

/** `0.0.0.0:8080->80/tcp`, `[::]:8000-8002->8000-8002/tcp`; `:::80->80/tcp` of older clients. */
const portsIn = (container: string, words: string): readonly ContainerPort[] =>
  words.split(', ').flatMap((word): readonly ContainerPort[] => {
    const [, six, four, from = '', to = from, inside = '', , protocol = ''] = publishedPort.exec(word) ?? [];
    if (protocol === '') return [];
    const [first, last, target] = [Number(from), Number(to), Number(inside)];
    if (last < first || last > 65_535) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => ({
      container,
      protocol,
      hostAddress: six ?? four ?? '',
      hostPort: first + index,
      // A range goes to a range of the same length, or to one port.
      containerPort: words.includes(`->${inside}-`) ? target + index : target,
    }));
  });

const containerPorts = (answers: Answers): readonly ContainerPort[] | undefined => {
  const list = jsonOf(startsWith(answers, 'docker ps '));
  return list === undefined
    ? undefined
    : listOf(list).flatMap((one) => portsIn(textOf(one, 'Names') ?? '', textOf(one, 'Ports') ?? ''));
};

const setFamilies: Readonly<Record<string, Family>> = { inet: 'ip', inet6: 'ip6' };

/** What `ipset list -t` prints: a block of `Name: …` lines for each set. */
const ipsetsIn = (recorded: Recorded | undefined): readonly Ipset[] | undefined => {
  // Without the program nobody knows what programs of another kind have made.
  if (recorded?.kind !== 'text') return undefined;
  return recorded.lines
    .join('\n')
    .split(/\n(?=Name: )/)
    .flatMap((block): readonly Ipset[] => {
      const said = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]?.trim();
      const [name, type] = [said('Name'), said('Type')];
      if (name === undefined || type === undefined) return [];
      const family = setFamilies[/\bfamily (\w+)/.exec(said('Header') ?? '')?.[1] ?? ''];
      return [{ name, type, family, entries: Number(said('Number of entries') ?? 0) }];
    });
};

const xfrmIn = (answers: Answers): Surroundings['xfrm'] => {
  const [states, policies] = [answers.get('ip xfrm state count'), answers.get('ip xfrm policy')];
  if (states?.kind !== 'text' || policies?.kind !== 'text') return undefined;
  return {
    states: Number(/\bcount\s+(\d+)/.exec(states.lines.join('\n'))?.[1] ?? 0),
    policies: policies.lines.filter((line) => line.startsWith('src ')).length,
  };
};

/** `KEY=value`. */
const settingIn = (recorded: Recorded | undefined): string | undefined => {
  const words = wordsOf(recorded);
  return words === undefined ? undefined : /=\s*(\w+)/.exec(words)?.[1];
};

const firewalldIn = ({ answers, files }: Capture): Firewalld | undefined => {
  const state = answers.get('firewall-cmd --state');
  // firewall-cmd is a part of it.
  if (state === undefined || (state.kind === 'failed' && !/not running/.test(state.why))) return undefined;
  const version = wordsOf(answers.get('firewall-cmd --version'));
  const backend = settingIn(files.get('/etc/firewalld/firewalld.conf'));
  return {
    running: wordsOf(state) === 'running',
    ...(version === undefined ? {} : { version }),
    ...(backend === undefined ? {} : { backend }),
  };
};

const versionsIn = ({ answers, host }: Capture): NonNullable<Surroundings['versions']> => {
  const version = (key: string): string | undefined => /\bv?(\d+(?:\.\d+)+)/.exec(wordsOf(answers.get(key)) ?? '')?.[1];
  const nft = version('nft --version');
  const iptables = version('iptables-nft --version') ?? version('iptables-legacy --version') ?? version('iptables --version'); // prettier-ignore
  return {
    ...(host.kernel === '' ? {} : { kernel: host.kernel }),
    ...(nft === undefined ? {} : { nft }),
    ...(iptables === undefined ? {} : { iptables }),
  };
};

const sysctlsIn = (files: Answers): ReadonlyMap<string, string> | undefined => {
  const prefix = '/proc/sys/';
  const found = [...files].flatMap(([path, file]) => {
    const value = path.startsWith(prefix) ? wordsOf(file) : undefined;
    return value === undefined ? [] : [[path.slice(prefix.length).replaceAll('/', '.'), value] as const];
  });
  return found.length === 0 ? undefined : new Map(found);
};

const isThere = (state: ModuleState): boolean => state !== 'absent';

const guardIn = (records: GuardRecords | null, listing: Json | undefined): GuardRecord | null => {
  const mark = listing === undefined ? undefined : markIn(listing);
  const generation = mark?.generation ?? records?.meta?.generation ?? records?.recorded?.current ?? undefined;
  if (!records || generation === undefined) return null;
  const { state, meta, external, persistent } = records;
  const made = new Date(meta?.made ?? Number.NaN);
  return {
    generation,
    mode: meta?.mode ?? '',
    ...(Number.isNaN(made.getTime()) ? {} : { made }),
    confirmed: state.pending === null && state.good === generation,
    persistent,
    ...(records.listing === null ? {} : { listing: records.listing }),
    external: new Set(external),
  };
};

const namespacesIn = async (
  namespaces: Capture['namespaces'],
  file: string | undefined,
): Promise<readonly Namespace[] | undefined> =>
  namespaces &&
  Promise.all(
    namespaces.map(async ({ name, answers }) => {
      const { iptables, nft } = await readHostRules(programsOf(answers, file ?? `<${name}>`));
      return { name, iptables, nft };
    }),
  );

const defined = <T extends object>(parts: { readonly [K in keyof T]: T[K] | undefined }): T =>
  // What is undefined is left out, and nothing else has changed.
  Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as T;

/** `file`: what the capture was read from, if it was. */
export const aroundOf = async (capture: Capture, file: string | undefined): Promise<Surroundings> => {
  const { answers, files, modules, guard } = capture;
  const info = jsonOf(answers.get('docker info --format {{json .}}'));
  const networks = jsonOf(startsWith(answers, 'docker network inspect '));
  const firewallBackend = textOf(property(info, 'FirewallBackend'), 'Driver');
  const cluster = textOf(property(property(info, 'Swarm'), 'Cluster'), 'ID');
  const enabled = settingIn(files.get('/etc/ufw/ufw.conf'));
  return defined<Surroundings>({
    taken: new Date(capture.taken),
    versions: versionsIn(capture),
    modules: modules.size === 0 ? undefined : new Map([...modules].map(([name, state]) => [name, isThere(state)])),
    sysctls: sysctlsIn(files),
    networks: networks === undefined ? undefined : readNetworks(networks),
    ports: containerPorts(answers),
    firewallBackend,
    cluster: cluster === '' ? undefined : cluster,
    ipsets: ipsetsIn(answers.get('ipset list -t')),
    xfrm: xfrmIn(answers),
    firewalld: firewalldIn(capture),
    ufw: enabled === undefined ? undefined : { enabled: enabled.toLowerCase() === 'yes' },
    namespaces: await namespacesIn(capture.namespaces, file),
    guard: guard === undefined ? undefined : guardIn(guard, guardListing(answers.get(nftListing))),
  });
};
