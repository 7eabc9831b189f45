// What iptables -L prints for matches of protocol headers, as iptables 1.8.9 wrote it, and the options read from it.
import { describe, expect, it } from 'vitest';
import { ah } from '../../src/extensions/matches/ah.ts';
import { dccp } from '../../src/extensions/matches/dccp.ts';
import { dscp } from '../../src/extensions/matches/dscp.ts';
import { ecn } from '../../src/extensions/matches/ecn.ts';
import { esp } from '../../src/extensions/matches/esp.ts';
import { hl } from '../../src/extensions/matches/hl.ts';
import { icmp } from '../../src/extensions/matches/icmp.ts';
import { icmp6 } from '../../src/extensions/matches/icmp6.ts';
import { length } from '../../src/extensions/matches/length.ts';
import { multiport } from '../../src/extensions/matches/multiport.ts';
import { sctp } from '../../src/extensions/matches/sctp.ts';
import { tcp } from '../../src/extensions/matches/tcp.ts';
import { tcpmss } from '../../src/extensions/matches/tcpmss.ts';
import { tos } from '../../src/extensions/matches/tos.ts';
import { ttl } from '../../src/extensions/matches/ttl.ts';
import { udp } from '../../src/extensions/matches/udp.ts';

const numeric = { family: 'ip', numeric: true } as const;
const named = { family: 'ip', numeric: false } as const;
const numeric6 = { family: 'ip6', numeric: true } as const;
const named6 = { family: 'ip6', numeric: false } as const;

describe('a listing of', () => {
  it.each([
    [udp, numeric, 'udp spts:1:1023 dpt:!53', '--sport 1:1023 ! --dport 53'],
    [udp, numeric, 'udp dpts:!60000:29', '! --dport 60000:29'],
    [udp, named, 'udp spts:ftp-data:ssh dpt:domain', '--sport ftp-data:ssh --dport domain'],
    [udp, numeric, 'udp', ''],
    [tcp, numeric, 'tcp', ''],
    [
      tcp,
      numeric,
      'tcp spt:!4 dpt:80 option=2 flags:!0x17/0x02',
      '! --sport 4 --dport 80 --tcp-option 2 ! --tcp-flags FIN,SYN,RST,ACK SYN',
    ],
    [tcp, numeric, 'tcp option=!5 flags:0x3F/0x00', '! --tcp-option 5 --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE'],
    [tcp, named, 'tcp dpt:http flags:FIN,SYN,RST,ACK/SYN', '--dport http --tcp-flags FIN,SYN,RST,ACK SYN'],
    [tcp, named, 'tcp flags:!NONE/NONE', '! --tcp-flags NONE NONE'],
    [
      sctp,
      numeric,
      'sctp spts:1:2 dpt:!80 ! only 0x0000:Be,0x0003,0x0006:T',
      '--sport 1:2 ! --dport 80 ! --chunk-types only DATA:Be,SACK,ABORT:T',
    ],
    [sctp, named, 'sctp any ALL', '--chunk-types any ALL'],
    [sctp, numeric, 'sctp all 0x0080,0x00C0', '--chunk-types all ASCONF_ACK,FORWARD_TSN'],
    [
      dccp,
      numeric,
      'dccp spts:!0:5 ! 7,10,11,12,13,14,15 option=!38',
      '! --sport 0:5 ! --dccp-types RESET,INVALID ! --dccp-option 38',
    ],
    [dccp, named, 'dccp dpt:80 REQUEST,RESET option=5', '--dport 80 --dccp-types REQUEST,RESET --dccp-option 5'],
    [icmp, numeric, 'icmptype 8', '--icmp-type 8'],
    [icmp, numeric, 'icmptype 3 code 4', '--icmp-type 3/4'],
    [icmp, numeric, 'icmp !type 3 code 4', '! --icmp-type 3/4'],
    [icmp, named, 'icmp host-unreachable', '--icmp-type host-unreachable'],
    [icmp, named, 'icmp !any', '! --icmp-type any'],
    [icmp6, numeric6, 'ipv6-icmptype 1 code 4', '--icmpv6-type 1/4'],
    [icmp6, numeric6, 'ipv6-icmp !type 128', '! --icmpv6-type 128'],
    [icmp6, named6, 'ipv6-icmp !port-unreachable', '! --icmpv6-type port-unreachable'],
    [ah, numeric, 'ah ', ''],
    [ah, numeric, 'ah spis:!500:600', '! --ahspi 500:600'],
    [ah, numeric6, 'ah spis:500:600length:!120 reserved', '--ahspi 500:600 ! --ahlen 120 --ahres'],
    [ah, numeric6, 'ah length:24', '--ahlen 24'],
    [esp, numeric, 'esp spi:500', '--espspi 500'],
    [esp, numeric, 'esp spis:!0:4294967295', '! --espspi 0:4294967295'],
    [multiport, numeric, 'multiport dports 22,80:90', '--dports 22,80:90'],
    [multiport, numeric, 'multiport ports !80,443', '! --ports 80,443'],
    [multiport, named, 'multiport sports http:90,ssh', '--sports http:90,ssh'],
    [tcpmss, numeric, 'tcpmss match !500:600', '! --mss 500:600'],
    [dscp, numeric, 'DSCP match !0x0a', '! --dscp 0x0a'],
    [tos, numeric, 'tos match0x10/0x3f', '--tos 0x10/0x3f'],
    [tos, numeric, 'tos match!0x10/0xfc', '! --tos 0x10/0xfc'],
    [tos, named, 'tos match! Minimize-Delay', '! --tos Minimize-Delay'],
    [ecn, numeric, 'ECN match !ECE CWR !ECT=1', '! --ecn-tcp-ece --ecn-tcp-cwr ! --ecn-ip-ect 1'],
    [ttl, numeric, 'TTL match TTL != 255', '! --ttl-eq 255'],
    [ttl, numeric, 'TTL match TTL < 5', '--ttl-lt 5'],
    [hl, numeric6, 'HL match HL > 64', '--hl-gt 64'],
    [length, numeric, 'length !64:1500', '! --length 64:1500'],
  ])('$0.name: $2', (extension, context, text, words) => {
    const read = extension.listing?.(text, context);
    expect(read?.words.join(' ')).toBe(words);
    expect(text.slice(read?.length).trim()).toBe('');
    // Something behind it is left to the next reader.
    const before = extension.listing?.(`${text} mark match 0x1`, context);
    expect({ words: before?.words, rest: `${text} mark match 0x1`.slice(before?.length).trim() }).toEqual({
      words: read?.words,
      rest: 'mark match 0x1',
    });
  });

  it.each([
    [tcp, 'tcpmss match 500'],
    [udp, 'udplite dpt:53'],
    [icmp, 'icmp nonsense'],
    [icmp, 'ipv6-icmptype 8'],
    [esp, 'especially'],
    [length, 'length many'],
    [ttl, 'TTL set to 5'],
    [ecn, 'ECN TCP remove'],
  ])('$0.name is not: $1', (extension, text) => expect(extension.listing?.(text, numeric)).toBeUndefined());
});
