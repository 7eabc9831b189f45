/**
 * The rules that Docker Engine programs for bridge networks, published ports and Swarm ingress, release by release
 * (moby libnetwork: drivers/bridge/setup_ip_tables_linux.go, iptables/iptables.go, service_linux.go, firewall_linux.go,
 * resolver_unix.go). Those of encrypted overlays are in overlay.ts.
 */
import type { TableName } from '../netfilter/hooks.ts';
import { between, everyVersion, from, inBoth, until, type VersionRange } from './versions.ts';

export type DockerPart = 'entry' | 'publish' | 'masquerade' | 'isolate' | 'forward' | 'user' | 'ingress' | 'protect' | 'dns' | 'checksum'; // prettier-ignore

export interface DockerForm {
  readonly table: TableName;
  readonly chain: string;
  /** See template.ts. */
  readonly rule: string;
  readonly part: DockerPart;
  /** What Docker wants with it; with the placeholders of the template. */
  readonly about: string;
  readonly versions: readonly VersionRange[];
}

/** Stands for the chain of one overlay, which is named by the beginning of the network's identifier. */
export const networkChain = 'the chain of a network';

type Row = readonly [chain: string, rule: string, part: DockerPart, about: string, versions?: readonly VersionRange[]];

const rows = (table: TableName, list: readonly Row[]): readonly DockerForm[] =>
  list.map(([chain, rule, part, about, versions = everyVersion]) => ({ table, chain, rule, part, about, versions }));

const toPublished = 'sends packets for an address of this host to the published ports';
const toIngress = 'sends packets for an address of this host to the published ports of Swarm services';
const published = 'publishes {protocol} port {port} of this host: maps it to {to}';
const outgoing = 'gives packets that leave network {network} (bridge {bridge}) the address of the host';
const hairpin = 'lets a container reach itself through its own published port {port}';
const hostHairpin = 'gives packets of the host itself to bridge {bridge} the address of the bridge';

