/** The operator's policy from its files. */
import { join } from 'node:path';
import { isError, type Outcome } from '../diagnostics/diagnostic.ts';
import { registry } from '../extensions/registry.ts';
import { namesIn, readText, writeDurably } from '../guard/disk.ts';
import { GuardError } from '../guard/failure.ts';
import { type FromHost, policyFromHost } from '../guard/from-host.ts';
import type { Host } from '../guard/host.ts';
import type { Paths } from '../guard/paths.ts';
import type { Policy } from '../guard/policy.ts';
import { readPolicy } from '../guard/policy-read.ts';
import { parse } from '../iptables/parse.ts';
import { readInput } from './files.ts';
import { hostIn } from './given.ts';
import { guardPaths, step } from './guard-engine.ts';

export interface PolicyFlags {
  readonly policy?: string;
  readonly fromHost?: boolean;
  readonly from?: string;
  readonly dryRun?: boolean;
}

export interface NamedPolicy extends Outcome<Policy | undefined> {
  /** Where it was read from. */
  readonly name: string;
}

/** policy.yaml (or policy.json), then policy.d in the order of the names. */
export const policyFiles = ({ config }: Paths): readonly string[] => {
  const isPolicy = (name: string): boolean => /\.(?:yaml|yml|json)$/.test(name) && !name.startsWith('.');
  const first = namesIn(config).filter((name) => /^policy\.(?:yaml|yml|json)$/.test(name));
  const more = namesIn(join(config, 'policy.d')).filter(isPolicy);
  return [...(first.length > 0 ? first : ['policy.yaml']).map((name) => join(config, name)), ...more.map((name) => join(config, 'policy.d', name))]; // prettier-ignore
};

/** Rules of a file in the place of the host's own. */
const withRulesOf = async (file: string, host: Host): Promise<Outcome<Host>> => {
  const input = readInput(file);
  const captured = await hostIn(input);
  // Of a capture all is taken: what listens there, and whom that Swarm talks to.
  if (captured) return { value: captured.value ?? host, diagnostics: captured.diagnostics };
  const { value, diagnostics } = parse([input], registry);
  return { value: { ...host, iptables: value }, diagnostics };
};

const fromLines = ({ taken, docker, left, proofs }: FromHost): readonly string[] => [
  ...taken.map(({ origin }) => `taken: ${origin.text}`),
  ...docker.map(({ origin }) => `Docker's, not taken: ${origin.text}`),
  ...left.map(({ origin, why }) => `left: ${origin.text} (${why})`),
  ...proofs.map(({ family, verdict }) => `${family}: that the taken rules decide as INPUT does is ${verdict}`),
];

/** What stands there already is never written over. */
const writePolicy = (file: string, text: string): void => {
  const there = readText(file);
  if (there === text) return;
  if (there !== undefined)
    throw new GuardError(
      'usage',
      'policy-exists',
      `there is a policy in ${file} already, and another one would be made from the host`,
      'move it away, or install it as it is, without --from-host and --from',
    );
  writeDurably(file, text, 0o644);
  step(`the policy is written to ${file}: read it`);
};

const firstPolicy = async (flags: PolicyFlags, live: Host): Promise<NamedPolicy> => {
  const { value: host, diagnostics } =
    flags.from === undefined ? { value: live, diagnostics: [] } : await withRulesOf(flags.from, live);
  const file = join(guardPaths().config, 'policy.yaml');
  if (diagnostics.some(isError)) return { value: undefined, diagnostics, name: file };
  const made = policyFromHost(host);
  for (const line of fromLines(made)) step(line);
  if (flags.dryRun === true) step(`${file} would be:\n${made.yaml}`);
  const read = readPolicy([{ name: file, text: made.yaml }]);
  if (flags.dryRun !== true && !read.diagnostics.some(isError)) writePolicy(file, made.yaml);
  return { value: read.value, diagnostics: [...diagnostics, ...read.diagnostics], name: file };
};

export const policyFor = async (flags: PolicyFlags, host: Host): Promise<NamedPolicy> => {
  if (flags.fromHost === true || flags.from !== undefined) return firstPolicy(flags, host);
  const files = flags.policy === undefined ? policyFiles(guardPaths()) : [flags.policy];
  const { value, diagnostics } = readPolicy(files.map(readInput));
  return { value, diagnostics, name: files.join(', ') };
};
