// What goes wrong around an install: with the real kernel, nft and shell, in namespaces.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Lab, newLab } from './lab.ts';

const labs: Lab[] = [];

const lab = (): Lab => {
  const made = newLab();
  labs.push(made);
  return made;
};

afterAll(() => {
  for (const one of labs.splice(0)) one.remove();
});

const first = 'dnfw install --policy policy.yaml --no-confirm >/dev/null 2>first.err || cat first.err >&2\n';
/** `words: STATUS` on standard output. */
const say = (words: string): string => `echo "${words}: $?"\n`;
const shape = `nft -s list table inet dnfw 2>/dev/null | sed 's/counter packets [0-9]* bytes [0-9]*//'`;

interface State {
  readonly current: number | null;
  readonly good: number | null;
  readonly pending: unknown;
}

// The test that reads it checks what it uses.
const stateOf = (where: Lab): State => JSON.parse(where.read('lib/state.json')) as State;

/** An nft in front of the real one; `$real` is its path. */
const wrapper = (where: Lab, script: string): string => {
  const text = `#!/bin/bash\nreal=$(PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin command -v nft)\nload=no\ncase "$*" in '-j -f '*generations*) load=yes ;; esac\n${script}\nexec "$real" "$@"\n`;
  writeFileSync(join(where.folder, 'nft'), text, { mode: 0o755 });
  return 'PATH="$PWD:$PATH"; hash -r; ';
};

describe.concurrent('nobody confirms', () => {
  it('the previous guard comes back, even if the session dies with dnfw', async () => {
    const one = lab();
    const ran = await one.run(`${first}
      setsid bash -c 'echo $$ >session; "$DNFW_NODE" "$DNFW_MAIN" install --policy wider.yaml --confirm-timeout 5s >out 2>&1; touch done; sleep 100' &
      while [ ! -e done ]; do sleep 0.1; done
      kill -9 -- -$(cat session)
      nft list chain inet dnfw allow | grep -q 8000; ${say('new')}
      sleep 7
      nft list chain inet dnfw allow | grep -q 8000; ${say('still new')}
      loaded
      dnfw install --policy policy.yaml --confirm-timeout 2s; ${say('again')}`);
    expect(ran.stdout).toMatch(/^new: 0\nstill new: 1\ndnfw generation 1 /);
    expect(ran.stdout).toContain('nothing to do');
    expect(ran.stdout).toContain('again: 0');
    expect(ran.stderr).toContain('nobody confirmed generation 2 in time: generation 1 is back');
    expect(stateOf(one)).toMatchObject({ current: 1, good: 1, pending: null });
    expect(one.files('run')).toEqual(['pending']);
  });

  it('without a guard before, there is none again', async () => {
    const ran = await lab()
      .run(`dnfw install --policy policy.yaml --confirm-timeout 3s >/dev/null 2>&1; ${say('install')}
      loaded | wc -l; sleep 5; nft list tables; dnfw history`);
    expect(ran.stdout).toMatch(/^install: 0\n1\n +1 /);
    // The records do not know yet: the kernel is asked.
    expect(ran.stdout).not.toContain('(loaded');
    expect(ran.stderr).toContain('nobody confirmed generation 1 in time');
  });

  it('dnfw is killed behind the load: the timer does not need it', async () => {
    const one = lab();
    const command = 'install --policy wider.yaml --confirm-timeout 4s';
    const ran = await one.run(`${first}
      strace -o trace -e trace=rename "$DNFW_NODE" "$DNFW_MAIN" ${command} >/dev/null 2>&1
      dnfw rollback >/dev/null 2>&1
      last=$(grep -c '^rename(' trace)
      strace -o trace -e trace=rename -e inject=rename:signal=KILL:when=$last "$DNFW_NODE" "$DNFW_MAIN" ${command} >/dev/null 2>&1; ${say('killed')}
      loaded; dnfw status >status.out 2>&1; sleep 6.5; loaded`);
    expect(ran.stdout).toMatch(/killed: 137\ndnfw generation 3 \w+\ndnfw generation 1 /);
    expect(one.read('status.out')).toContain('generation 3');
  });

  it('a dead-man that was killed while it fired is finished by the next dnfw', async () => {
    const one = lab();
    const ran = await one.run(`${first} dnfw install --policy wider.yaml --confirm-timeout 60s >/dev/null 2>&1
      kill -9 -- -$(cat run/pending/*/timer.pid); mv run/pending/*/armed $(echo run/pending/*)/firing
      loaded; dnfw install --policy policy.yaml --no-confirm; ${say('install')} loaded`);
    expect(ran.stdout).toMatch(/^dnfw generation 2 .*\nnothing to do: generation 1 .*\ninstall: 0\ndnfw generation 1 /);
  });

  it('the clock is set meanwhile', async () => {
    const one = lab();
    writeFileSync(join(one.folder, 'later.mjs'), 'const now = Date.now; Date.now = () => now() + 3e11;\n');
    const ran = await one.run(`${first} dnfw install --policy wider.yaml --confirm-timeout 30s >out 2>&1
      sed -i 's/"deadline": "[^"]*"/"deadline": "1999-01-01T00:00:00.000Z"/' lib/state.json run/pending/*/meta.json
      export NODE_OPTIONS="--import ./later.mjs"
      dnfw confirm $(ls run/pending); ${say('confirm')}`);
    expect(ran.stdout).toContain('confirm: 0');
    expect(stateOf(one)).toMatchObject({ current: 2, good: 2, pending: null });
  });
});

