// The hooks of a host: rulesets side by side, conntrack, NAT and the routing decision.
import { describe, expect, it } from 'vitest';
import { parseLocal, parseRoute } from '../../src/cli/simulate-options.ts';
import type { Facts } from '../../src/simulate/facts.ts';
import { host, iptables, nft, nftTable, saved, send, told } from './scenario.ts';

const facts = (locals: readonly string[], routes: readonly string[] = []): Facts => ({
  locals: locals.flatMap((text) => parseLocal(text) ?? []),
  routes: routes.flatMap((text) => parseRoute(text) ?? []),
});
const filter = (...rules: readonly string[]): string =>
  saved({
    filter: [
      ':INPUT ACCEPT [0:0]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ...rules.map((rule) => `-A ${rule}`),
    ],
  });
const inputChain = (priority: number, verdict: string): ReturnType<typeof nft> =>
  nft(nftTable({ guard: { base: ['filter', 'input', priority], rules: [[{ [verdict]: null }]] } }));
const setMark = (value: number): unknown => ({ mangle: { key: { meta: { key: 'mark' } }, value } });
const markIs = (right: number): unknown => ({ match: { op: '==', left: { meta: { key: 'mark' } }, right } });
const tcp = 'hook=input in=eth0 ip saddr=192.0.2.7 tcp dport=22';

describe('base chains of one hook', () => {
  it('are all asked: an accept ends one of them only', () => {
    expect(send([inputChain(-10, 'accept'), iptables(filter('INPUT -j DROP'))], tcp).verdict).toBe('drop');
    expect(send([iptables(filter('INPUT -j ACCEPT')), inputChain(10, 'drop')], tcp).verdict).toBe('drop');
  });

  it('are asked by priority, whatever order they were given in', () => {
    const found = send([iptables(filter('INPUT -j DROP')), inputChain(-10, 'drop')], tcp);
    expect(told(found)).toEqual(['drop: drop']);
  });

  it('end everything with a drop', () => {
    const found = send([inputChain(-10, 'drop'), iptables(filter('INPUT -j ACCEPT'))], tcp);
    expect(told(found)).toHaveLength(1);
  });
});

describe('base chains of one priority', () => {
  const marking = nft(nftTable({ a: { base: ['filter', 'input', 0], rules: [[setMark(1)]] } }, 'a'));
  const asking = nft(nftTable({ b: { base: ['filter', 'input', 0], rules: [[markIs(1), { drop: null }]] } }, 'b'));

  it('have no known order: it is said where that matters', () => {
    const found = send([marking, asking], tcp);
    expect(found.verdict).toBe('unknown');
    expect(found.unknown).toEqual(['at input priority 0, ip a a runs before the others']);
  });

  it('may have any order where none of them changes the packet', () => {
    expect(send([inputChain(0, 'drop'), iptables(filter('INPUT -j ACCEPT'))], tcp).verdict).toBe('drop');
    expect(send([iptables(filter('INPUT -j REJECT')), inputChain(0, 'drop')], tcp).verdict).toBe('unknown');
  });

  it('are asked in turn where one of them only marks', () => {
    expect(send([marking, iptables(filter('INPUT -j DROP'))], tcp).verdict).toBe('drop');
  });
});

describe('conntrack', () => {
  const raw = saved({
    raw: [
      ':PREROUTING ACCEPT [0:0]',
      '-A PREROUTING -m conntrack --ctstate NEW -j DROP',
      '-A PREROUTING -p udp -j CT --notrack',
    ],
    filter: [
      ':INPUT DROP [0:0]',
      '-A INPUT -m conntrack --ctstate UNTRACKED -j REJECT',
      '-A INPUT -m conntrack --ctstate NEW -j ACCEPT',
    ],
  });
  const to = host([iptables(raw)], facts(['192.0.2.1']));

  it('comes behind the table raw', () => {
    expect(send(to, 'in=eth0 ip daddr=192.0.2.1 tcp dport=22').verdict).toBe('accept');
  });

  it('lets a packet be that a rule has said notrack of', () => {
    expect(send(to, 'in=eth0 ip daddr=192.0.2.1 udp dport=53').verdict).toBe('reject');
  });

  it('has seen before what comes over the loopback device', () => {
    expect(send(to, 'in=lo ip daddr=192.0.2.1 tcp dport=22').verdict).toBe('drop');
  });
});

