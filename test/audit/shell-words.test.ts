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
});
