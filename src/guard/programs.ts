/** Effects: programs of the host that the guard asks. Everything that is read of the host goes through this seam. */
import process from 'node:process';
import { execa } from 'execa';

/** Where an answer stands that was written down, so that its lines have places. */
export interface AnswerPlace {
  readonly file: string;
  /** Of the first line of the text; 1-based. */
  readonly line: number;
}

/** What a program said. A program that is missing or has no right is an answer too: what it knows is then not known. */
export type Answer =
  | { readonly kind: 'text'; readonly text: string; readonly place?: AnswerPlace }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: string };

export interface Programs {
  /** Runs a program to its end, `seconds` (60) at most; never throws. */
  readonly ask: (program: string, args: readonly string[], seconds?: number) => Promise<Answer>;
}

/** An engine of another host would tell of that one's networks: contexts are not followed, nor names of hosts. */
export const dockerEnv = ({
  DOCKER_HOST: host = '',
}: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> => ({
  DOCKER_CONTEXT: 'default',
  DOCKER_HOST: /^(?:unix|fd):|^tcp:\/\/(?:127\.|localhost(?::|$)|\[::1\])/.test(host) ? host : '',
});

/** The first line that is no warning such as the one about legacy tables. */
const reasonIn = (stderr: string): string | undefined =>
  stderr.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));

/** Milliseconds that a program which was killed has to be gone. */
const grace = 100;

export const systemPrograms: Programs = {
  ask: async (program, args, seconds = 60) => {
    const child = execa(program, args, {
      reject: false,
      timeout: seconds * 1000,
      killSignal: 'SIGKILL',
      stdin: 'ignore',
      stripFinalNewline: false,
      maxBuffer: 500_000_000,
      env: { LC_ALL: 'C', ...dockerEnv(process.env) },
    });
    // A helper that it has started may outlive it and hold its pipes: nobody waits for that.
    const late = setTimeout(
      () => {
        child.stdout.destroy();
        child.stderr.destroy();
      },
      seconds * 1000 + grace,
    );
    const result = await child;
    clearTimeout(late);
    if (result.code === 'ENOENT') return { kind: 'missing' };
    if (result.timedOut) return { kind: 'failed', why: `it does not answer within ${seconds} s` };
    if (result.failed)
      return { kind: 'failed', why: reasonIn(result.stderr) ?? result.shortMessage ?? 'it gave no reason' };
    return { kind: 'text', text: result.stdout };
  },
};
