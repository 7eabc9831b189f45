/** Whether a rule is one that Docker programs: what for, and by which releases. */
import type { Family } from '../netfilter/family.ts';
import type { TableName } from '../netfilter/hooks.ts';
import type { Statement } from '../nftables/types.ts';
import { type DockerForm, dockerForms, type DockerPart, networkChain } from './forms.ts';
import { matcherWords, type OverlayMatcher, overlayForm } from './overlay.ts';
import { describeRole, overlayRole, type OverlayRole } from './roles.ts';
import { fill, type Filled, say } from './template.ts';
import { inBoth, from, type VersionRange } from './versions.ts';

/** A rule as iptables-save prints it behind `-A CHAIN`, and the nft rules that it became, if it did. */
export interface Candidate {
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  readonly rule: string;
  readonly nft: readonly (readonly Statement[])[];
}

export interface DockerRule {
  /** `encrypt`: of an encrypted overlay. `unknown`: in a chain of Docker's, but in no form that Docker writes. */
  readonly part: DockerPart | 'encrypt' | 'unknown' | 'operator';
  readonly about: string;
  readonly versions: readonly VersionRange[];
  readonly overlay?: OverlayRole;
  readonly matcher?: OverlayMatcher;
  readonly filled?: Filled;
  readonly remark?: string;
}

/** Chains that Docker makes and empties as it likes; those of 12 hexadecimal digits belong to overlays before 24.0. */
const ownChain = /^(?:DOCKER(?:-(?:FORWARD|CT|BRIDGE|INTERNAL|ISOLATION|ISOLATION-STAGE-[12]|INGRESS|OVERLAY))?|DOCKER_(?:OUTPUT|POSTROUTING)|[0-9a-f]{12})$/; // prettier-ignore

/** DOCKER-USER is made by Docker, and filled by the operator. */
export const isDockerChain = (name: string): boolean => ownChain.test(name) || name === 'DOCKER-USER';

/** The names that Docker gives to bridges; others are given by hand. */
const usualBridge = /^(?:docker\d+|docker_gwbridge|br-[0-9a-f]{12})$/;

/** The chain of one overlay in host mode. */
const ofNetwork = /^[0-9a-f]{12}$/;

const formsByPlace = new Map<string, DockerForm[]>();
for (const form of dockerForms) {
  const place = `${form.table} ${form.chain}`;
  formsByPlace.set(place, [...(formsByPlace.get(place) ?? []), form]);
}

/** Bridges under names of their own, told by rules that only Docker writes. */
export const bridgesOf = (rules: Iterable<Pick<Candidate, 'table' | 'chain' | 'rule'>>): ReadonlySet<string> => {
  const found = new Set<string>();
  for (const { table, chain, rule } of rules) {
    if (table !== 'filter' || (chain !== 'FORWARD' && chain !== 'DOCKER-BRIDGE')) continue;
    const bridge = fill('-o {bridge} -j DOCKER', rule)?.bridge;
    if (bridge !== undefined) found.add(bridge);
  }
  return found;
};

/** IPv6 bridges have rules since 20.10, and a chain DOCKER-USER since 23.0. */
const versionsFor = ({ versions, rule }: DockerForm, family: Family): readonly VersionRange[] =>
  family === 'ip' ? versions : inBoth(versions, from(rule.endsWith('DOCKER-USER') ? '23.0.0' : '20.10.0'));

const asForm = (candidate: Candidate, bridges: ReadonlySet<string>): DockerRule | undefined => {
  const { table, chain, rule, family } = candidate;
  const named = ofNetwork.test(chain) ? networkChain : chain;
  for (const form of formsByPlace.get(`${table} ${named}`) ?? []) {
    const filled = fill(form.rule, rule);
    if (!filled) continue;
    const { bridge } = filled;
    // Anybody may write `-i eth1 -o eth1 -j ACCEPT` into FORWARD: there the bridge has to be one of Docker's.
    const isOwn = ownChain.test(chain) || bridge === undefined || usualBridge.test(bridge) || bridges.has(bridge);
    const isLoose = bridge === undefined && table === 'raw' && form.rule.includes('{device}');
    if (!isOwn || isLoose) continue;
    return { part: form.part, about: say(form.about, filled), versions: versionsFor(form, family), filled };
  }
  return undefined;
};

const places: Readonly<Record<OverlayRole['role'], string>> = {
  mark: 'mangle OUTPUT',
  accept: 'filter INPUT',
  drop: 'filter INPUT',
  'drop-any': 'filter INPUT',
};

const asOverlay = ({ family, table, chain, rule, nft }: Candidate): DockerRule | undefined => {
  const overlay = nft.map(overlayRole).find((role) => role !== undefined);
  if (!overlay || `${table} ${chain}` !== places[overlay.role]) return undefined;
  const { matcher, versions, remark } = overlayForm(overlay, rule, family);
  const how = matcher === undefined ? '' : `, found by the ${matcherWords[matcher]}`;
  return {
    part: 'encrypt',
    about: `${describeRole(overlay).replace(/^Docker, /, '')}${how}`,
    versions,
    overlay,
    ...(matcher === undefined ? {} : { matcher }),
    ...(remark === undefined ? {} : { remark }),
  };
};

/** Undefined for a rule that has nothing to do with Docker. `bridges`: see bridgesOf. */
export const recognise = (candidate: Candidate, bridges: ReadonlySet<string>): DockerRule | undefined => {
  const found = asOverlay(candidate) ?? asForm(candidate, bridges);
  if (found) return found;
  if (candidate.chain === 'DOCKER-USER')
    return { part: 'operator', about: "the operator's own rule: Docker leaves this chain alone", versions: [] };
  return ownChain.test(candidate.chain)
    ? { part: 'unknown', about: 'in a chain that Docker makes, but in no form that dnfw knows of Docker', versions: [] }
    : undefined;
};

/** The releases that program all of these rules; none if they are of several. */
export const commonVersions = (rules: readonly Pick<DockerRule, 'versions'>[]): readonly VersionRange[] =>
  rules.reduce<readonly VersionRange[]>(
    (common, { versions }) => (versions.length === 0 ? common : inBoth(common, versions)),
    [{}],
  );