describe.concurrent('nft fails', () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ['refuses the guard', '[ $load = yes ] && { echo "Error: no" >&2; exit 1; }', 4],
    ['loads it and says that it did not', '[ $load = yes ] && { "$real" "$@"; exit 1; }', 4],
    ['says that it did and did not', '[ $load = yes ] && exit 0', 4],
    ['is killed', '[ $load = yes ] && kill -9 $$', 4],
    ['loads half of it', '[ $load = yes ] && { grep -v "8000" "$3" >half.json; exec "$real" -j -f half.json; }', 4],
    ['refuses already when it checks', 'case "$*" in "-c "*) echo "Error: not this" >&2; exit 1;; esac', 4],
    ['is too old', '[ "$1" = -V ] && { echo "nftables v0.9.3 (Topsy)"; exit 0; }', 3],
    ['has no JSON', '[ "$1" = -V ] && { echo "nftables v1.0.6 (x)"; echo "  json: no"; exit 0; }', 3],
    ['may not', 'echo "Operation not permitted (you must be root)" >&2; [ "$1" = -V ] || exit 1', 1],
  ];

  it.each(cases)('%s: the kernel is as before', async (_, script, status) => {
    const one = lab();
    const path = wrapper(one, script);
    const ran = await one.run(`${first} ${shape} >before
      (${path} dnfw install --policy wider.yaml --confirm-timeout 30s); ${say('install')}
      ${shape} >after; cmp before after; ${say('same')}
      dnfw install --policy policy.yaml --no-confirm; ${say('again')}`);
    expect(`${ran.stdout}${ran.stderr}`).toContain(`install: ${status}`);
    expect(ran.stdout).toContain('same: 0');
    expect(ran.stdout).toContain('again: 0');
    expect(stateOf(one)).toMatchObject({ current: 1, good: 1, pending: null });
  });

  it('is too old: nothing is planned, either', async () => {
    const one = lab();
    const path = wrapper(one, '[ "$1" = -V ] && { echo "nftables v0.9.3 (Topsy)"; exit 0; }');
    const ran = await one.run(`${path} dnfw install --policy policy.yaml --dry-run; ${say('plan')}`);
    expect(ran.stdout).toBe('plan: 3\n');
    expect(ran.stderr).toContain('error[nft-unsupported]');
  });

  it('is missing: exit 1', async () => {
    const ran = await lab().run(`mkdir bin; ln -s "$DNFW_NODE" bin/node; PATH=$PWD/bin
      dnfw install --policy policy.yaml --no-confirm; ${say('install')}`);
    expect(ran.stdout).toContain('install: 1');
    expect(ran.stderr).toContain('error[program-missing]: nft is not installed');
  });

  it('takes longer than the time to confirm: what it loads late is taken back', async () => {
    const one = lab();
    const path = wrapper(one, '[ $load = yes ] && sleep 2.5');
    const ran = await one.run(`${first}
      (${path} dnfw install --policy wider.yaml --confirm-timeout 1s); ${say('install')}
      sleep 2; loaded`);
    expect(ran.stdout).toMatch(/install: 4\ndnfw generation 1 /);
    expect(ran.stderr).toContain('error[not-confirmed]');
  });
});

/** Seconds for five installs and their way back, on a machine that does something else as well. */
const manyInstalls = 110;

