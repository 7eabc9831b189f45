/** Takes a capture: asks everything once, writes down what is answered, and says what is not. */
import type { Ancestry } from '../guard/caller.ts';
import { readHost } from '../guard/host.ts';
import { readSaves } from '../guard/iptables-save.ts';
import { guardFamily, guardTableName } from '../guard/names.ts';
import type { Programs } from '../guard/programs.ts';
import type { GuardRecords } from '../guard/records.ts';
import { type Json, listOf, property, single, textOf } from '../nftables/json.ts';
import {
  type Answers,
  type Capture,
  type CapturedNamespace,
  linesIn,
  type ModuleState,
  type NotRead,
  type Recorded,
} from './document.ts';
import type { Files } from './files.ts';
import { waysWith } from './idle.ts';
import { type Modules, readModules } from './modules.ts';
import { askedModules, askMore, settingFiles, settingLines } from './questions.ts';
import { recorder } from './record.ts';
import { connectionsOf } from './replay.ts';

/** Network namespaces, as files that nsenter(1) takes. The host's own is none of them. */
export type NamespaceFiles =
  | { readonly kind: 'names'; readonly names: readonly { readonly name: string; readonly path: string }[] }
  | { readonly kind: 'failed'; readonly why: string };

export interface CaptureSeams {
  readonly programs: Programs;
  readonly ancestry: Ancestry;
  readonly files: Files;
  /** `listing`: table inet dnfw, as nft lists it; undefined if there is none. */
  readonly records: (listing: Json | undefined) => { readonly records: GuardRecords | null } | { readonly why: string };
  readonly namespaces: () => NamespaceFiles;
  readonly dnfw: string;
  readonly now: () => Date;
}

const wordOf = async ({ ask }: Programs, option: string): Promise<string> => {
  const answer = await ask('uname', [option], 5);
  return answer.kind === 'text' ? answer.text.trim() : '';
};

const recordedFile = ({ read }: Files, path: string, line?: RegExp): Recorded => {
  const found = read(path);
  if (found.kind !== 'text') return found;
  const lines = linesIn(found.text);
  return { kind: 'text', lines: line === undefined ? lines : lines.filter((one) => line.test(one)) };
};

const filesOf = (files: Files): Answers => {
  const devices = files.list('/proc/sys/net/ipv4/conf');
  const kernel = settingFiles(devices.kind === 'names' ? devices.names : []);
  return new Map([
    ...kernel.map((path) => [path, recordedFile(files, path)] as const),
    ...[...settingLines].map(([path, line]) => [path, recordedFile(files, path, line)] as const),
  ]);
};

const modulesOf = (modules: Modules): ReadonlyMap<string, ModuleState> =>
  new Map(
    askedModules.flatMap((name) => {
      const state = modules(name);
      return state === undefined ? [] : [[name, state] as const];
    }),
  );

export const nftListing = 'nft -j list ruleset';

/** Table inet dnfw as `nft -j list table inet dnfw` has it; undefined if there is none. */
export const guardListing = (recorded: Recorded | undefined): Json | undefined => {
  if (recorded?.kind !== 'json') return undefined;
  const own = listOf(property(recorded.value, 'nftables')).filter((object) => {
    const [kind, value] = single(object) ?? [];
    const table = kind === 'table' ? textOf(value, 'name') : textOf(value, 'table');
    return kind === 'metainfo' || (textOf(value, 'family') === guardFamily && table === guardTableName);
  });
  return own.some((object) => single(object)?.[0] === 'table') ? { nftables: own } : undefined;
};

/** What nsenter itself has to say is no word of the program inside. */
const within = ({ ask }: Programs, path: string): Programs => ({
  ask: async (program, args, seconds) => {
    const answer = await ask('nsenter', [`--net=${path}`, program, ...args], seconds);
    return answer.kind === 'failed' && answer.why.startsWith('nsenter: failed to execute')
      ? { kind: 'missing' }
      : answer;
  },
});

/** Milliseconds after which no further namespace is begun. */
const patience = 60_000;

const askWithin = async (programs: Programs, path: string, modules: Modules): Promise<Answers> => {
  const inside = recorder(within(programs, path), waysWith(modules));
  await readSaves(inside.programs);
  await inside.programs.ask('nft', ['-j', 'list', 'ruleset']);
  return inside.answers();
};

const isAnswered = (answers: Answers): boolean =>
  [...answers.values()].some(({ kind }) => kind === 'text' || kind === 'json');

