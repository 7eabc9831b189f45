// The receivers: one namespace per way in which the kernel can run a rule, all with the same addresses and routes.
import type { Family } from '../../../src/netfilter/family.ts';
import { type Done, type Frame, interfaceNames, type Lab, openLab } from './lab.ts';
import type { Place } from './packets.ts';
import { type Recorded, readRecorder, recorder } from './record.ts';

/** `native` is what translate makes of the rules, `exact` what it makes with --exact-legacy. */
export const ways = ['legacy', 'nft', 'native', 'exact'] as const;
export type Way = (typeof ways)[number];

/** What each way loads: a dump for iptables-restore, or a document for nft -j. */
export type Loads = Readonly<Record<Way, string>>;

const setUp = `
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0
sysctl -qw net.ipv6.conf.default.accept_ra=0 net.ipv6.conf.default.addr_gen_mode=1
${['all', 'default', 'lo', ...interfaceNames]
  .map((name) => `sysctl -qw net.ipv4.conf.${name}.rp_filter=0 net.ipv4.conf.${name}.accept_local=1`)
  .join('\n')}
ip link set lo up
${interfaceNames.map((name) => `sysctl -qw net.ipv6.conf.${name}.addr_gen_mode=1\nip link set ${name} up`).join('\n')}
ip address add 192.168.77.1/24 dev eth0
ip address add 172.17.0.1/16 dev docker0
ip address add 192.168.1.1/24 dev br-lan
ip -6 address add fd77::1/64 dev eth0 nodad
ip -6 address add fd17::1/64 dev docker0 nodad
ip -6 address add fd19::1/64 dev br-lan nodad
ip route add default via 192.168.77.2
ip -6 route add default via fd77::2
ip neigh add 192.168.77.2 lladdr 02:00:00:00:01:02 dev eth0
ip -6 neigh add fd77::2 lladdr 02:00:00:00:01:02 dev eth0
`;

/** What a receiver itself has to say (ICMP errors, resets) would meet the rules at POSTROUTING as well. */
const silence = 'table inet silence {\n chain output { type filter hook output priority -500; drop\n }\n}\n';

/** With these every packet is for this host, so that rules about destinations are met at INPUT too. */
const localRoutes = (change: 'add' | 'del'): readonly string[] => [
  `ip route ${change} local 0.0.0.0/0 dev lo table local`,
  `ip -6 route ${change} local ::/0 dev lo table local`,
];

const must = async (lab: Lab, where: string, argv: readonly string[], input?: string): Promise<Done> => {
  const done = await lab.run(where, argv, input);
  if (done.status !== 0 || (argv[0] === 'nft' && done.err !== ''))
    throw new Error(`${argv.join(' ')} (${where}): ${done.err}\n${input ?? ''}`);
  return done;
};

const loader = (way: Way, family: Family): readonly string[] => {
  const tables = family === 'ip' ? 'iptables' : 'ip6tables';
  switch (way) {
    case 'legacy':
      return [`${tables}-legacy-restore`, '-w', '10'];
    case 'nft':
      return [`${tables}-nft-restore`];
    case 'native':
    case 'exact':
      return ['nft', '-j', '-f', '-'];
  }
};

export interface Receivers {
  /** Loads rules in place of the last ones; what is wrong with them, or an empty text. */
  readonly load: (way: Way, family: Family, rules: string) => Promise<string>;
  /** Sends the frames to everybody and gives what the hook's ends recorded. */
  readonly judge: (
    family: Family,
    place: Place,
    frames: readonly Frame[],
  ) => Promise<Readonly<Record<Way, Recorded>> & { readonly cpu: number }>;
  readonly lab: Lab;
  readonly close: () => Promise<void>;
}

export const openReceivers = async (): Promise<Receivers> => {
  const lab = await openLab(ways);
  for (const way of ways) {
    await must(lab, way, ['bash', '-e'], setUp);
    await must(lab, way, ['nft', '-f', '-'], silence);
  }
  let local = false;
  const route = async (wanted: boolean): Promise<void> => {
    if (wanted === local) return;
    for (const way of ways) await must(lab, way, ['bash', '-e'], localRoutes(wanted ? 'add' : 'del').join('\n'));
    local = wanted;
  };
  return {
    lab,
    load: async (way, family, rules) => {
      const { status, err } = await lab.run(way, loader(way, family), rules);
      return status === 0 && (way === 'legacy' || way === 'nft' || err === '') ? '' : `exit ${status}: ${err}`;
    },
    judge: async (family, place, frames) => {
      await route(place.hook === 'input');
      for (const way of ways) await must(lab, way, ['nft', '-f', '-'], recorder(family, place, way === 'native'));
      const { cpu } = await lab.send(ways, frames);
      const listings: Record<string, Recorded> = {};
      for (const way of ways) {
        const { out } = await must(lab, way, ['nft', '-j', 'list', 'table', family, 'recorder']);
        listings[way] = readRecorder(out, place);
      }
      const { arrived } = listings['native'] as Recorded;
      for (const way of ways)
        for (const [number, values] of listings[way]?.arrived ?? [])
          listings[way]?.arrived.set(number, new Map([...(arrived.get(number) ?? []), ...values]));
      // Every way has been asked.
      return { ...(listings as Record<Way, Recorded>), cpu };
    },
    close: lab.close,
  };
};
