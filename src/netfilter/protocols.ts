/**
 * Protocol numbers and their names (IANA "Assigned Internet Protocol Numbers"). iptables-save prints the name that the
 * host's /etc/protocols gives, so reading has to know them all, whatever this machine's file says.
 */
// prettier-ignore
const names: Readonly<Record<string, number>> = {
  ip: 0, hopopt: 0, icmp: 1, igmp: 2, ggp: 3, ipencap: 4, ipv4: 4, st: 5, tcp: 6, egp: 8, igp: 9, pup: 12, udp: 17,
  hmp: 20, 'xns-idp': 22, rdp: 27, 'iso-tp4': 29, dccp: 33, xtp: 36, ddp: 37, 'idpr-cmtp': 38, ipv6: 41,
  'ipv6-route': 43, 'ipv6-frag': 44, idrp: 45, rsvp: 46, gre: 47, esp: 50, 'ipsec-esp': 50, ah: 51, 'ipsec-ah': 51,
  skip: 57, 'ipv6-icmp': 58, icmpv6: 58, icmp6: 58, 'ipv6-nonxt': 59, 'ipv6-opts': 60, rspf: 73, vmtp: 81, eigrp: 88,
  ospf: 89, 'ax.25': 93, ipip: 94, etherip: 97, encap: 98, pim: 103, ipcomp: 108, vrrp: 112, l2tp: 115, isis: 124,
  sctp: 132, fc: 133, 'mobility-header': 135, 'ipv6-mh': 135, mh: 135, udplite: 136, 'mpls-in-ip': 137, manet: 138,
  hip: 139, shim6: 140, wesp: 141, rohc: 142, ethernet: 143, mptcp: 262,
};

/** The name that iptables-save prints for a number (Debian's /etc/protocols); other numbers are printed as they are. */
const preferred: ReadonlyMap<number, string> = new Map(
  Object.entries(names)
    .filter(([name]) => !['hopopt', 'ipv4', 'ipsec-esp', 'ipsec-ah', 'icmpv6', 'icmp6', 'ipv6-mh', 'mh'].includes(name))
    .map(([name, number]) => [number, name]),
);

export const tcp = 6;
export const udp = 17;
export const icmp = 1;
export const icmpv6 = 58;
export const sctp = 132;
export const dccp = 33;
export const udplite = 136;
export const esp = 50;
export const ah = 51;

const read = (text: string): number | undefined => {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= 255 ? Number(text) : undefined;
  if (/^0x[0-9a-f]{1,2}$/i.test(text)) return Number(text);
  const lower = text.toLowerCase();
  if (lower === 'all') return 0;
  const number = Object.hasOwn(names, lower) ? names[lower] : undefined;
  return number !== undefined && number <= 255 ? number : undefined;
};

const known = new Map<string, number>();

/** A protocol's number by name or decimal number 0 to 255, or undefined. `all` is 0: any protocol. */
export const protocolNumber = (text: string): number | undefined => {
  const found = known.get(text);
  if (found !== undefined) return found;
  const number = read(text);
  // At most every spelling of 256 protocols: a large ruleset asks for the same few names again and again.
  if (number !== undefined && text.length <= 16) known.set(text, number);
  return number;
};

export const protocolName = (number: number): string => preferred.get(number) ?? String(number);
