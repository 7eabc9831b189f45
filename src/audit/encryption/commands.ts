/** Commands that put Docker's rules of an encrypted overlay back, in the form that the engine of the host writes. */
import { overlayProgram } from '../../docker/overlay.ts';
import { isAmong } from '../../docker/versions.ts';
import { ruleText } from '../../nftables/describe.ts';
import type { NftRule } from '../../nftables/ruleset.ts';
import type { Evidence } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt, programFor } from '../host-rules.ts';
import { type Overlay, rulesOf } from '../overlays.ts';

const u32 = (vni: number): string => `-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x${(vni * 256).toString(16)}"`;
const bpf = (vni: number): string =>
  `-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 ${vni},6 0 0 0,6 0 0 4294967295"`;

/** As the other rules of the host do it; else as its release does. */
const matcherFor = (host: AuditHost, { family, vni }: Overlay): string => {
  const used = host.overlays().flatMap(rulesOf);
  const matcher = used.map(({ text }) => overlayProgram(text)?.matcher).find((one) => one !== undefined);
  const { version } = host;
  const isOld = matcher === undefined ? version !== undefined && isAmong(version, [{ to: '23' }]) : matcher === 'u32';
  return isOld && family === 'ip' ? u32(vni) : bpf(vni);
};

const programOf = (host: AuditHost, { family }: Overlay): string => {
  const tables = host.host.iptables.tables.filter((table) => table.family === family);
  const table = tables.find(({ chains }) => chains.some(({ rules }) => rules.length > 0));
  return programFor(table ?? tables[0] ?? { family, backend: 'nft' });
};

export const addingMark = (host: AuditHost, overlay: Overlay): string =>
  `${programOf(host, overlay)} -t mangle -A OUTPUT -p udp -m udp --dport ${overlay.port} ${matcherFor(host, overlay)} -j MARK --set-xmark 0xd0c4e3/0xffffffff`;

/** At the top of INPUT, where later releases put it. */
export const insertingDrop = (host: AuditHost, overlay: Overlay): string =>
  `${programOf(host, overlay)} -I INPUT 1 -p udp -m policy --dir in --pol none -m udp --dport ${overlay.port} ${matcherFor(host, overlay)} -j DROP`;

export const acceptingDecrypted = (host: AuditHost, overlay: Overlay): string =>
  `${programOf(host, overlay)} -I INPUT 1 -p udp -m policy --dir in --pol ipsec -m udp --dport ${overlay.port} -j ACCEPT`;

export const acceptingEsp = (host: AuditHost, overlay: Overlay): string =>
  `${programOf(host, overlay)} -I INPUT 1 -p esp -j ACCEPT`;

export const nativeEvidence = (rule: NftRule, note?: string): Evidence =>
  evidenceAt({ ...rule.place, text: ruleText(rule) }, note);