const nat = rows('nat', [
  ['PREROUTING', '-m addrtype --dst-type LOCAL -j DOCKER', 'entry', toPublished],
  ['OUTPUT', '! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER', 'entry', toPublished],
  ['OUTPUT', '! -d ::1/128 -m addrtype --dst-type LOCAL -j DOCKER', 'entry', toPublished, from('20.10.0')],
  ['OUTPUT', '-m addrtype --dst-type LOCAL -j DOCKER', 'entry', `${toPublished} (with userland-proxy=false)`],
  ['PREROUTING', '-m addrtype --dst-type LOCAL -j DOCKER-INGRESS', 'ingress', toIngress, from('1.12.0')],
  ['OUTPUT', '-m addrtype --dst-type LOCAL -j DOCKER-INGRESS', 'ingress', toIngress, from('1.12.0')],
  ['POSTROUTING', '-s {network} ! -o {bridge} -j MASQUERADE', 'masquerade', outgoing],
  ['POSTROUTING', '-s {network} ! -o {bridge} -j SNAT --to-source {to}', 'masquerade', 'gives packets that leave network {network} (bridge {bridge}) the address {to}', from('20.10.0')],
  ['POSTROUTING', '-o docker_gwbridge -m addrtype --src-type LOCAL -j MASQUERADE', 'ingress', 'gives packets of the host itself to docker_gwbridge the address of the bridge'],
  ['POSTROUTING', '-o {bridge} -m addrtype --src-type LOCAL -j MASQUERADE', 'masquerade', hostHairpin],
  ['POSTROUTING', '-s {host} -d {host} -p {protocol} -m {protocol} --dport {port} -j MASQUERADE', 'publish', hairpin],
  ['DOCKER', '-i {bridge} -j RETURN', 'publish', 'leaves packets of containers on bridge {bridge} alone: they do not use published ports', until('28.5.2')],
  ['DOCKER', '-d 127.0.0.0/8 -i loopback0 -j RETURN', 'publish', 'leaves loopback traffic of WSL2 alone', from('27.3.0')],
  ['DOCKER', '! -i {bridge} -p {protocol} -m {protocol} --dport {port} -j DNAT --to-destination {to}', 'publish', published],
  ['DOCKER', '-d {host} ! -i {bridge} -p {protocol} -m {protocol} --dport {port} -j DNAT --to-destination {to}', 'publish', 'publishes {protocol} port {port} of address {host}: maps it to {to}'],
  ['DOCKER', '-p {protocol} -m {protocol} --dport {port} -j DNAT --to-destination {to}', 'publish', `${published} (with userland-proxy=false)`],
  ['DOCKER', '-d {host} -p {protocol} -m {protocol} --dport {port} -j DNAT --to-destination {to}', 'publish', 'publishes {protocol} port {port} of address {host}: maps it to {to} (with userland-proxy=false)'],
  ['DOCKER', '! -s fe80::/10 ! -i {bridge} -p {protocol} -m {protocol} --dport {port} -j DNAT --to-destination {to}', 'publish', published, from('28.0.0')],
  ['DOCKER', '! -s fe80::/10 -p {protocol} -m {protocol} --dport {port} -j DNAT --to-destination {to}', 'publish', `${published} (with userland-proxy=false)`, from('28.0.0')],
  ['DOCKER-INGRESS', '-p {protocol} -m {protocol} --dport {port} -j DNAT --to-destination {to}', 'ingress', 'publishes {protocol} port {port} of a Swarm service: maps it to the ingress network at {to}', from('1.12.0')],
  ['DOCKER-INGRESS', '-j RETURN', 'ingress', 'ends the list of published Swarm ports', from('1.12.0')],
  ['POSTROUTING', '-d {network} -m ipvs --ipvs -j SNAT --to-source {to}', 'ingress', 'gives load-balanced packets the address of the balancer (in its namespace)', from('1.12.0')],
  ['OUTPUT', '-d 127.0.0.11/32 -j DOCKER_OUTPUT', 'dns', "sends the container's name questions to Docker's own name server"],
  ['POSTROUTING', '-d 127.0.0.11/32 -j DOCKER_POSTROUTING', 'dns', "turns the answers of Docker's own name server back"],
  ['DOCKER_OUTPUT', '-d 127.0.0.11/32 -p {protocol} -m {protocol} --dport 53 -j DNAT --to-destination {to}', 'dns', "maps the container's name server to Docker's, at {to}"],
  ['DOCKER_POSTROUTING', '-s 127.0.0.11/32 -p {protocol} -m {protocol} --sport {port} -j SNAT --to-source :53', 'dns', "gives the answers of Docker's name server port 53"],
]); // prettier-ignore

const established = '-m conntrack --ctstate RELATED,ESTABLISHED';
const replies = 'lets replies into bridge {bridge}';
const intoBridge = 'asks chain DOCKER, which lists the published ports, about packets into bridge {bridge}';
const leaving = 'lets containers on bridge {bridge} reach everything outside of it';
const among = 'lets containers on bridge {bridge} reach each other';
const apart = 'keeps containers on bridge {bridge} from each other (icc=false)';
const internalIn = 'keeps packets from outside of the internal network {network} out of bridge {bridge}';
const internalOut = 'keeps packets of bridge {bridge} inside of the internal network {network}';
const stageTwo = '-j DOCKER-ISOLATION-STAGE-2';
const oneChain = [{ to: '18.03.0' }, { from: '18.04.0', to: '18.04.0' }];
const twoStages = [
  { from: '18.03.1', to: '18.03.1' },
  { from: '18.05.0', to: '28.5.2' },
];
const trailing = inBoth(twoStages, until('27'));

