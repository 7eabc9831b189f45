/** Effects: reads what the guard has to know of its host. What cannot be read is said and never stops anybody. */
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import { registry } from '../extensions/registry.ts';
import { type Input, parse } from '../iptables/parse.ts';
import type { Ruleset } from '../iptables/types.ts';
import { families } from '../netfilter/family.ts';
import type { Json } from '../nftables/json.ts';
import { readNftables } from '../nftables/read.ts';
import type { NftRuleset } from '../nftables/ruleset.ts';
import { systemAncestry } from './ancestry.ts';
import { type Ancestry, type Caller, callersOf } from './caller.ts';
import { type DockerInfo, type Peer, readInfo, readNodes } from './docker-info.ts';
import { askOverlays, type OverlayNetwork } from './docker-networks.ts';
import { readSaves } from './iptables-save.ts';
import { type HostAddress, type HostRoute, readAddresses, readRoutes } from './network.ts';
import { type AnswerPlace, type Programs, systemPrograms } from './programs.ts';
import { readSockets, type Socket } from './sockets.ts';
import { apartFrom } from '../simulate/twins.ts';
import type { DockerWord } from './wanted.ts';
import { peersOfPolicies } from './xfrm.ts';

/** A part of the host that could not be read, with everything that then is not known. */
export interface Gap {
  readonly what: 'iptables' | 'nft' | 'sockets' | 'addresses' | 'ipsec';
  readonly why: string;
}