/** What Docker makes for a container with a published port. */
const docker = iptables(
  saved({
    nat: [
      ':PREROUTING ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ':POSTROUTING ACCEPT [0:0]',
      ':DOCKER - [0:0]',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER',
      '-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
      '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    ],
    filter: [
      ':INPUT DROP [0:0]',
      ':FORWARD DROP [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ':DOCKER - [0:0]',
      '-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -o docker0 -j DOCKER',
      '-A FORWARD -i docker0 ! -o docker0 -j ACCEPT',
      '-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT',
    ],
  }),
  'nft',
);

describe('NAT', () => {
  const to = host([docker], facts(['192.0.2.1@eth0'], ['172.17.0.0/16=docker0', '0.0.0.0/0=eth0']));

  it('takes a packet for a published port to the container', () => {
    const found = send(to, 'in=eth0 ip saddr=198.51.100.7 ip daddr=192.0.2.1 tcp dport=8080');
    expect(found.verdict).toBe('accept');
    expect(told(found)).toContain('nat: dnat to 172.17.0.2:80');
    expect(told(found)).toContain('routing: 172.17.0.2 is forwarded to docker0');
  });

  it('leaves a packet for another port to the host', () => {
    const found = send(to, 'in=eth0 ip saddr=198.51.100.7 ip daddr=192.0.2.1 tcp dport=8081');
    expect(told(found)).toContain('routing: 192.0.2.1 is delivered to this host');
    expect(found.verdict).toBe('drop');
  });

  it('gives what a container sends the address of the device', () => {
    const found = send(to, 'in=docker0 ip saddr=172.17.0.2 ip daddr=198.51.100.7 tcp dport=443');
    expect(told(found).slice(-2)).toEqual([
      'POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE: accept',
      'nat: masquerade',
    ]);
  });

  it('takes what the host itself sends to the container, too', () => {
    const found = send(to, 'hook=output out=lo ip saddr=192.0.2.1 ip daddr=192.0.2.1 tcp dport=8080');
    expect(told(found)).toContain('nat: dnat to 172.17.0.2:80');
    expect(found.verdict).toBe('accept');
  });

  it('asks no chain about later packets of a connection', () => {
    const reply =
      'in=docker0 ip saddr=172.17.0.2 ip daddr=198.51.100.7 tcp sport=80 tcp dport=50000 tcp flags=syn,ack ct state=established';
    const dnat =
      'ct status=dnat ct direction=reply ct original saddr=198.51.100.7 ct original daddr=192.0.2.1 ct original proto-src=50000 ct original proto-dst=8080';
    const found = send(to, `${reply} ${dnat}`);
    expect(found.verdict).toBe('accept');
    expect(told(found).filter((line) => line.includes('PREROUTING policy'))).toEqual([]);
    expect(told(found)).toContain('nat: translated as the connection is');
  });

  it('does not know of a later packet whether its connection is translated, if nobody says it', () => {
    const later = 'in=eth0 ip daddr=192.0.2.1 tcp dport=8080 ct state=established';
    const found = send(to, later);
    expect(found.verdict).toBe('unknown');
    expect(found.unknown).toContain('the connection is translated in prerouting (ct status)');
    expect(send(to, `${later} ct status=0`).verdict).toBe('drop');
  });

  it('is not for packets without a conntrack entry', () => {
    const found = send(to, 'in=eth0 ip daddr=192.0.2.1 tcp dport=8080 ct state=untracked');
    expect(told(found).some((line) => line.includes('PREROUTING'))).toBe(false);
    expect(found.verdict).toBe('drop');
  });

  it('takes the first mapping; an accept in one chain does not stop the next', () => {
    const chain = (priority: number, ...rules: readonly unknown[][]): unknown => ({
      base: ['nat', 'prerouting', priority],
      rules,
    });
    const dnat = (addr: string): unknown => ({ dnat: { addr } });
    const chains = {
      first: chain(-110, [{ accept: null }]),
      second: chain(-105, [dnat('172.17.0.9')]),
      third: chain(-100, [dnat('172.17.0.8')]),
    };
    // The shape of nftTable's argument, which the rows above have.
    const program = nft(nftTable(chains as Parameters<typeof nftTable>[0]));
    const found = send(
      host([program], facts([], ['172.17.0.0/16=docker0'])),
      'in=eth0 ip daddr=192.0.2.1 tcp dport=80',
    );
    expect(told(found)).toContain('nat: dnat to 172.17.0.9');
    expect(told(found)).not.toContain('nat: dnat to 172.17.0.8');
  });

  it('may choose an address that nobody can tell', () => {
    const range = iptables(
      saved({
        nat: [':PREROUTING ACCEPT [0:0]', '-A PREROUTING -p tcp -j DNAT --to-destination 172.17.0.2-172.17.0.3'],
        filter: [':FORWARD ACCEPT [0:0]', '-A FORWARD -d 172.17.0.3/32 -j DROP'],
      }),
    );
    const found = send([range], 'in=eth0 out=docker0 ip daddr=192.0.2.1 tcp dport=80');
    expect(found).toMatchObject({ verdict: 'unknown', unknown: ['ip daddr 172.17.0.3'] });
  });

  it('sends a redirected packet to this host', () => {
    const redirect = iptables(
      saved({
        nat: [':PREROUTING ACCEPT [0:0]', '-A PREROUTING -p tcp -j REDIRECT --to-ports 8080'],
        filter: [':INPUT ACCEPT [0:0]', '-A INPUT -d 192.0.2.1/32 -p tcp -m tcp --dport 8080 -j DROP'],
      }),
    );
    const words = 'in=eth0 ip daddr=198.51.100.9 tcp dport=80';
    expect(send(host([redirect], facts(['192.0.2.1@eth0'])), words).verdict).toBe('drop');
    expect(send(host([redirect]), words).verdict).toBe('unknown');
  });
});

describe('the routing decision', () => {
  const both = iptables(filter('INPUT -j ACCEPT', 'FORWARD -j DROP'));
  const words = 'in=eth0 ip daddr=192.0.2.1 tcp dport=22';

  it.each([
    ['what the packet says of its destination', host([both]), `${words} fib daddr type=local`, 'accept'],
    ['what it says of another destination', host([both]), `${words} fib daddr type=unicast`, 'drop'],
    ['the device that it leaves through', host([both]), `${words} out=eth1`, 'drop'],
    ['addresses of the host', host([both], facts(['192.0.2.1'])), words, 'accept'],
    ['routes of the host', host([both], facts([], ['192.0.2.0/24=eth1'])), words, 'drop'],
    ['an address that is nobody else’s', host([both]), 'in=eth0 ip daddr=224.0.0.251 udp dport=5353', 'accept'],
    ['a type without a route', host([both]), `${words} fib daddr type=prohibit`, 'drop'],
  ] as const)('goes by %s', (_what, to, said, verdict) => {
    expect(send(to, said).verdict).toBe(verdict);
  });

  it('is never guessed', () => {
    expect(send([both], words)).toMatchObject({ verdict: 'unknown', unknown: ['fib daddr type local'] });
    expect(send([iptables(filter('INPUT -j DROP', 'FORWARD -j DROP'))], words).verdict).toBe('drop');
  });

  it('takes the longest route', () => {
    const out = iptables(filter('FORWARD -o eth2 -j DROP'));
    const to = host([out], facts([], ['0.0.0.0/0=eth1', '192.0.2.0/24=eth2', '192.0.0.0/16=eth3']));
    expect(send(to, words).verdict).toBe('drop');
  });

  it('is made again for a sent packet whose mark a chain of type route has changed', () => {
    const mangle = iptables(saved({ mangle: [':OUTPUT ACCEPT [0:0]', '-A OUTPUT -j MARK --set-mark 1'] }));
    expect(told(send([mangle], 'hook=output out=eth0 udp dport=4789'))).toContain(
      'routed again, because the chain changed the packet; still through eth0',
    );
  });
});

describe('a fragment', () => {
  const to = host([iptables(filter('INPUT -f -j DROP', 'FORWARD -f -j DROP'))], facts(['192.0.2.1']));

  it('for this host is kept until its datagram is whole', () => {
    expect(send(to, 'in=eth0 ip daddr=192.0.2.1 frag-off=185')).toMatchObject({
      verdict: 'taken',
      detail: 'taken by reassembly: its datagram meets input when it is whole',
    });
  });

  it('for another host is forwarded as it is', () => {
    expect(send(to, 'in=eth0 out=eth1 ip daddr=192.0.2.2 frag-off=185').verdict).toBe('drop');
  });

  it('is looked at in input if somebody wants to know, who is told that there is none', () => {
    const found = send(to, 'hook=input in=eth0 ip daddr=192.0.2.1 frag-off=185');
    expect(told(found)[0]).toBe('no rule of input sees a fragment: the kernel puts the datagram together before');
    expect(found.verdict).toBe('drop');
  });
});

describe('devices', () => {
  it('are known only where the kernel knows them', () => {
    const raw = iptables(
      saved({ mangle: [':PREROUTING ACCEPT [0:0]', ':X - [0:0]', '-A PREROUTING -j X', '-A X ! -o eth1 -j DROP'] }),
    );
    expect(send([raw], 'in=eth0 out=eth1 ip daddr=192.0.2.1 tcp dport=22').verdict).toBe('drop');
    const post = iptables(saved({ mangle: [':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -o eth1 -j DROP'] }));
    expect(send([post], 'in=eth0 out=eth1 ip daddr=192.0.2.1 tcp dport=22').verdict).toBe('drop');
  });
});