const forwarding = rows('filter', [
  ['FORWARD', '-j DOCKER-USER', 'user', "asks chain DOCKER-USER, the operator's own rules, before anything of Docker", from('17.06.0')],
  ['FORWARD', '-j DOCKER-FORWARD', 'forward', "asks chain DOCKER-FORWARD, which holds all of Docker's forwarding", from('28.0.1')],
  ['FORWARD', '-j DOCKER-INGRESS', 'ingress', 'asks chain DOCKER-INGRESS about published ports of Swarm services', between('1.12.0', '28.0.0')],
  ['FORWARD', '-j DOCKER-ISOLATION', 'isolate', 'keeps networks apart from each other', oneChain],
  ['FORWARD', '-j DOCKER-ISOLATION-STAGE-1', 'isolate', 'keeps networks apart from each other', inBoth(twoStages, until('28.0.0'))],
  ['FORWARD', `-o {bridge} ${established} -j ACCEPT`, 'forward', replies, until('27')],
  ['FORWARD', '-o {bridge} -j DOCKER', 'publish', intoBridge, until('27')],
  ['FORWARD', '-i {bridge} ! -o {bridge} -j ACCEPT', 'forward', leaving, until('28.0.0')],
  ['FORWARD', '-i {bridge} -o {bridge} -j ACCEPT', 'forward', among, until('27')],
  ['FORWARD', '-i {bridge} -o {bridge} -j DROP', 'isolate', apart, until('28.0.0')],
  ['FORWARD', '-i {bridge} -j ACCEPT', 'forward', 'lets containers on bridge {bridge} reach everything', between('28.0.0', '28.0.0')],
  ['FORWARD', `-m set --match-set docker-ext-bridges-v4 dst ${established} -j ACCEPT`, 'forward', 'lets replies into the bridge networks', between('28.0.0', '28.0.0')],
  ['FORWARD', `-m set --match-set docker-ext-bridges-v6 dst ${established} -j ACCEPT`, 'forward', 'lets replies into the bridge networks', between('28.0.0', '28.0.0')],
  ['FORWARD', '-m set --match-set docker-ext-bridges-v4 dst -j DOCKER', 'publish', 'asks chain DOCKER about packets into the bridge networks', between('28.0.0', '28.0.0')],
  ['FORWARD', '-m set --match-set docker-ext-bridges-v6 dst -j DOCKER', 'publish', 'asks chain DOCKER about packets into the bridge networks', between('28.0.0', '28.0.0')],
  ['DOCKER-FORWARD', '-m mark --mark {mark} -j ACCEPT', 'forward', 'lets packets with mark {mark} through (--bridge-accept-fwmark)', from('29.0.0')],
  ['DOCKER-FORWARD', '-j DOCKER-INGRESS', 'ingress', 'asks chain DOCKER-INGRESS about published ports of Swarm services', from('28.0.1')],
  ['DOCKER-FORWARD', '-j DOCKER-CT', 'forward', 'asks chain DOCKER-CT, which lets replies through', from('28.0.1')],
  ['DOCKER-FORWARD', '-j DOCKER-ISOLATION-STAGE-1', 'isolate', 'keeps networks apart from each other', between('28.0.1', '28.5.2')],
  ['DOCKER-FORWARD', '-j DOCKER-INTERNAL', 'isolate', 'asks chain DOCKER-INTERNAL, which closes internal networks', from('29.0.0')],
  ['DOCKER-FORWARD', '-j DOCKER-BRIDGE', 'forward', 'asks chain DOCKER-BRIDGE about packets into bridges', from('28.0.1')],
  ['DOCKER-FORWARD', '-i {bridge} -j ACCEPT', 'forward', 'lets containers on bridge {bridge} reach everything', from('28.0.1')],
  ['DOCKER-FORWARD', '-i {bridge} -o {bridge} -j DROP', 'isolate', apart, from('28.0.1')],
  ['DOCKER-FORWARD', '-i {bridge} -o {bridge} -j ACCEPT', 'forward', among, from('28.0.1')],
  ['DOCKER-FORWARD', '-i {bridge} ! -o {bridge} -j ACCEPT', 'forward', leaving, from('28.0.1')],
  ['DOCKER-CT', `-o {bridge} ${established} -j ACCEPT`, 'forward', replies, from('28.0.1')],
  ['DOCKER-BRIDGE', '-o {bridge} -j DOCKER', 'publish', intoBridge, from('28.0.1')],
  ['DOCKER-USER', '-j RETURN', 'user', "ends the operator's own rules", between('17.06.0', '28.2.1')],
]); // prettier-ignore

