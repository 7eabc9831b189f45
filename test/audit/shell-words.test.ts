// Commands of a fix are pasted by root: nothing in a rule may be more than a word in them.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { bareSource } from '../../src/audit/bare.ts';
import { inspectHost } from '../../src/audit/inspect.ts';
import { shellRule, shellWord } from '../../src/audit/shell-words.ts';

/** The words that bash makes of a command. */
const argv = (command: string): readonly string[] => {
  const { stdout, stderr } = spawnSync('bash', ['-c', `set -- ${command}\nprintf '%s\\0' "$@"`], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\0').slice(0, -1);
};

describe('rules as words of a shell', () => {
  it.each([
    ['-p udp -m udp --dport 4789 -j DROP', ['-p', 'udp', '-m', 'udp', '--dport', '4789', '-j', 'DROP']],
    ['! -i docker0 -m u32 --u32 "0x0>>0x16&0x3c@0xc=0x1" -j DROP', ['!', '-i', 'docker0', '-m', 'u32', '--u32', '0x0>>0x16&0x3c@0xc=0x1', '-j', 'DROP']], // prettier-ignore
    ['-m comment --comment "$(id) `id` it\\\'s \\"so\\" \\\\ !x" -j DROP', ['-m', 'comment', '--comment', '$(id) `id` it\'s "so" \\ !x', '-j', 'DROP']], // prettier-ignore
    ['-i $(id) -o a;reboot -j a&b', ['-i', '$(id)', '-o', 'a;reboot', '-j', 'a&b']],
  ])('%s', (text, words) => {
    expect(argv(shellRule(text))).toEqual(words);
  });

  it('leaves names alone that are nothing but names', () => {
    expect(['DOCKER-USER', 'br-50a3f22f0f5f', '!', 'x y', "it's"].map(shellWord)).toEqual(['DOCKER-USER', 'br-50a3f22f0f5f', '!', "'x y'", "'it'\\''s'"]); // prettier-ignore
  });

  it('are so in the fixes of findings', () => {
    const hostile = '$(touch owned) `touch owned` \\" ; touch owned';
    const text = `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:a;reboot - [0:0]\n-A INPUT -p udp -m udp --dport 4789 -j ACCEPT\n-A INPUT -p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100200" -m comment --comment "${hostile}" -j DROP\n-A a;reboot -p tcp -m comment --comment "${hostile}" -j DROP\nCOMMIT\n`;
    const { value, diagnostics } = bareSource([{ name: 'rules', text }]);
    if (!value) throw new Error(diagnostics.map(({ what }) => what).join('; '));
    const commands = inspectHost(value).findings.flatMap(({ fix }) => fix.flatMap((one) => one.commands));
    const about = commands.filter((command) => command.includes('owned') || command.includes('a;reboot'));
    expect(about.length).toBeGreaterThan(1);
    for (const command of about) {
      const words = argv(command);
      for (const word of words.filter((one) => one.includes('owned')))
        expect(word).toBe('$(touch owned) `touch owned` " ; touch owned');
      for (const word of words.filter((one) => one.includes('reboot'))) expect(word).toBe('a;reboot');
    }
  });

  it('are so for tables and chains of nft, which came by netlink under any name', () => {
    const [table, chain] = ['own;reboot', '$(reboot)'];
    const place = { family: 'inet', table, chain };
    const drop = [{ match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 23 } }, { drop: null }]; // prettier-ignore
    const text = JSON.stringify({
      nftables: [
        { table: { family: 'inet', name: table } },
        { chain: { family: 'inet', table, name: chain, type: 'filter', hook: 'input', prio: 5, policy: 'accept' } },
        { rule: { ...place, handle: 7, expr: drop } },
        { rule: { ...place, handle: 8, expr: drop } },
      ],
    });
    const { value, diagnostics } = bareSource([{ name: 'host.nft.json', text }]);
    if (!value) throw new Error(diagnostics.map(({ what }) => what).join('; '));
    const commands = inspectHost(value).findings.flatMap(({ fix }) => fix.flatMap((one) => one.commands));
    const about = commands.filter((command) => command.includes('reboot'));
    expect(about.map(argv)).toContainEqual(['nft', 'delete', 'rule', 'inet', table, chain, 'handle', '8']);
    for (const command of about) for (const word of argv(command).filter((one) => one.includes('reboot'))) expect([table, chain]).toContain(word); // prettier-ignore
  });

  it('are so for names of devices and bridges, whatever is in them', () => {
    const [outside, bridge] = ["e'x$(touch)", "b'`touch`;r"];
    const dump = [
      '*raw', ':PREROUTING ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', 'COMMIT',
      '*mangle', ':PREROUTING ACCEPT [0:0]', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ':POSTROUTING ACCEPT [0:0]', 'COMMIT',
      '*nat', ':PREROUTING ACCEPT [0:0]', ':INPUT ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ':POSTROUTING ACCEPT [0:0]', ':DOCKER - [0:0]',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      `-A POSTROUTING -s 172.30.0.0/24 ! -o ${bridge} -j MASQUERADE`,
      `-A DOCKER ! -i ${bridge} -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:80`, 'COMMIT',
      '*filter', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]', ':DOCKER - [0:0]', ':DOCKER-USER - [0:0]',
      `-A INPUT -i ${outside} -p tcp -m tcp --dport 22 -j ACCEPT`,
      `-A INPUT -i ${outside} -p tcp -m tcp --dport 8080 -j DROP`,
      '-A FORWARD -j DOCKER-USER', `-A FORWARD -o ${bridge} -j DOCKER`,
      `-A FORWARD -i ${bridge} ! -o ${bridge} -j ACCEPT`, `-A FORWARD -i ${bridge} -o ${bridge} -j ACCEPT`,
      `-A DOCKER -d 172.30.0.2/32 ! -i ${bridge} -o ${bridge} -p tcp -m tcp --dport 80 -j ACCEPT`, 'COMMIT', '',
    ].join('\n'); // prettier-ignore
    const { value } = bareSource([{ name: 'a b/$(touch).rules', text: dump }]);
    const findings = value ? inspectHost(value).findings : [];
    expect(findings.map(({ code }) => code)).toEqual(expect.arrayContaining(['published-port', 'direct-routing', 'meaning-changes'])); // prettier-ignore
    for (const command of findings.flatMap(({ fix }) => fix.flatMap((one) => one.commands))) {
      if (!command.includes('touch')) continue;
      const words = argv(command);
      expect(words).toEqual(
        expect.arrayContaining(command.includes('rules') ? ['a b/$(touch).rules'] : [expect.stringMatching(/touch/)]),
      );
      for (const word of words.filter((one) => one.includes('touch') && !one.includes('rules')))
        expect([outside, bridge]).toContain(word);
    }
  });
});
