// kill -9 at every step: afterwards the host has the old guard or the new one, whole, and the next dnfw finds its way.
// strace(1) kills, at the entry of a system call; dnfw knows nothing of it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, newLab, twoAtATime } from './lab.ts';

const calls = ['link', 'rename', 'mkdir', 'rmdir', 'fsync', 'unlink', 'openat', 'vfork', 'fork', 'clone', 'clone3'];

/** The n-th call of a kind that the main thread makes. */
interface Point {
  readonly call: string;
  readonly when: number;
}

/** Calls from the lock on; what is before is starting up and reading. */
const pointsIn = (trace: string, count: number): readonly Point[] => {
  const seen = new Map<string, number>();
  const points: Point[] = [];
  let locked = false;
  for (const line of trace.split('\n')) {
    const call = /^(\w+)\(/.exec(line)?.[1];
    if (call === undefined) continue;
    const when = (seen.get(call) ?? 0) + 1;
    seen.set(call, when);
    locked ||= line.includes('/run/lock');
    if (locked && !line.includes('/proc/') && !line.includes('/dist/')) points.push({ call, when });
  }
  // All that gives a name to something or takes one away, and others in between.
  const names = points.filter(({ call }) => /^(?:link|rename|fork|vfork|clone)/.test(call));
  const rest = points.filter((point) => !names.includes(point));
  const wanted = Math.max(0, count - names.length);
  const some = rest.filter((_, index) => Math.floor((index * wanted) / rest.length) !== Math.floor(((index - 1) * wanted) / rest.length)); // prettier-ignore
  return [...names.slice(0, count), ...some];
};

interface Stage {
  readonly lab: Lab;
  /** The guard as `nft -j list table` shows it, by its words. */
  readonly guards: Map<string, string>;
}

/** The table without what changes by itself. */
const settled = (listing: string): string =>
  listing.replace(/"(?:packets|bytes|handle)": \d+/g, '"": 0').replace(/"metainfo": \{[^}]*\}/, '');

const remember = ({ guards }: Stage, listing: string): void => {
  const words = /dnfw generation \d+ [0-9a-f]+/.exec(listing)?.[0] ?? 'none';
  guards.set(words, settled(listing));
};

const traceOf = (command: string): string =>
  `strace -o trace -e trace=${calls.join(',')} "$DNFW_NODE" "$DNFW_MAIN" ${command} >trace.out 2>&1`;
const killAt = ({ call, when }: Point, command: string): string =>
  `strace -o trace -e trace=${call} -e inject=${call}:signal=KILL:when=${when} "$DNFW_NODE" "$DNFW_MAIN" ${command} >killed.out 2>&1`;

const listing = 'nft -j list table inet dnfw >listing 2>/dev/null || true';
/** Loads what the folders say is loaded, and starts the dead-man that waits, if any. */
const resume = `nft -j -f lib/generations/$(node -p 'JSON.parse(require("fs").readFileSync("lib/state.json")).current')/guard.json
for pending in run/pending/*; do
  [ -e "$pending/armed" ] || continue
  words=$(node -p 'const m = JSON.parse(require("fs").readFileSync("'$pending'/meta.json")); "dnfw generation " + m.generation + " " + m.hash')
  setsid sh "$PWD/$pending/deadman.sh" /usr/sbin/nft 60 "$words" </dev/null >/dev/null 2>&1 &
  while ! grep -q . "$pending/timer.pid" 2>/dev/null; do sleep 0.02; done
done
`;
/** Nobody of ours is left when a test ends. */
const endDeadmen = `for pid in run/pending/*/timer.pid; do [ -e "$pid" ] && kill -9 -- -$(cat "$pid") 2>/dev/null; done; true`;

const waiting = 'install --policy wider.yaml --confirm-timeout 60s';
const heal = 'install --policy wider.yaml --no-confirm';

describe('kill -9', () => {
  let installed: Stage;
  let pending: Stage;
  let id = '';

  beforeAll(async () => {
    installed = { lab: newLab(), guards: new Map() };
    const first = await installed.lab.run(`dnfw install --policy policy.yaml --no-confirm; ${listing}`);
    expect(first.stderr).toContain('reading back');
    remember(installed, installed.lab.read('listing'));
    pending = { lab: newLab(installed.lab.folder), guards: new Map(installed.guards) };
    const second = await pending.lab.run(`${resume} dnfw ${waiting}; ${listing}; ${endDeadmen}`);
    id = /dnfw confirm (\w+)/.exec(second.stdout)?.[1] ?? '';
    expect(id).not.toBe('');
    remember(pending, pending.lab.read('listing'));
    remember(installed, pending.lab.read('listing'));
  });

  afterAll(() => {
    installed.lab.remove();
    pending.lab.remove();
  });

  const trial = async (stage: Stage, point: Point, command: string): Promise<string | undefined> => {
    const lab = newLab(stage.lab.folder);
    try {
      const { stderr } = await lab.run(
        `${resume}${killAt(point, command)}; echo $? >killed; ${listing}
        dnfw ${heal} >healed.out 2>&1; echo $? >healed; loaded >words
        nft -j list table inet dnfw >after; ${endDeadmen}`,
      );
      const at = `${command} killed at ${point.call} ${point.when}`;
      const found = settled(lab.read('listing'));
      if (lab.read('killed').trim() !== '137')
        return `${at}: it was not killed (${lab.read('killed').trim()}) ${stderr}`;
      if (![...stage.guards.values()].includes(found)) return `${at}: neither the old guard nor the new one: ${found}`;
      if (lab.read('healed').trim() !== '0') return `${at}: the next install: ${lab.read('healed.out')}`;
      const current = JSON.parse(lab.read('lib/state.json')) as { current: number; good: number; pending: unknown };
      const words = lab.read('words').trim();
      if (
        !words.startsWith(`dnfw generation ${current.current} `) ||
        current.good !== current.current ||
        current.pending !== null
      )
        return `${at}: the records ${JSON.stringify(current)} are not of "${words}"`;
      if (!lab.read('after').includes('8000')) return `${at}: the next install did not load what it was given`;
      const left = [...lab.files('run'), ...lab.files('lib')].filter((file) =>
        /lock|\.tmp|pending\/|revert|rollback/.test(file),
      );
      return left.length > 0 ? `${at}: left behind: ${left.join(', ')}` : undefined;
    } finally {
      lab.remove();
    }
  };

  /** Every second point, from `start` on. */
  const trials = async (stage: Stage, command: string, count: number, start: number): Promise<void> => {
    const lab = newLab(stage.lab.folder);
    const whole = await lab.run(`${resume}${traceOf(command)}; echo $?; ${endDeadmen}`);
    expect(whole.stdout.trim(), `${lab.read('trace.out')} ${whole.stderr}`).toBe('0');
    const all = pointsIn(lab.read('trace'), count);
    lab.remove();
    expect(all.length).toBeGreaterThanOrEqual(count - 1);
    const points = all.filter((_, index) => index % 2 === start);
    const wrong = await twoAtATime(points.map((point) => () => trial(stage, point, command)));
    expect(wrong.filter((one) => one !== undefined)).toEqual([]);
  };

  // In halves, because a machine may be slow.
  it.each([0, 1])('of install leaves the old guard or the new one (%i)', (half) =>
    trials(installed, waiting, 20, half),
  );
  it.each([0, 1])('of confirm leaves the guard that is confirmed (%i)', (half) =>
    trials(pending, `confirm ${id}`, 8, half),
  );
  it.each([0, 1])('of rollback leaves the guard or the one before (%i)', (half) =>
    trials(pending, 'rollback', 8, half),
  );
});
