/**
 * Reads a policy: policy.yaml and then the files of policy.d, which add to its lists and sets and replace its single
 * values. Pure; who calls it gives the texts in order.
 */
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import type { Input } from '../iptables/parse.ts';
import type { Policy, PolicyLog, Swarm, TakenRule } from './policy.ts';
import { checkPolicyFile } from './policy-check.ts';
import { listed, newTalk, placeOf, type PolicyFile, single, type Talk } from './policy-merge.ts';
import type { RawPolicy } from './policy-schema.ts';
import { readAllow, readSets, readSources } from './policy-parts.ts';
import { readYaml } from './policy-yaml.ts';

const defaultLog: PolicyLog = { drops: true, rate: 10, per: 'minute', burst: 5, prefix: 'dnfw drop: ' };
/** IANA's for VXLAN, and Docker's unless `docker swarm init --data-path-port` says otherwise. */
const defaultDataPathPort = 4789;

type Per = PolicyLog['per'];
const isPer = (word: string | undefined): word is Per => word === 'second' || word === 'minute' || word === 'hour';

const readLog = (talk: Talk, files: readonly PolicyFile[]): PolicyLog => {
  const part = <T extends string | number | boolean>(
    name: string,
    value: (log: NonNullable<RawPolicy['log']>) => T | undefined,
  ): T | undefined => single(talk, files, ['log', name], ({ log }) => log && value(log))?.value;
  const [rate, per] = part('rate', (log) => log.rate)?.split('/') ?? [];
  return {
    drops: part('drops', (log) => log.drops) ?? defaultLog.drops,
    rate: rate === undefined ? defaultLog.rate : Number(rate),
    per: isPer(per) ? per : defaultLog.per,
    burst: part('burst', (log) => log.burst) ?? defaultLog.burst,
    prefix: part('prefix', (log) => log.prefix) ?? defaultLog.prefix,
  };
};

const readSwarm = (talk: Talk, files: readonly PolicyFile[], names: ReadonlySet<string>): Swarm | undefined => {
  const first = files.find(({ raw }) => raw.swarm);
  if (!first) return undefined;
  const peers = listed(files, ['swarm', 'peers'], ({ swarm }) => swarm?.peers);
  const port = single(talk, files, ['swarm', 'dataPathPort'], ({ swarm }) => swarm?.dataPathPort);
  const encrypted = single(talk, files, ['swarm', 'encrypted'], ({ swarm }) => swarm?.encrypted);
  const key = first.keySpanOf(['swarm']);
  return {
    place: { file: key.file, line: key.line },
    peers: readSources(talk, peers, names),
    dataPathPort: port?.value ?? defaultDataPathPort,
    encrypted: encrypted?.value ?? 'docker',
  };
};

const readRules = (files: readonly PolicyFile[]): readonly TakenRule[] =>
  listed(files, ['rules'], ({ rules }) => rules).map((said) => ({
    place: placeOf({ ...said, path: [...said.path, 'rule'] }),
    ...said.value,
  }));

/** What is not safe to guess: whether packets are dropped, and which. */
const lacking = (talk: Talk, [first]: readonly PolicyFile[], name: string, help: string): undefined =>
  first && talk.error({ code: 'policy-missing', what: `the policy does not say \`${name}\``, help }, first.spanOf([]));

const assemble = (talk: Talk, files: readonly PolicyFile[]): Policy | undefined => {
  const version = single(talk, files, ['version'], (raw) => raw.version);
  const mode = single(talk, files, ['mode'], (raw) => raw.mode);
  const fallback = single(talk, files, ['default'], (raw) => raw.default);
  if (!version) lacking(talk, files, 'version', 'write `version: 1`');
  if (!mode) lacking(talk, files, 'mode', 'write `mode: observe` to count and log first, or `mode: enforce`');
  if (!fallback) lacking(talk, files, 'default', 'write `default: drop` or `default: accept`');
  const sets = readSets(talk, files);
  const names = new Set(sets.map(({ name }) => name));
  const policy: Policy = {
    version: 1,
    mode: mode?.value ?? 'observe',
    default: fallback?.value ?? 'accept',
    sets,
    trusted: readSources(talk, listed(files, ['trusted'], ({ trusted }) => trusted), names), // prettier-ignore
    allow: listed(files, ['allow'], ({ allow }) => allow).map((said) => readAllow(talk, said, names)),
    rules: readRules(files),
    icmp: single(talk, files, ['icmp'], ({ icmp }) => icmp)?.value ?? 'essential',
    log: readLog(talk, files),
    swarm: readSwarm(talk, files, names),
    dockerAccepts: single(talk, files, ['dockerAccepts'], (raw) => raw.dockerAccepts)?.value ?? 'keep',
  };
  return version && mode && fallback ? policy : undefined;
};

const nothing: Diagnostic = {
  code: 'policy-missing',
  severity: 'error',
  what: 'there is no policy',
  help: 'write policy.yaml, or let `dnfw install --from-host` write a first one',
};

/**
 * The policy of these files, in the order in which they count: policy.yaml, then those of policy.d by name. Undefined if
 * anything is wrong; every mistake has its file, line and column.
 */
export const readPolicy = (inputs: readonly Input[]): Outcome<Policy | undefined> => {
  const diagnostics: Diagnostic[] = [];
  const files: PolicyFile[] = [];
  for (const input of inputs) {
    const file = readYaml(input);
    const { raw, diagnostics: mistakes } = checkPolicyFile(file);
    diagnostics.push(...file.diagnostics, ...mistakes);
    if (raw) files.push({ ...file, raw });
  }
  if (diagnostics.some(isError)) return { value: undefined, diagnostics };
  if (files.length === 0) return { value: undefined, diagnostics: [...diagnostics, nothing] };
  const talk = newTalk();
  const policy = assemble(talk, files);
  const all = [...diagnostics, ...talk.diagnostics];
  return { value: all.some(isError) ? undefined : policy, diagnostics: all };
};