interface Namespaces {
  readonly namespaces: readonly CapturedNamespace[] | undefined;
  readonly notRead: readonly NotRead[];
}

const theirs = 'network namespaces of containers';

const namespacesOf = async (seams: CaptureSeams, modules: Modules): Promise<Namespaces> => {
  const found = seams.namespaces();
  if (found.kind === 'failed') return { namespaces: undefined, notRead: [{ what: theirs, why: found.why }] };
  if (found.names.length === 0) return { namespaces: [], notRead: [] };
  const helper = await seams.programs.ask('nsenter', ['--version'], 5);
  if (helper.kind === 'missing')
    return { namespaces: undefined, notRead: [{ what: theirs, why: 'nsenter is not installed' }] };
  const began = seams.now().getTime();
  const left = [...found.names];
  const namespaces: CapturedNamespace[] = [];
  const notRead: NotRead[] = [];
  const work = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      if (seams.now().getTime() - began > patience) {
        notRead.push({ what: `namespace ${one.name}`, why: 'the others took all the time that there was' });
        continue;
      }
      const answers = await askWithin(seams.programs, one.path, modules);
      if (isAnswered(answers)) namespaces.push({ name: one.name, answers });
      const failed = [...answers.values()].find(({ kind }) => kind === 'failed');
      if (failed?.kind === 'failed') notRead.push({ what: `namespace ${one.name}`, why: failed.why });
    }
  };
  // Each is a handful of processes that wait for the kernel.
  await Promise.all([work(), work(), work(), work()]);
  return {
    namespaces: namespaces.length === 0 ? undefined : namespaces.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    notRead: notRead.toSorted((a, b) => (a.what < b.what ? -1 : 1)),
  };
};

/** Programs that every host has to have, so that it can be said what its rules are. */
const essential = /^(?:nft -j|ip -j|ss )/;

const notReadIn = (answers: Answers): readonly NotRead[] => {
  const has = (backend: string): boolean => {
    const answer = answers.get(backend);
    return answer !== undefined && answer.kind !== 'missing';
  };
  const tools = (['iptables', 'ip6tables'] as const).filter(
    (tool) => !['-nft-save -c', '-legacy-save -c', '-save -c'].some((end) => has(`${tool}${end}`)),
  );
  const questions = [...answers].flatMap(([what, answer]): readonly NotRead[] => {
    // Nothing that has to be read is missing where firewalld is stopped.
    if (answer.kind === 'failed') return what === 'firewall-cmd --state' ? [] : [{ what, why: answer.why }];
    return answer.kind === 'missing' && essential.test(what) ? [{ what, why: 'it is not installed' }] : [];
  });
  return [...tools.map((tool) => ({ what: `${tool}-save`, why: 'it is not installed' })), ...questions];
};

/** Long lists of identifiers are no help to anybody. */
const short = ({ what, why }: NotRead): NotRead => ({
  what: what.length > 100 ? `${what.slice(0, 99)}…` : what,
  why,
});

/** Never fails: what cannot be read is written down as that. */
export const takeCapture = async (seams: CaptureSeams): Promise<Capture> => {
  const { programs, ancestry, files } = seams;
  const taken = seams.now().toISOString();
  const [name, kernel, machine] = await Promise.all(['-n', '-r', '-m'].map((option) => wordOf(programs, option)));
  const modules = readModules(files, kernel ?? '');
  const recording = recorder(programs, waysWith(modules));
  // Whatever a reader of the host asks is then in the capture.
  await readHost({ programs: recording.programs, ancestry });
  await askMore(recording.programs);
  const [answers, within_] = [await recording.answers(), await namespacesOf(seams, modules)];
  const listed = answers.get(nftListing);
  const isListed = listed?.kind === 'json' || (listed?.kind === 'text' && listed.lines.length === 0);
  const found = isListed ? seams.records(guardListing(listed)) : { why: 'what nft lists is not known' };
  return {
    dnfw: seams.dnfw,
    taken,
    host: { name: name ?? '', kernel: kernel ?? '', machine: machine ?? '' },
    connections: connectionsOf(ancestry.environments()),
    answers,
    files: filesOf(files),
    modules: modulesOf(modules),
    guard: 'records' in found ? found.records : undefined,
    namespaces: within_.namespaces,
    notRead: [
      ...notReadIn(answers),
      ...('why' in found ? [{ what: "the guard's records", why: found.why }] : []),
      ...within_.notRead,
    ].map(short),
  };
};