describe.concurrent('the disk', () => {
  it('is full at any step: the guard is the old one and whole, or the new one', async () => {
    const one = lab();
    const sizes = [12, 20, 28, 36, 44].map((size) => `${size}k`).join(' ');
    const ran = await one.run(
      `${first} ${shape} >before; cp -a lib kept
      unshare -m bash -c '
        dnfw() { "$DNFW_NODE" "$DNFW_MAIN" "$@"; }
        for size in ${sizes}; do
          mount -t tmpfs -o size=$(( $(du -s --apparent-size -B1024 kept | cut -f1) + \${size%k} ))k none lib && cp -a kept/. lib/
          dnfw install --policy wider.yaml --confirm-timeout 60s >out 2>&1; status=$?
          words=$(nft list table inet dnfw | grep -o "dnfw generation [0-9]* ")
          echo "$status $words"
          case $status in 0) dnfw rollback >/dev/null 2>&1 ;; 1) ;; *) cat out ;; esac
          umount lib
        done'
      ${shape} >after; cmp before after; ${say('same')}`,
      manyInstalls,
    );
    const lines = ran.stdout.trim().split('\n');
    expect(lines.at(-1)).toBe('same: 0');
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^(?:1 dnfw generation 1|0 dnfw generation 2) $/);
    expect(lines.some((line) => line.startsWith('1 '))).toBe(true);
  });

  it.each(['lib', 'run'])('%s cannot be written to: exit 1, nothing is changed', async (folder) => {
    const ran = await lab().run(`${first} ${shape} >before
      unshare -m bash -c 'mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder} && "$DNFW_NODE" "$DNFW_MAIN" install --policy wider.yaml --no-confirm'; ${say('install')}
      ${shape} >after; cmp before after; ${say('same')}`);
    expect(ran.stdout).toBe('install: 1\nsame: 0\n');
    expect(ran.stderr).toContain('the file system is read-only');
  });
});

describe.concurrent('the folders', () => {
  it.each(['lib', 'run'])('%s is a file: exit 1, nothing is changed', async (folder) => {
    const ran = await lab().run(`rm -r ${folder}; touch ${folder}
      dnfw install --policy policy.yaml --no-confirm; ${say('install')}
      nft list tables; cat ${folder}`);
    expect(ran.stdout).toBe('install: 1\n');
    expect(ran.stderr).toContain('error[file-unwritable]');
  });
});

describe.concurrent('others', () => {
  it('install at the same time: one of them does', async () => {
    const one = lab();
    const ran = await one.run(`${first}
      for n in 1 2 3; do (dnfw install --policy wider.yaml --no-confirm >out$n 2>&1; echo $? >status$n) & done; wait
      cat status1 status2 status3 | sort; loaded`);
    const [words = '', ...statuses] = ran.stdout.trim().split('\n').toReversed();
    expect(words).toMatch(/^dnfw generation 2 /);
    expect(statuses).toContain('0');
    expect(statuses.filter((status) => status !== '0' && status !== '4')).toEqual([]);
    expect(stateOf(one)).toMatchObject({ current: 2, good: 2, pending: null });
    expect(one.has('run/lock')).toBe(false);
  });

  it('flush or restore their rules: the guard stays, or the next install brings it back', async () => {
    const ran = await lab().run(`${first} iptables -A INPUT -p tcp --dport 22 -j ACCEPT; ${shape} >before
      iptables -F; ${shape} | cmp - before; ${say('after iptables -F')}
      iptables-save >rules; iptables-restore <rules; ${shape} | cmp - before; ${say('after iptables-restore')}
      nft flush ruleset; loaded; ${say('after nft flush ruleset')}
      dnfw install --policy policy.yaml --no-confirm; ${say('install')}
      loaded; dnfw install --policy policy.yaml --no-confirm; ${say('again')}`);
    expect(ran.stdout).toMatch(/^after iptables -F: 0\nafter iptables-restore: 0\nafter nft flush ruleset: 1\n/);
    expect(ran.stdout).toMatch(/install: 0\ndnfw generation 2 .*\nnothing to do.*\nagain: 0\n/);
    expect(ran.stderr).toContain('generation 1 is not loaded any more');
  });

  it('change the guard: the next install makes it whole', async () => {
    const ran = await lab().run(`${first} ${shape} >before
      nft add rule inet dnfw allow tcp dport 9999 accept; nft flush chain inet dnfw refuse
      dnfw install --policy policy.yaml --no-confirm; ${say('install')}
      ${shape} | grep -v 'dnfw generation' >after; grep -v 'dnfw generation' before | cmp - after; ${say('same')}`);
    expect(ran.stdout).toContain('install: 0');
    expect(ran.stdout).toContain('same: 0');
  });

  it('have a chain with the same priority: exit 2, and another one helps', async () => {
    const ran = await lab()
      .run(`nft add table inet other; nft add chain inet other mine '{ type filter hook input priority -10; }'
      dnfw install --policy policy.yaml --no-confirm; ${say('install')} nft list tables
      dnfw install --policy policy.yaml --no-confirm --priority -11; ${say('other')}`);
    expect(ran.stdout).toMatch(/^install: 2\ntable inet other\n/);
    expect(ran.stdout).toContain('other: 0');
    expect(ran.stderr).toMatch(/error\[priority-taken\]: chain mine of table inet other.*\n.*--priority -11 is free/);
  });
});

