/** `dnfw install`: a policy into the kernel, with a way back. */
import { type Diagnostic, EnvironmentError, isError } from '../diagnostics/diagnostic.ts';
import { factsOf } from '../guard/encrypted.ts';
import { enforcedIn, vniWords } from '../guard/enforced.ts';
import type { EncryptedVni } from '../guard/facts.ts';
import { readListing, readMeta } from '../guard/generations.ts';
import { type Host, isRead, readHost } from '../guard/host.ts';
import { install, type InstallResult, planOf, type Proposed } from '../guard/install.ts';
import { preflight, type Preflight } from '../guard/preflight.ts';
import type { GuardDocument, Proposal } from '../guard/proposal.ts';
import { usualPriority } from '../guard/ruleset.ts';
import { readSituation, type Situation } from '../guard/situation.ts';
import { wantedOf } from '../guard/wanted.ts';
import type { Json } from '../nftables/json.ts';
import { exit, type ExitStatus } from './exit.ts';
import { type GivenHost, givenHost } from './given-host.ts';
import { answer, guardEngine, guardPaths, sshConnection, step } from './guard-engine.ts';
import { changeLines, changesJson, changeSummary, keptWhy, preflightJson, preflightLines } from './guard-report.ts';
import { policyFor } from './policy.ts';
import { report } from './terminal.ts';
import { version } from './version.ts';

