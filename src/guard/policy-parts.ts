/** The lists of a policy: sets, sources and services, with every word read. */
import { families } from '../netfilter/family.ts';
import { isTextName } from '../nftables/names.ts';
import { nearest } from '../packet/suggest.ts';
import type { Allow, Network, PolicySet, Source } from './policy.ts';
import { placeOf, type PolicyFile, type Said, spanOf, take, type Talk } from './policy-merge.ts';
import type { RawAllow } from './policy-schema.ts';
import { isSetName, readInterface, readNetwork, readPorts } from './policy-values.ts';
import { setName } from './ruleset-sources.ts';

const within = <T>(said: Said<unknown>, key: string, list: readonly T[] | undefined): readonly Said<T>[] =>
  (list ?? []).map((value, index) => ({ file: said.file, path: [...said.path, key, index], value }));

const readSource = (talk: Talk, said: Said<string>, names: ReadonlySet<string>): Source | undefined => {
  const { value: text } = said;
  if (!isSetName(text)) {
    const network = take(talk, readNetwork(text), said);
    return network && { kind: 'network', network };
  }
  if (names.has(text)) return { kind: 'set', name: text };
  const meant = nearest(text, names);
  const help = meant === undefined ? `give it in \`sets\`, or write an address` : `did you mean ${meant}?`;
  return talk.error({ code: 'policy-set', what: `there is no set ${text}`, help }, spanOf(said));
};

export const readSources = (talk: Talk, all: readonly Said<string>[], names: ReadonlySet<string>): readonly Source[] =>
  all.flatMap((said) => readSource(talk, said, names) ?? []);

const readNetworks = (talk: Talk, said: Said<readonly string[]>): readonly Network[] => {
  const found: Network[] = [];
  for (const [index, text] of said.value.entries()) {
    const network = take(talk, readNetwork(text), { ...said, path: [...said.path, index] });
    if (network) found.push(network);
  }
  return found;
};

const checkName = (talk: Talk, name: string, said: Said<unknown>): void => {
  const taken = families.map((family) => setName(name, family)).find((made) => !isTextName(made));
  if (taken !== undefined)
    talk.error(
      { code: 'policy-set', what: `a set cannot be called ${name}`, help: `nft has a meaning of its own for ${taken}` },
      said.file.keySpanOf(said.path),
    );
};

/** A set that several files fill has the elements of all. */
export const readSets = (talk: Talk, files: readonly PolicyFile[]): readonly PolicySet[] => {
  const sets = new Map<string, { readonly set: PolicySet; readonly said: Said<unknown> }>();
  for (const file of files)
    for (const [name, value] of Object.entries(file.raw.sets ?? {})) {
      const said = { file, path: ['sets', name], value };
      const known = sets.get(name);
      if (!known) checkName(talk, name, said);
      const external = value === 'external';
      if (known && known.set.external !== external) {
        const { file: other, line } = placeOf(known.said);
        const what = `the set ${name} is external in one file and filled in another, ${other}:${line}`;
        talk.error({ code: 'policy-set', what, help: 'what is external is filled by other tools alone' }, spanOf(said));
        continue;
      }
      const own = value === 'external' ? [] : readNetworks(talk, { ...said, value });
      const elements = known ? [...known.set.elements, ...own] : own;
      sets.set(name, { set: { name, external, elements }, said: known?.said ?? said });
    }
  return [...sets.values()].map(({ set }) => set);
};

const withPorts: ReadonlySet<RawAllow['proto']> = new Set<RawAllow['proto']>(['tcp', 'udp', 'sctp', 'dccp']);

export const readAllow = (talk: Talk, said: Said<RawAllow>, names: ReadonlySet<string>): Allow => {
  const { proto, ports, from, interfaces, comment } = said.value;
  if (ports && !withPorts.has(proto))
    talk.error(
      { code: 'policy-value', what: `${proto} has no ports`, help: 'ports go with tcp, udp, sctp or dccp' },
      said.file.keySpanOf([...said.path, 'ports']),
    );
  return {
    place: placeOf(said),
    proto,
    ports: within(said, 'ports', ports).flatMap((one) => take(talk, readPorts(one.value), one) ?? []),
    from: readSources(talk, within(said, 'from', from), names),
    interfaces: within(said, 'interfaces', interfaces).flatMap((one) => take(talk, readInterface(one.value), one)?.name ?? []), // prettier-ignore
    ...(comment === undefined ? {} : { comment }),
  };
};