const isolation = rows('filter', [
  ['DOCKER-ISOLATION', '-i {bridge} -o {device} -j DROP', 'isolate', 'keeps bridge {bridge} from reaching bridge {device}', oneChain],
  ['DOCKER-ISOLATION', '! -s {network} -o {bridge} -j DROP', 'isolate', internalIn, oneChain],
  ['DOCKER-ISOLATION', '! -d {network} -i {bridge} -j DROP', 'isolate', internalOut, oneChain],
  ['DOCKER-ISOLATION', '-j RETURN', 'isolate', 'ends the isolation of networks', oneChain],
  ['DOCKER-ISOLATION-STAGE-1', `-i {bridge} ! -o {bridge} ${stageTwo}`, 'isolate', 'asks whether packets that leave bridge {bridge} go to another bridge', twoStages],
  ['DOCKER-ISOLATION-STAGE-1', '-o {bridge} -j RETURN', 'isolate', 'lets packets into the routed network of bridge {bridge}', between('28.0.0', '28.5.2')],
  ['DOCKER-ISOLATION-STAGE-1', `-i {bridge} ${established} -j ACCEPT`, 'isolate', 'lets replies out of the routed network of bridge {bridge}', between('28.0.0', '28.5.2')],
  ['DOCKER-ISOLATION-STAGE-1', '! -s {network} -o {bridge} -j DROP', 'isolate', internalIn, twoStages],
  ['DOCKER-ISOLATION-STAGE-1', '! -d {network} -i {bridge} -j DROP', 'isolate', internalOut, twoStages],
  ['DOCKER-ISOLATION-STAGE-1', '! -s {network} ! -i {bridge} -o {bridge} -j DROP', 'isolate', internalIn, between('24.0.6', '28.5.2')],
  ['DOCKER-ISOLATION-STAGE-1', '! -d {network} -i {bridge} ! -o {bridge} -j DROP', 'isolate', internalOut, between('24.0.6', '28.5.2')],
  ['DOCKER-ISOLATION-STAGE-1', '-j RETURN', 'isolate', 'ends the isolation of networks', trailing],
  ['DOCKER-ISOLATION-STAGE-2', '-o {bridge} -j DROP', 'isolate', 'keeps other bridges from reaching bridge {bridge}', twoStages],
  ['DOCKER-ISOLATION-STAGE-2', '-j RETURN', 'isolate', 'lets packets that go to no other bridge through', trailing],
  ['DOCKER-INTERNAL', '! -s {network} -o {bridge} -j DROP', 'isolate', internalIn, from('29.0.0')],
  ['DOCKER-INTERNAL', '! -d {network} -i {bridge} -j DROP', 'isolate', internalOut, from('29.0.0')],
  ['DOCKER-INTERNAL', '! -s {network} ! -i {bridge} -o {bridge} -j DROP', 'isolate', internalIn, from('29.0.0')],
  ['DOCKER-INTERNAL', '! -d {network} -i {bridge} ! -o {bridge} -j DROP', 'isolate', internalOut, from('29.0.0')],
]); // prettier-ignore

