// Holds the house's rules: arrows between rooms, file sizes, names that stay in their room, words that stay out.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { registry } from '../../src/extensions/registry.ts';

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(file));
const sources = tracked.filter((file) => /^src\/.*\.ts$/.test(file));
const read = (file: string): string => readFileSync(file, 'utf8');

const rulesets = ['diagnostics', 'netfilter', 'packet'];
const extended = [...rulesets, 'iptables', 'nftables'];
const meant = [...extended, 'extensions'];
const known = [...meant, 'translate', 'simulate', 'docker'];

/** Which rooms a room may import; the picture is in ARCHITECTURE.md. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  diagnostics: [],
  netfilter: ['diagnostics'],
  packet: ['diagnostics', 'netfilter'],
  iptables: rulesets,
  nftables: rulesets,
  extensions: extended,
  translate: meant,
  simulate: meant,
  prove: [...meant, 'simulate'],
  docker: [...meant, 'translate'],
  explain: known,
  guard: [...known, 'prove'],
  capture: [...known, 'guard'],
  audit: [...known, 'prove', 'guard', 'capture'],
};

/** Files that say what nft means: they may know nothing of how a rule was translated, or agreement proves nothing. */
const nftSide = /^src\/(simulate|prove)\/nft/;

const importsOf = (file: string): readonly string[] =>
  [...read(file).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((found) => found[1] ?? '');

describe('the tree', () => {
  it('has only arrows that point the right way', () => {
    const wrong = sources.flatMap((file) => {
      const room = file.split('/')[1] ?? '';
      const allowed = arrows[room];
      if (room === 'cli') return [];
      if (!allowed) return [`${file}: the room ${room} has no arrows`];
      return importsOf(file)
        .filter((path) => path.startsWith('.'))
        .map((path) => new URL(path, `file:///${file}`).pathname.split('/')[2] ?? '')
        .filter((target) => target !== room && !allowed.includes(target))
        .map((target) => `${file} imports ${target}/`);
    });
    expect(wrong).toEqual([]);
  });

  it('keeps the meaning of nft apart from the translation', () => {
    const open = sources.filter((file) => nftSide.test(file));
    const seen = new Set<string>();
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      if (seen.has(file)) continue;
      seen.add(file);
      for (const path of importsOf(file).filter((one) => one.startsWith('.')))
        open.push(new URL(path, `file:///${file}`).pathname.slice(1));
    }
    expect([...seen].filter((file) => /^src\/(extensions|translate|iptables)\//.test(file))).toEqual([]);
    expect(seen.size).toBeGreaterThan(5);
  });

  it('touches processes, files, clock and network in cli/ and guard/ only', () => {
    const core = sources.filter((file) => !/^src\/(cli|guard)\//.test(file));
    expect(core.filter((file) => importsOf(file).some((path) => /^(node:|execa|commander)/.test(path)))).toEqual([]);
    expect(core.filter((file) => /\bprocess\.|\bBuffer\b|Date\.now|Math\.random/.test(read(file)))).toEqual([]);
  });

  it('keeps files under 400 lines', () => {
    const code = tracked.filter((file) => /\.(ts|mjs|sh)$/.test(file));
    expect(code.filter((file) => read(file).split('\n').length > 401)).toEqual([]);
  });

  it('names matches and targets in extensions/ only', () => {
    // Protocols, commands (-P, conntrack), tables and nft words share their names with extensions; they name none.
    const words = 'tcp udp udplite sctp dccp icmp ah esp mark length limit comment state set mac policy conntrack';
    const shared = new Set(words.split(' '));
    const names = [...registry.matches.keys(), ...registry.targets.keys()].filter((name) => !shared.has(name));
    const rooms = sources.filter((file) => /^src\/(iptables|translate|cli|diagnostics)\//.test(file));
    const wrong = rooms.flatMap((file) => {
      const text = read(file);
      return names.filter((name) => text.includes(`'${name}'`)).map((name) => `${file} names ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it('has no default exports, no classes but errors, no unfinished places', () => {
    expect(sources.filter((file) => /export default/.test(read(file)))).toEqual([]);
    expect(
      sources.filter((file) => /^\s*(?:export )?(?:abstract )?class (?!\w+ extends Error)/m.test(read(file))),
    ).toEqual([]);
    expect(sources.filter((file) => /\b(TODO|FIXME|XXX)\b/.test(read(file)))).toEqual([]);
  });

  it('has no test that may not run', () => {
    const tests = tracked.filter((file) => /^test\/.*\.ts$/.test(file) && !file.startsWith('test/tidy/'));
    expect(tests.filter((file) => /\b(it|test|describe)\.(only|skip|todo)\b|skipIf|runIf/.test(read(file)))).toEqual(
      [],
    );
  });

  it('speaks of the project alone', () => {
    // Written in parts, so that this file does not find itself.
    const parts = [
      ['/wo', 'rk/'],
      ['/fa', 'rm/'],
      ['registry\\.np', 'mjs'],
      ['deb\\.deb', 'ian'],
      ['\\.lib', 'rary/'],
    ];
    const words = new RegExp(parts.map((part) => part.join('')).join('|'));
    expect(tracked.filter((file) => words.test(read(file)))).toEqual([]);
  });
});
