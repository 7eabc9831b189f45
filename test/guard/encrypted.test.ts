// Which networks Docker keeps encrypted, and what its accepts let in, read off captured rules of every era.
import { describe, expect, it } from 'vitest';
import { registry } from '../../src/extensions/registry.ts';
import { factsOf } from '../../src/guard/encrypted.ts';
import { parse } from '../../src/iptables/parse.ts';
import type { Family } from '../../src/netfilter/family.ts';
import { readNftables } from '../../src/nftables/read.ts';
import { capture, rules } from './hosts.ts';

const acceptedVni = '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100"';
const nothing = { tables: [] };
const of = (name: string): ReturnType<typeof factsOf> => factsOf({ iptables: capture(name), nft: nothing });
const words = (name: string): readonly string[] =>
  of(name).encrypted.map(({ family, port, vni }) => `${family} ${port} ${vni}`);

describe('encrypted networks', () => {
  it.each([
    ['docker-17.03', ['ip 4789 4097', 'ip 4789 4102']],
    ['docker-20.10.5', ['ip 4789 4097', 'ip 4789 4098']],
    ['docker-20.10.24', ['ip 4789 4097', 'ip 4789 4098', 'ip 4789 4099']],
    ['docker-20.10.24-legacy', ['ip 4789 4097', 'ip 4789 4098', 'ip 4789 4099']],
    ['docker-23.0.3', ['ip 4789 4097', 'ip 4789 4101']],
    ['docker-24.0', ['ip 4777 4097', 'ip 4777 4098']],
    ['docker-28.5.2', ['ip 4789 4097', 'ip 4789 4098', 'ip 4789 4099']],
    ['docker-29', ['ip 4789 4097', 'ip 4789 4098', 'ip6 4789 4099']],
    ['docker-mixed-eras', ['ip 4777 4102', 'ip 4789 0', 'ip 4789 4097', 'ip 4789 4098', 'ip 4789 4099', 'ip 4789 16777215']], // prettier-ignore
    ['operator-ufw', []],
    ['operator-fail2ban', []],
    ['operator-firewalld-direct', []],
    ['docker-20.10.24-ingress', ['ip 4789 4097']],
  ])('%s', (name, expected) => {
    expect(words(name)).toEqual(expected);
  });

  const u32 = '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100"';
  it.each([
    ['a drop for one source', `-A INPUT -s 10.0.0.0/8 -p udp -m udp --dport 4789 ${u32} -j DROP`],
    ['a drop of a chain that is no place of Docker', `:other - [0:0]\n-A other -p udp -m udp --dport 4789 ${u32} -j DROP`], // prettier-ignore
    ['a drop on its way out', `-A OUTPUT -p udp -m udp --dport 4789 ${u32} -j DROP`],
    ['a drop of everything in the clear', '-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -j DROP'],
  ])('%s is no rule of an encrypted network', (_, text) => {
    expect(factsOf({ iptables: rules(text), nft: nothing }).encrypted).toEqual([]);
  });

  const inMangle = (rule: string): string => `*mangle\n:OUTPUT ACCEPT [0:0]\n${rule}\nCOMMIT\n`;
  it.each([
    ['its mark on what goes out', `-j MARK --set-xmark 0xd0c4e3/0xffffffff`, 1],
    ["somebody else's mark", '-j MARK --set-xmark 0x1/0xffffffff', 0],
    ['a drop on its way out', '-j DROP', 0],
  ])('with INPUT emptied, table mangle tells: %s', (_, action, count) => {
    const text = inMangle(`-A OUTPUT -p udp -m udp --dport 4789 ${u32} ${action}`);
    const { value } = parse([{ name: 'iptables-nft-save', text }], registry, { backend: 'nft' });
    const { encrypted, overlayRules } = factsOf({ iptables: value, nft: nothing });
    expect(encrypted).toHaveLength(count);
    expect(overlayRules.map(({ does }) => does)).toEqual(count === 0 ? [] : ['mark']);
  });

  it("finds those of firewalld's direct rules", () => {
    const text = `:INPUT_direct - [0:0]\n-A INPUT -j INPUT_direct\n-A INPUT_direct -p udp -m policy --dir in --pol none -m udp --dport 4789 ${u32} -j DROP`;
    expect(factsOf({ iptables: rules(text), nft: nothing }).encrypted).toEqual([{ family: 'ip', port: 4789, vni: 4097 }]); // prettier-ignore
  });
});

describe("Docker's own nft backend", () => {
  // As nft 1.0.6 lists the table that moby makes.
  const listing = (family: Family, elements: readonly unknown[]): string =>
    JSON.stringify({
      nftables: [
        { table: { family, name: 'docker-overlay' } },
        { set: { family, name: 'encrypted-vnis', table: 'docker-overlay', type: 'integer', elem: elements } },
        { chain: { family, table: 'docker-overlay', name: 'enc-in', type: 'filter', hook: 'input', prio: -300, policy: 'accept' } }, // prettier-ignore
        {
          rule: {
            family,
            table: 'docker-overlay',
            chain: 'enc-in',
            expr: [
              { match: { op: '==', left: { meta: { key: 'ipsec' } }, right: false } },
              { match: { op: '==', left: { payload: { protocol: 'udp', field: 'dport' } }, right: 4790 } },
              { match: { op: '==', left: { payload: { base: 'th', offset: 96, len: 24 } }, right: '@encrypted-vnis' } },
              { counter: { packets: 0, bytes: 0 } },
              { drop: null },
            ],
          },
        },
      ],
    });

  it.each<Family>(['ip', 'ip6'])('%s', (family) => {
    const nft = readNftables('listing', listing(family, [4102, { elem: { val: 4103, comment: 'x' } }])).value;
    expect(factsOf({ iptables: nothing, nft })).toEqual({
      overlayRules: [4102, 4103].map((vni) => ({ family, port: 4790, vni, does: 'drop' })),
      encrypted: [
        { family, port: 4790, vni: 4102 },
        { family, port: 4790, vni: 4103 },
      ],
      dockerAccepts: [],
    });
  });

  it('has no networks before the first one', () => {
    const nft = readNftables('listing', listing('ip', [])).value;
    expect(factsOf({ iptables: nothing, nft }).encrypted).toEqual([]);
  });
});

describe('accepts', () => {
  it('are the same however many packets they have met: an install later on has nothing to do', () => {
    const accept = `-A INPUT -p udp -m policy --dir in --pol ipsec -m udp --dport 4789 ${acceptedVni} -j ACCEPT`;
    const after = (packets: number): unknown =>
      factsOf({ iptables: rules(`[${packets}:${packets * 90}] ${accept}`), nft: nothing }).dockerAccepts;
    expect(after(5)).toHaveLength(2);
    expect(after(5)).toEqual(after(77));
  });

  it.each([
    ['docker-17.03', 2],
    ['docker-20.10.24', 3],
    ['docker-24.0', 2],
    ['docker-28.5.2', 0],
    ['docker-29', 0],
    // Five rules about three networks and ports: three of them say the same in different forms.
    ['docker-mixed-eras', 3],
  ])('%s has %i, and ESP with them', (name, count) => {
    const { dockerAccepts } = of(name);
    const esp = dockerAccepts.filter(({ text }) => text.startsWith('ESP'));
    expect(dockerAccepts.length - esp.length).toBe(count);
    expect(esp.map(({ tests }) => tests)).toEqual(
      count === 0 ? [] : [[{ match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'esp' } }]],
    );
    for (const { tests } of dockerAccepts) expect(JSON.stringify(tests)).not.toMatch(/accept|counter/);
  });
});