const ports = rows('filter', [
  ['DOCKER', '-d {host} ! -i {bridge} -o {bridge} -p {protocol} -m {protocol} --dport {port} -j ACCEPT', 'publish', 'lets packets to a published port through: {protocol} port {port} of container {host} on bridge {bridge}'],
  ['DOCKER', '! -i {bridge} -o {bridge} -j DROP', 'protect', 'keeps everything else from outside out of bridge {bridge}', from('28.0.0')],
  ['DOCKER', '! -i {bridge} -o {bridge} -j ACCEPT', 'publish', 'opens bridge {bridge} to everything from outside (gateway mode nat-unprotected)', from('28.0.0')],
  ['DOCKER', '-o {bridge} -p icmp -j ACCEPT', 'publish', 'lets ICMP into bridge {bridge} (gateway mode routed)', from('28.0.0')],
  ['DOCKER', '-o {bridge} -p ipv6-icmp -j ACCEPT', 'publish', 'lets ICMPv6 into bridge {bridge} (gateway mode routed)', from('28.0.0')],
  ['DOCKER', '-s {host} -d {peer} -i {bridge} -o {bridge} -p {protocol} -m {protocol} --dport {port} -j ACCEPT', 'publish', 'a link of two containers (--link): {host} may reach {protocol} port {port} of {peer}'],
  ['DOCKER', '-s {host} -d {peer} -i {bridge} -o {bridge} -p {protocol} -m {protocol} --sport {port} -j ACCEPT', 'publish', 'a link of two containers (--link): the answers of {host} to {peer}'],
  ['DOCKER-INGRESS', '-p {protocol} -m {protocol} --dport {port} -j ACCEPT', 'ingress', 'lets packets to published {protocol} port {port} of a Swarm service through', from('1.12.0')],
  ['DOCKER-INGRESS', '-p {protocol} -m state --state RELATED,ESTABLISHED -m {protocol} --sport {port} -j ACCEPT', 'ingress', 'lets replies from published {protocol} port {port} of a Swarm service through', between('1.12.2', '24')],
  ['DOCKER-INGRESS', `-p {protocol} -m {protocol} --sport {port} ${established} -j ACCEPT`, 'ingress', 'lets replies from published {protocol} port {port} of a Swarm service through', from('25.0.0')],
  ['DOCKER-INGRESS', '-j RETURN', 'ingress', 'ends the list of published Swarm ports', from('1.12.0')],
]); // prettier-ignore

const hostMode = between('1.9.0', '23.0');

/** Overlays in host mode, for kernels that cannot move VXLAN devices (drivers/overlay/filter.go). */
const hostOverlays = rows('filter', [
  ['FORWARD', '-j DOCKER-OVERLAY', 'isolate', 'asks chain DOCKER-OVERLAY about packets to overlays in host mode', hostMode],
  ['OUTPUT', '-j DOCKER-OVERLAY', 'isolate', 'asks chain DOCKER-OVERLAY about packets to overlays in host mode', hostMode],
  ['DOCKER-OVERLAY', '-o {bridge} -j {device}', 'isolate', 'asks the chain of network {device} about packets into bridge {bridge}', hostMode],
  ['DOCKER-OVERLAY', '-j RETURN', 'isolate', 'ends the list of overlays in host mode', hostMode],
  [networkChain, '-i {bridge} -j ACCEPT', 'isolate', 'lets packets of the overlay network itself through', hostMode],
  [networkChain, '-j DROP', 'isolate', 'keeps everything else out of the overlay network', hostMode],
]); // prettier-ignore

const others: readonly DockerForm[] = [
  ...rows('raw', [
    ['PREROUTING', '-d {host} ! -i lo -p {protocol} -m {protocol} --dport {port} -j DROP', 'protect', 'keeps other hosts away from {protocol} port {port}, which is published on loopback address {host}', from('28.0.0')],
    ['PREROUTING', '-d {host} ! -i {bridge} -p {protocol} -m {protocol} --dport {port} -j DROP', 'protect', 'keeps packets that do not come from bridge {bridge} away from {protocol} port {port} of container {host}', between('28.0.0', '28.1')],
    ['PREROUTING', '-d {host} ! -i {bridge} -j DROP', 'protect', 'keeps packets that do not come from bridge {bridge} away from container {host}', from('28.2.0')],
    ['PREROUTING', '-d {host} -i {device} -j ACCEPT', 'protect', 'lets device {device} reach container {host} directly (trusted_host_interfaces)', from('28.2.0')],
    ['PREROUTING', '-d {host} -i loopback0 -p {protocol} -m {protocol} --dport {port} -j ACCEPT', 'protect', 'lets loopback traffic of WSL2 reach {protocol} port {port}', from('28.0.0')],
  ]), // prettier-ignore
  ...rows('mangle', [
    ['POSTROUTING', '-p sctp -m sctp --sport {port} -j CHECKSUM --checksum-fill', 'checksum', 'fills in the checksum of SCTP packets from published port {port}', between('18.03', '28')],
  ]), // prettier-ignore
];

export const dockerForms: readonly DockerForm[] = [
  ...nat,
  ...forwarding,
  ...isolation,
  ...ports,
  ...hostOverlays,
  ...others,
];
