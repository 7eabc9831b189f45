/**
 * What is kept of answers that may hold more than is anybody's business: a proxy's password in docker info, labels and
 * environments, keys of IPsec. Nothing is kept because nobody thought of it: what has no entry here is left out.
 */
import { isList, isObject, type Json, type JsonObject } from '../nftables/json.ts';

/** `true`: a text, a number or a truth value. An object's parts by name; `each`: all parts whose names match. */
type Shape =
  | true
  | { readonly list: Shape }
  | { readonly parts: Readonly<Record<string, Shape>> }
  | { readonly each: RegExp; readonly of: Shape };

const parts = (names: string, more: Readonly<Record<string, Shape>> = {}): Shape => ({
  parts: { ...Object.fromEntries(names.split(' ').map((name) => [name, true] as const)), ...more },
});

/** Longer ones are no names, versions or addresses. */
const longest = 256;

const isPlain = (value: Json): boolean =>
  typeof value === 'boolean' || typeof value === 'number' || (typeof value === 'string' && value.length <= longest);

/** What is kept of a value; undefined if nothing is. */
const kept = (value: Json, shape: Shape): Json | undefined => {
  if (shape === true) return isPlain(value) ? value : undefined;
  if ('list' in shape) return isList(value) ? value.flatMap((item) => kept(item, shape.list) ?? []) : undefined;
  if (!isObject(value)) return undefined;
  const shapeOf = (name: string): Shape | undefined => {
    if ('each' in shape) return shape.each.test(name) ? shape.of : undefined;
    return Object.hasOwn(shape.parts, name) ? shape.parts[name] : undefined;
  };
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) => {
      const inner = shapeOf(name);
      const found = inner === undefined ? undefined : kept(part, inner);
      return found === undefined ? [] : [[name, found]];
    }),
  );
};

const info = parts(
  'ServerVersion KernelVersion OperatingSystem OSType Architecture IPv4Forwarding BridgeNfIptables BridgeNfIp6tables LiveRestoreEnabled',
  {
    FirewallBackend: parts('Driver'),
    Swarm: parts('NodeID NodeAddr LocalNodeState ControlAvailable Nodes Managers', {
      RemoteManagers: { list: parts('NodeID Addr') },
      Cluster: parts('ID DataPathPort SubnetSize', { DefaultAddrPool: { list: true } }),
    }),
  },
);

const version = parts('', {
  Client: parts('Version ApiVersion Os Arch'),
  Server: parts('Version ApiVersion MinAPIVersion KernelVersion Os Arch'),
});

/** Options of the drivers that come with the engine; other drivers' may be secrets. */
const networkOption = /^(?:com\.docker\.network\.[\w.-]{1,100}|encrypted|parent|macvlan_mode|ipvlan_mode|ipvlan_flag)$/;

const networks: Shape = {
  list: parts('Id Name Driver Scope Internal Ingress Attachable EnableIPv4 EnableIPv6', {
    IPAM: parts('Driver', { Config: { list: parts('Subnet Gateway IPRange') } }),
    Options: { each: networkOption, of: true },
    Containers: { each: /^[\w-]{1,128}$/, of: parts('Name IPv4Address IPv6Address') },
    Peers: { list: parts('IP') },
  }),
};

const nodes: Shape = { list: parts('ID', { Status: parts('State Addr'), Spec: parts('Role Availability') }) };

const parsed = (text: string): Json | undefined => {
  try {
    // What JSON.parse gives is Json.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
};

/** What was answered, with less in it; undefined: nothing of it can be kept. */
export type Kept = { readonly text: string } | { readonly json: Json } | undefined;

const shaped = (text: string, shape: Shape): Kept => {
  const value = parsed(text);
  const rest = value === undefined ? undefined : kept(value, shape);
  return rest === undefined ? undefined : { json: rest };
};

const linesLike = (text: string, form: RegExp): Kept => ({
  text: text.split('\n').filter((line) => form.test(line)).map((line) => `${line}\n`).join(''), // prettier-ignore
});

const identifiers = /^[0-9a-z]{1,128}$/;

/** A line of `docker ps`: names, networks and ports, with tabs between. */
const container = /^([\w.,/-]{1,512})\t([\w.,/: -]{0,1024})\t([\w.,:*[\]>/ -]{0,65536})$/;

/** How `docker ps` is asked. */
export const containerFormat = '{{.Names}}\t{{.Networks}}\t{{.Ports}}';

const containers = (text: string): Kept => ({
  json: text.split('\n').flatMap((line): readonly JsonObject[] => {
    const [, Names, Networks, Ports] = container.exec(line) ?? [];
    return Names === undefined || Networks === undefined || Ports === undefined ? [] : [{ Names, Networks, Ports }];
  }),
});

const ofDocker = (words: string, text: string): Kept => {
  if (/^info\b/.test(words)) return shaped(text, info);
  if (/^version\b/.test(words)) return shaped(text, version);
  if (/^network inspect\b/.test(words)) return shaped(text, networks);
  if (/^node inspect\b/.test(words)) return shaped(text, nodes);
  if (/^(?:network|node) ls\b.* ?--quiet\b/.test(words)) return linesLike(text, identifiers);
  if (/^ps\b/.test(words)) return containers(text);
  return undefined;
};

/** Lines of `ip xfrm policy`, and no line of `ip xfrm state` that has a key: those have at least 64 bits of it. */
const policyLine = /^(?:src|\s+(?:dir|tmpl|proto|mark|level|socket|security|if_id))\s(?!.*0x[0-9a-fA-F]{16})/;
const countLine = /^\s*SAD\s+count\s+\d+\s*$/;

const ofXfrm = (words: string, text: string): Kept => {
  if (words === 'policy') return linesLike(text, policyLine);
  return words === 'state count' ? linesLike(text, countLine) : undefined;
};

const swarmPorts = /:(?:2377|7946)$/;

/** Whoever else talks to this host is no business of ours: connections of sshd and of the Swarm are all that is asked. */
const ofConnections = (text: string): Kept => ({
  text: text
    .split('\n')
    .filter((line) => {
      const [, state, , , local = '', peer = ''] = line.trim().split(/\s+/);
      const isOurs =
        local.endsWith(':22') || swarmPorts.test(local) || swarmPorts.test(peer) || line.includes('(("sshd');
      return state === 'ESTAB' && isOurs;
    })
    .map((line) => `${line}\n`)
    .join(''),
});

/** Answers of programs that may hold secrets, reduced to what is needed; of other programs, all. */
export const keptOf = (program: string, args: readonly string[], text: string): Kept => {
  const words = args.join(' ');
  if (program === 'docker') return ofDocker(words, text);
  if (program === 'ip' && args.includes('xfrm')) return ofXfrm(words.replace(/^.*\bxfrm /, ''), text);
  if (program === 'ss' && args.includes('connected')) return ofConnections(text);
  return { text };
};
