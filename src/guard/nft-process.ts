/** nft as a process: arguments, never a shell; files, never a pipe; what it says is read, never guessed. */
import { execa } from 'execa';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { isList, isObject, type Json, property } from '../nftables/json.ts';
import { GuardError } from './failure.ts';
import { type NftCommand, NftError } from './nft-command.ts';

export interface NftProcess {
  /** The words before nft's arguments, such as `ip netns exec NAME nft`. */
  readonly command?: readonly string[];
}

interface Answer {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A set of a million addresses takes nft about a minute. */
const patience = 180_000;

const missing = (): EnvironmentError =>
  new EnvironmentError('program-missing', 'nft is not installed', { help: 'install nftables 1.0.1 or later' });

const noPrivilege = (words: string): EnvironmentError =>
  new EnvironmentError('no-privilege', `the kernel lets nft do nothing here: ${words}`, {
    help: 'this needs root or CAP_NET_ADMIN in this network namespace',
  });

/** EOPNOTSUPP and EPROTONOSUPPORT: the kernel lacks nf_tables or a part of it. */
const isUnsupported = (words: string): boolean => /(?:Operation|Protocol) not supported/.test(words);

const unsupported = (words: string): GuardError =>
  new GuardError(
    'unsupported',
    'nft-unsupported',
    `the kernel lacks something that the guard needs: ${words}`,
    'the guard needs a kernel with nf_tables (CONFIG_NF_TABLES_INET), 5.2 or later',
  );

const isNoPrivilege = (words: string): boolean => /Operation not permitted|you must be root/.test(words);

/** nft repeats itself; a user needs each line once, and none of the positions in JSON, which are always 0:0-0. */
const wordsIn = ({ status, stderr }: Answer): string => {
  const lines = stderr
    .split('\n')
    .map((line) => line.replace(/^internal:0:0-0: /, '').trimEnd())
    .filter((line) => line !== '' && !/^\s*\^+\s*$/.test(line));
  const all = [...new Set(lines)];
  return all.length > 0 ? all.slice(0, 6).join('; ') : `it ended with status ${status ?? 'unknown'} and gave no reason`;
};

const parsed = (text: string): Json => {
  try {
    // What JSON.parse gives is Json.
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new EnvironmentError('program-failed', 'what nft lists is no JSON', { cause: error });
  }
};

const smallest = [1, 0, 1] as const;

const isOlder = (version: readonly number[]): boolean => {
  for (const [index, least] of smallest.entries()) {
    const part = version[index] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
};

const objectsIn = (listing: Json): readonly Json[] => {
  const objects = property(listing, 'nftables');
  return isList(objects) ? objects : [];
};

export const nftProcess = ({ command = ['nft'] }: NftProcess = {}): NftCommand => {
  const [program = 'nft', ...before] = command;

  const run = async (args: readonly string[]): Promise<Answer> => {
    const result = await execa(program, [...before, ...args], {
      reject: false,
      timeout: patience,
      stdin: 'ignore',
      stripFinalNewline: false,
      maxBuffer: 500_000_000,
      env: { LC_ALL: 'C' },
    });
    if (result.code === 'ENOENT') throw missing();
    if (result.timedOut)
      throw new EnvironmentError('program-failed', `nft gave no answer within ${patience / 1000} seconds`);
    if (result.exitCode === undefined && result.signal === undefined)
      throw new EnvironmentError('program-failed', `nft cannot be run: ${result.shortMessage ?? 'unknown'}`);
    return { status: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  };

  const fromFile = async (args: readonly string[], file: string): Promise<void> => {
    const answer = await run([...args, '-j', '-f', file]);
    if (answer.status === 0) return;
    const words = wordsIn(answer);
    if (isNoPrivilege(words)) throw noPrivilege(words);
    throw isUnsupported(words) ? unsupported(words) : new NftError(words);
  };

  const list = async (words: readonly string[]): Promise<Json | undefined> => {
    const answer = await run(['-j', 'list', ...words]);
    if (answer.status === 0) return parsed(answer.stdout);
    const said = wordsIn(answer);
    if (isNoPrivilege(said)) throw noPrivilege(said);
    if (isUnsupported(said)) throw unsupported(said);
    if (/No such file or directory/.test(said)) return undefined;
    throw new EnvironmentError('program-failed', `nft cannot list ${words.join(' ')}: ${said}`);
  };

  return {
    version: async () => {
      const { stdout } = await run(['-V']);
      const found = /\bv(\d+(?:\.\d+)+)/.exec(stdout)?.[1];
      if (found === undefined) throw new GuardError('unsupported', 'nft-unsupported', 'nft does not tell its version');
      const version = found.split('.').map(Number);
      if (isOlder(version))
        throw new GuardError(
          'unsupported',
          'nft-unsupported',
          `nft ${found} is too old`,
          `dnfw needs nft ${smallest.join('.')} or later`,
        );
      if (/^\s*json:\s*no/m.test(stdout))
        throw new GuardError(
          'unsupported',
          'nft-unsupported',
          `nft ${found} was built without JSON`,
          'install an nftables package with JSON support',
        );
      return version;
    },
    listGuard: async () => {
      const listing = await list(['table', 'inet', 'dnfw']);
      // Some versions answer for a table that is not there with an empty list.
      return listing !== undefined && objectsIn(listing).some((one) => isObject(one) && 'table' in one)
        ? listing
        : undefined;
    },
    listChains: async () => (await list(['chains'])) ?? { nftables: [] },
    load: (file) => fromFile([], file),
    checkFile: (file) => fromFile(['-c'], file),
  };
};