export interface Host {
  /** Tables of both backends. */
  readonly iptables: Ruleset;
  /** Tables that are not those of iptables-nft. */
  readonly nft: NftRuleset;
  /** All that nft lists, for the ladder of chains: matches of iptables-nft have no arguments in it. */
  readonly listed: NftRuleset;
  readonly sockets: readonly Socket[];
  readonly addresses: readonly HostAddress[];
  readonly routes: readonly HostRoute[];
  readonly callers: readonly Caller[];
  readonly docker: DockerInfo | undefined;
  /** Undefined where the engine does not say. */
  readonly overlays: readonly OverlayNetwork[] | undefined;
  /** Ends of IPsec tunnels that this host sends through. */
  readonly tunnels: readonly Peer[];
  readonly gaps: readonly Gap[];
  /** What readers of the rules had to say. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface HostSeams {
  readonly programs: Programs;
  readonly ancestry: Ancestry;
}

const nothing: NftRuleset = { tables: [] };

type Gaps = Gap[];

const answerOr = async (
  { ask }: Programs,
  what: Gap['what'],
  gaps: Gaps,
  [program = '', ...args]: readonly string[],
): Promise<{ readonly text: string; readonly place?: AnswerPlace }> => {
  const answer = await ask(program, args);
  if (answer.kind === 'text') return answer;
  gaps.push({ what, why: answer.kind === 'missing' ? `${program} is not installed` : `${program}: ${answer.why}` });
  return { text: '' };
};

const textOr = async (programs: Programs, what: Gap['what'], gaps: Gaps, words: readonly string[]): Promise<string> =>
  (await answerOr(programs, what, gaps, words)).text;

const jsonOf = (text: string): Json => {
  try {
    // JSON.parse gives nothing but Json.
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
};

export interface HostRules extends Pick<Host, 'iptables' | 'nft' | 'listed'> {
  readonly diagnostics: readonly Diagnostic[];
}

/** Each backend by itself: that both are in use is for others to judge. */
const parseSaves = (inputs: readonly Input[]): Outcome<Ruleset> => {
  const each = ([undefined, 'nft', 'legacy'] as const).flatMap((backend) => {
    const some = inputs.filter((input) => input.backend === backend);
    return some.length === 0 ? [] : [parse(some, registry)];
  });
  return {
    value: { tables: each.flatMap(({ value }) => value.tables) },
    diagnostics: each.flatMap(({ diagnostics }) => diagnostics),
  };
};

const readRules = async (programs: Programs, gaps: Gaps): Promise<HostRules> => {
  const saved = await readSaves(programs);
  for (const { program, why } of saved.failures) gaps.push({ what: 'iptables', why: `${program}: ${why}` });
  if (saved.answered === 0) gaps.push({ what: 'iptables', why: 'iptables is not installed' });
  const parsed = parseSaves(saved.inputs);
  const { text, place } = await answerOr(programs, 'nft', gaps, ['nft', '-j', 'list', 'ruleset']);
  const listed =
    // nft prints nothing at all where there are no tables in some releases.
    text.trim() === ''
      ? { value: nothing, diagnostics: [] }
      : readNftables(place?.file ?? '<nft list ruleset>', text, undefined, place?.line);
  const { own } = apartFrom(listed.value, parsed.value);
  return {
    iptables: parsed.value,
    nft: own,
    listed: listed.value,
    // That iptables' matches have no arguments in nft's listing is why iptables is asked itself.
    diagnostics: [
      ...saved.diagnostics,
      ...parsed.diagnostics,
      ...listed.diagnostics.filter(({ code }) => code !== 'nft-xt'),
    ],
  };
};

const askInfo = async ({ ask }: Programs): Promise<DockerInfo | undefined> => {
  const answer = await ask('docker', ['info', '--format', '{{json .}}'], 1);
  return answer.kind === 'text' ? readInfo(jsonOf(answer.text)) : undefined;
};

/** What the engine says of encrypted networks, for those who ask often; at most a few seconds even if it hangs. */
export const askDocker = async (programs: Programs): Promise<DockerWord> => {
  const [info, overlays] = await Promise.all([askInfo(programs), askOverlays(programs)]);
  // A program that takes the place of docker has no networks of a Swarm to tell of: that is no word of an engine.
  return { info, overlays: info === undefined && overlays?.length === 0 ? undefined : overlays };
};

const withNodes = async ({ ask }: Programs, info: DockerInfo): Promise<DockerInfo> => {
  const list = await ask('docker', ['node', 'ls', '--quiet'], 1);
  const ids = list.kind === 'text' ? list.text.split('\n').filter((id) => /^\w+$/.test(id)) : [];
  if (ids.length === 0) return info;
  const nodes = await ask('docker', ['node', 'inspect', ...ids], 1);
  const all = nodes.kind === 'text' ? readNodes(jsonOf(nodes.text)) : [];
  const known = new Set<string>();
  const peers = [...info.peers, ...all].filter(({ family, address }) => {
    const key = `${family} ${address}`;
    const isNew = !known.has(key) && (family !== info.own?.family || address !== info.own.address);
    known.add(key);
    return isNew;
  });
  return { ...info, peers };
};

const readDocker = async (programs: Programs): Promise<DockerWord> => {
  const word = await askDocker(programs);
  return word.info?.manager === true ? { ...word, info: await withNodes(programs, word.info) } : word;
};

const readNetwork = async (programs: Programs, gaps: Gaps): Promise<Pick<Host, 'addresses' | 'routes'>> => {
  const links = await textOr(programs, 'addresses', gaps, ['ip', '-j', 'address']);
  const routes = await Promise.all(
    families.map(async (family) => {
      const text = await textOr(programs, 'addresses', gaps, ['ip', '-j', family === 'ip' ? '-4' : '-6', 'route']);
      return readRoutes(jsonOf(text), family);
    }),
  );
  return { addresses: readAddresses(jsonOf(links)), routes: routes.flat() };
};

const readTalk = async (programs: Programs, gaps: Gaps): Promise<readonly Socket[]> => {
  const listening = await textOr(programs, 'sockets', gaps, ['ss', '-H', '-ltuwnp']);
  const established = await textOr(programs, 'sockets', gaps, ['ss', '-H', '-tunp', 'state', 'connected']);
  return [...readSockets(listening), ...readSockets(established)];
};

/** What could not be read of the rules; then some may be missing. */
const unreadRules = ({ gaps, diagnostics }: Pick<Host, 'gaps' | 'diagnostics'>): readonly string[] => [
  ...gaps.filter(({ what }) => what === 'iptables' || what === 'nft').map(({ why }) => why),
  ...diagnostics.filter(isError).map(({ what }) => what),
];

/** Whether all rules could be read. */
export const isRead = (host: Pick<Host, 'gaps' | 'diagnostics'>): boolean => unreadRules(host).length === 0;

/** The rules alone, for those who ask often. `why` says what could not be read. */
export const readHostRules = async (programs: Programs): Promise<HostRules & { readonly why: readonly string[] }> => {
  const gaps: Gap[] = [];
  const rules = await readRules(programs, gaps);
  return { ...rules, why: unreadRules({ gaps, diagnostics: rules.diagnostics }) };
};

export const systemSeams: HostSeams = { programs: systemPrograms, ancestry: systemAncestry };

/** Everything, once; takes about as long as `nft list ruleset`. */
export const readHost = async ({ programs, ancestry }: HostSeams = systemSeams): Promise<Host> => {
  const gaps: Gap[] = [];
  const [rules, sockets, network, docker, policies] = await Promise.all([
    readRules(programs, gaps),
    readTalk(programs, gaps),
    readNetwork(programs, gaps),
    readDocker(programs),
    textOr(programs, 'ipsec', gaps, ['ip', 'xfrm', 'policy']),
  ]);
  return {
    ...rules,
    ...network,
    sockets,
    docker: docker.info,
    overlays: docker.overlays,
    tunnels: peersOfPolicies(policies),
    callers: callersOf(ancestry, sockets),
    gaps,
  };
};