export interface InstallFlags {
  readonly policy?: string;
  readonly fromHost?: boolean;
  readonly from?: string;
  readonly dryRun?: boolean;
  /** With `dryRun`: the host is that of a capture. */
  readonly capture?: string;
  readonly observe?: boolean;
  /** Seconds; false is --no-confirm. */
  readonly confirm?: boolean;
  readonly confirmTimeout?: number;
  readonly priority?: number;
  readonly persist?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** A policy with an error has been reported; nothing is done with it. */
class PolicyError extends Error {}

const checkDiagnostics = (diagnostics: readonly Diagnostic[]): void => {
  report(diagnostics);
  if (diagnostics.some(isError)) throw new PolicyError();
};

/** What is asked once and then needed by plan, preflight and report. */
interface Seen {
  /** The host of a capture, in the place of this one. */
  readonly given?: GivenHost;
  host?: Host;
  checked?: Preflight;
}

const priorityFor = (flags: InstallFlags, { given }: Seen, situation: Situation | undefined): number => {
  const current = situation?.state.current ?? null;
  const meta = given ? given.meta : current === null ? undefined : readMeta(guardPaths(), current);
  const installed = current !== null && meta?.generation === current ? meta.priority : undefined;
  return flags.priority ?? installed ?? usualPriority;
};

const check = (seen: Seen, proposal: Proposal, document: GuardDocument): readonly string[] => {
  checkDiagnostics(document.diagnostics);
  const { policy, facts } = proposal;
  step('preflight: sending packets through a simulation of all rules');
  // Made by readHost before.
  const checked = preflight({ host: seen.host as Host, policy, facts, document: document.text });
  seen.checked = checked;
  for (const line of preflightLines(checked)) step(line);
  return checked.stops.map(({ probe }) => probe.what);
};

/** What the guard that is loaded enforces, or, where somebody took it away, what it enforced when that was last known. */
const lastEnforced = ({ given }: Seen, situation: Situation | undefined): readonly EncryptedVni[] => {
  const last = situation?.recorded?.current ?? situation?.state.good ?? null;
  const recorded = (): Json | undefined => (given ? given.recorded : readListing(guardPaths(), last ?? 0));
  const listing = situation?.listing ?? (last === null ? undefined : recorded());
  return listing === undefined ? [] : enforcedIn(listing);
};

const propose =
  (flags: InstallFlags, seen: Seen) =>
  async (situation: Situation | undefined): Promise<Proposed> => {
    if (!seen.given) step('reading the host');
    const host = seen.given?.host ?? (await readHost());
    seen.host = host;
    const { value: policy, name, diagnostics } = await policyFor(flags, host);
    checkDiagnostics(diagnostics);
    if (!policy) throw new PolicyError();
    const { encrypted: rules, dockerAccepts } = factsOf(host);
    const known = { rules, info: host.docker, overlays: host.overlays, enforced: lastEnforced(seen, situation), isRead: isRead(host), port: policy.swarm?.dataPathPort }; // prettier-ignore
    const { encrypted, kept } = wantedOf(known, 'keep');
    for (const one of kept) step(`${vniWords(one)} stays enforced, ${keptWhy(known.isRead)}`);
    const proposal: Proposal = {
      policy: flags.observe === true ? { ...policy, mode: 'observe' } : policy,
      policyName: name,
      facts: { encrypted, dockerAccepts },
      priority: priorityFor(flags, seen, situation),
    };
    return { proposal, preflight: (document) => check(seen, proposal, document) };
  };

/** The kernel, as far as this user may see it. */
const situationIfSeen = async (): Promise<Situation | undefined> => {
  try {
    const engine = guardEngine();
    // What could not be installed is not planned either.
    await engine.nft.version();
    return await readSituation(engine);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    step(`what is installed cannot be seen, so all of the guard is shown: ${error.message}`);
    if (error.help !== undefined) step(error.help);
    return undefined;
  }
};

/** net/netfilter/core.c nf_hook_slow: an accept ends one base chain only. */
const modest = 'A drop here is final. An accept here opens nothing: the rules behind the guard still decide.';

const plan = async (flags: InstallFlags): Promise<ExitStatus> => {
  const given = flags.capture === undefined ? undefined : await givenHost(flags.capture);
  if (given === 'none') return exit.usage;
  const seen: Seen = given ? { given } : {};
  const situation = given ? given.situation : await situationIfSeen();
  for (const repair of situation?.repairs ?? []) step(repair);
  const { proposal, preflight: ask } = await propose(flags, seen)(situation);
  const { document, changes, isLoaded } = planOf(given ?? guardEngine(), proposal, situation);
  const lost = ask(document);
  const checked = seen.checked ? preflightJson(seen.checked) : null;
  const lines = isLoaded
    ? ['nothing to do: this guard is loaded']
    : [...changeLines(changes), '', modest, `${changeSummary(changes)}; nothing was changed`];
  answer(flags.json, { result: isLoaded ? 'unchanged' : 'planned', changes: isLoaded ? [] : changesJson(changes), preflight: checked }, lines); // prettier-ignore
  return lost.length > 0 && flags.force !== true ? exit.refused : exit.done;
};

const timeLeft = (deadline: string): number => Math.max(0, Math.round((Date.parse(deadline) - Date.now()) / 1000));

const resultLines = (result: InstallResult): readonly string[] => {
  switch (result.kind) {
    case 'unchanged':
      return [
        `nothing to do: generation ${result.state.current} is loaded and is what the policy asks for`,
        ...(result.persisted ? ['it is loaded at boot from now on'] : []),
      ];
    case 'installed':
      return [
        `generation ${result.generation} is loaded${result.persisted ? ', also at boot' : ''}: ${changeSummary(result.changes)}`,
      ];
    case 'waiting':
      return [
        `generation ${result.generation} is loaded, for ${timeLeft(result.pending.deadline)} s: ${result.pending.previous === null ? 'then there is no guard again' : `then generation ${result.pending.previous} comes back`}`,
        'To keep it, open a NEW connection to this host and run there:',
        `    dnfw confirm ${result.pending.id}`,
      ];
  }
};

const resultJson = (result: InstallResult, seen: Seen): object => ({
  result: result.kind,
  generation: result.kind === 'unchanged' ? result.state.current : result.generation,
  changes: result.kind === 'unchanged' ? [] : changesJson(result.changes),
  confirm: result.kind === 'waiting' ? { id: result.pending.id, deadline: result.pending.deadline } : null,
  previous: result.kind === 'waiting' ? result.pending.previous : null,
  persisted: result.kind === 'waiting' ? false : result.persisted,
  preflight: seen.checked ? preflightJson(seen.checked) : null,
});

const usualSeconds = 60;

const change = async (flags: InstallFlags): Promise<ExitStatus> => {
  const seen: Seen = {};
  const request = {
    confirmSeconds: flags.confirm === false ? undefined : (flags.confirmTimeout ?? usualSeconds),
    persist: flags.persist === true,
    force: flags.force === true,
    connection: sshConnection(),
    dnfw: version(),
  };
  const result = await install(guardEngine(), request, propose(flags, seen));
  answer(flags.json, resultJson(result, seen), resultLines(result));
  return exit.done;
};

export const installGuard = async (flags: InstallFlags): Promise<ExitStatus> => {
  try {
    return await (flags.dryRun === true ? plan(flags) : change(flags));
  } catch (error) {
    if (error instanceof PolicyError) return exit.usage;
    throw error;
  }
};
