/** What a capture asks beside what every reader of a host asks. */
import type { Programs } from '../guard/programs.ts';
import { property, text } from '../nftables/json.ts';
import { containerFormat } from './kept.ts';

const plain: readonly (readonly [program: string, ...args: string[]])[] = [
  ['ip', '-j', 'link'],
  ['ip', '-j', '-4', 'rule'],
  ['ip', '-j', '-6', 'rule'],
  ['ip', 'xfrm', 'state', 'count'],
  // Not what is in them: lists of addresses may be long, and are somebody's.
  ['ipset', 'list', '-t'],
  ['nft', '--version'],
];

const versions = async ({ ask }: Programs): Promise<void> => {
  const answers = await Promise.all(['iptables-nft', 'iptables-legacy'].map((program) => ask(program, ['--version'])));
  if (answers.every(({ kind }) => kind === 'missing')) await ask('iptables', ['--version']);
};

const identifiers = (words: string): readonly string[] => words.split('\n').filter((line) => /^[0-9a-z]+$/.test(line));

const engine = async ({ ask }: Programs): Promise<void> => {
  const info = await ask('docker', ['info', '--format', '{{json .}}']);
  const isThere =
    info.kind === 'text' && text(property(JSON.parse(info.text || 'null'), 'ServerVersion')) !== undefined;
  await ask('docker', ['version', '--format', '{{json .}}']);
  if (!isThere) return;
  await ask('docker', ['ps', '--no-trunc', '--format', containerFormat]);
  const list = await ask('docker', ['network', 'ls', '--quiet', '--no-trunc']);
  const ids = list.kind === 'text' ? identifiers(list.text) : [];
  if (ids.length > 0) await ask('docker', ['network', 'inspect', ...ids]);
};

/** firewall-cmd asks firewalld over D-Bus: where it is not installed there is nobody to ask. */
const firewalld = async ({ ask }: Programs): Promise<void> => {
  const state = await ask('firewall-cmd', ['--state']);
  if (state.kind === 'text') await ask('firewall-cmd', ['--version']);
};

/** Asks; the answers are with the recorder. */
export const askMore = async (programs: Programs): Promise<void> => {
  await Promise.all([
    ...plain.map(([program, ...args]) => programs.ask(program, args)),
    versions(programs),
    engine(programs),
    firewalld(programs),
  ]);
};

/** Settings of the kernel that decide about forwarding, for all devices but the ends of containers. */
const settings = [
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/forwarding',
  'net/ipv4/conf/default/forwarding',
  'net/ipv6/conf/all/forwarding',
  'net/ipv6/conf/default/forwarding',
  'net/ipv6/conf/all/disable_ipv6',
  'net/ipv6/bindv6only',
  'net/bridge/bridge-nf-call-iptables',
  'net/bridge/bridge-nf-call-ip6tables',
] as const;

const ofDevice = ['route_localnet', 'rp_filter'] as const;

/** `devices`: the names in /proc/sys/net/ipv4/conf. */
export const settingFiles = (devices: readonly string[]): readonly string[] =>
  [
    ...settings,
    ...devices
      .filter((device) => !/^veth[0-9a-f]{7}$/.test(device))
      .flatMap((device) => ofDevice.map((name) => `net/ipv4/conf/${device}/${name}`)),
  ].map((path) => `/proc/sys/${path}`);

/** Files of which one line is kept: that of the setting. */
export const settingLines: ReadonlyMap<string, RegExp> = new Map([
  ['/etc/firewalld/firewalld.conf', /^FirewallBackend\s*=\s*\w+\s*$/],
  ['/etc/ufw/ufw.conf', /^ENABLED\s*=\s*\w+\s*$/],
]);

/** Modules that a host's rules, or its migration, may need. */
export const askedModules: readonly string[] = 'nf_tables nft_compat ip_tables ip6_tables iptable_filter iptable_nat iptable_mangle iptable_raw ip6table_filter xt_u32 xt_bpf xt_policy ip_set br_netfilter vxlan esp4 xfrm_user'.split(' '); // prettier-ignore
