/** Effects: hears when rules may have changed, and lets somebody look. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { dockerEnv, type Programs } from './programs.ts';

export interface Watching {
  /** Ends all helpers. */
  readonly stop: () => void;
}

/** Several changes that come together are one. */
const calm = 300;
/** A host that never calms down is looked at all the same. */
const longest = 1000;
/** iptables-legacy tells nobody of its changes. */
const between = 1000;
/** Whatever was missed is found by then. */
const always = 60_000;

/** Calls `look` once for changes that come close together; never twice at a time. */
export const debounced = (look: () => Promise<void>): { readonly hear: () => void; readonly stop: () => void } => {
  let timer: NodeJS.Timeout | undefined;
  let since: number | undefined;
  let busy = false;
  let stopped = false;
  const fire = (): void => {
    if (stopped) return;
    if (busy) {
      timer = setTimeout(fire, 50);
      return;
    }
    timer = undefined;
    since = undefined;
    busy = true;
    void look().finally(() => {
      busy = false;
    });
  };
  return {
    hear: () => {
      if (stopped) return;
      since ??= performance.now();
      const left = Math.max(0, longest - (performance.now() - since));
      clearTimeout(timer);
      timer = setTimeout(fire, Math.min(calm, left));
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
};

/** A program whose every line says that something has happened; started again when it ends. */
const listen = (words: readonly string[], again: number, hear: () => void): (() => void) => {
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const start = (): void => {
    const [program = '', ...args] = words;
    const own = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...dockerEnv(process.env) },
    });
    child = own;
    let over = false;
    const end = (): void => {
      if (over || stopped) return;
      over = true;
      // What happened while nobody listened is not known.
      hear();
      timer = setTimeout(start, again);
    };
    own.stdout?.on('data', hear);
    own.on('error', end);
    own.on('exit', end);
  };
  start();
  return () => {
    stopped = true;
    clearTimeout(timer);
    child?.kill('SIGTERM');
  };
};

/** The tables of iptables-legacy that there are; asking iptables for others would make them. */
const legacyTables = (): boolean =>
  ['/proc/self/net/ip_tables_names', '/proc/self/net/ip6_tables_names'].some((file) => {
    try {
      return /^filter$/m.test(readFileSync(file, 'utf8'));
    } catch {
      return false;
    }
  });

/** Rules without their figures: those change with every packet. */
const withoutFigures = (dump: string): string => dump.replaceAll(/^#.*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, '');

const poll = (programs: Programs, hear: () => void): (() => void) => {
  let before: string | undefined;
  let asking = false;
  const look = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    const dumps = legacyTables()
      ? await Promise.all(['iptables-legacy-save', 'ip6tables-legacy-save'].map((program) => programs.ask(program, [])))
      : [];
    asking = false;
    const now = dumps.map((answer) => (answer.kind === 'text' ? withoutFigures(answer.text) : answer.kind)).join('\n');
    if (before !== undefined && before !== now) hear();
    before = now;
  };
  void look();
  const timer = setInterval(() => void look(), between);
  return () => clearInterval(timer);
};

/** Calls `look` at once and whenever rules may have changed, until it is stopped. */
export const watchRules = (programs: Programs, look: () => Promise<void>): Watching => {
  const { hear, stop } = debounced(look);
  const ends = [
    listen(['nft', 'monitor'], 1000, hear),
    listen(['docker', 'events', '--filter', 'type=network', '--filter', 'type=node', '--format', '{{.Type}}'], 30_000, hear), // prettier-ignore
    poll(programs, hear),
  ];
  const timer = setInterval(hear, always);
  hear();
  return {
    stop: () => {
      stop();
      clearInterval(timer);
      for (const end of ends) end();
    },
  };
};