describe.concurrent('the records', () => {
  const damages: readonly (readonly [string, string])[] = [
    ['cut', 'truncate -s 20 lib/state.json'],
    ['empty', ': >lib/state.json'],
    ['other JSON', "echo '[1, 2]' >lib/state.json"],
    ['gone', 'rm lib/state.json'],
    ['of the future', `sed -i 's/"schemaVersion": 1/"schemaVersion": 9/' lib/state.json`],
    ['gone with the generations', 'rm -r lib/*'],
    ['damaged in every file', 'for f in lib/generations/1/*; do echo x >$f; done'],
  ];

  it.each(damages)('are %s: nothing is guessed and nothing crashes', async (_, damage) => {
    const one = lab();
    const ran = await one.run(`${first} ${damage}
      dnfw history >/dev/null; ${say('history')} dnfw confirm abcdef; ${say('confirm')} loaded
      dnfw install --policy wider.yaml --no-confirm >/dev/null; ${say('install')} loaded
      dnfw rollback --to 77; ${say('rollback')} dnfw uninstall >/dev/null; ${say('uninstall')} nft list tables`);
    expect(`${ran.stdout}${ran.stderr}`).toMatch(
      /^history: 0\nconfirm: 2\ndnfw generation 1 .*\ninstall: 0\ndnfw generation 2 .*\nrollback: 2\nuninstall: 0\n(?!table)/,
    );
    expect(ran.stderr).not.toContain('internal');
    expect(one.has('lib')).toBe(false);
    expect(one.has('run')).toBe(false);
  });
});

describe.concurrent('the boot', () => {
  it('loads the confirmed guard with nft alone and no right but one', async () => {
    const one = lab();
    const ran =
      await one.run(`dnfw install --policy policy.yaml --no-confirm --persist >/dev/null 2>&1; ${shape} >before
      dnfw install --policy wider.yaml --confirm-timeout 60s >/dev/null 2>&1; nft flush ruleset
      for times in 1 2; do
        setpriv --bounding-set=-all,+net_admin --inh-caps=-all,+net_admin --no-new-privs $(sed -n 's/^ExecStart=//p' units/dnfw-guard.service)
        ${shape} | cmp - before; ${say('same')}
      done
      dnfw install --policy policy.yaml --no-confirm; ${say('install')}`);
    expect(ran.stdout).toMatch(/^same: 0\nsame: 0\nnothing to do: generation 1 .*\ninstall: 0\n$/);
    expect(one.files('run')).toEqual(['pending']);
  });
});

describe.concurrent('a policy with 100,000 addresses', () => {
  it('is installed, found unchanged, and taken back', async () => {
    const one = lab();
    const addresses = Array.from({ length: 100_000 }, (_, i) => `10.${i >> 15}.${(i >> 7) & 255}.${(i & 127) * 2}`);
    const text = `version: 1\nmode: enforce\ndefault: drop\nsets:\n  many: [${addresses.join(', ')}]\nallow:\n  - { proto: tcp, ports: [22], from: [many] }\n`;
    writeFileSync(join(one.folder, 'many.yaml'), text);
    const ran = await one.run(
      `${first} dnfw install --policy many.yaml --no-confirm --force; ${say('install')}
      nft get element inet dnfw many4 '{ 10.3.6.2 }' >/dev/null; ${say('there')}
      dnfw install --policy many.yaml --no-confirm; ${say('again')}
      dnfw rollback; ${say('rollback')} loaded`,
      100,
    );
    expect(`${ran.stdout}${ran.stderr}`).toMatch(
      /install: 0\nthere: 0\nnothing to do.*\nagain: 0\n.*\nrollback: 0\ndnfw generation 1 /s,
    );
  });
});
