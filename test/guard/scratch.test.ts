import { it } from 'vitest';
import { policyFromHost } from '../../src/guard/from-host.ts';
import { capture, hostWith, rules } from './hosts.ts';
it('x', () => {
  for (const n of ['operator-ufw','operator-firewalld-direct']) {
    const t0 = performance.now();
    const r = policyFromHost(hostWith({ iptables: capture(n) }));
    console.log('=====', n, Math.round(performance.now() - t0)); console.log(r.yaml);
  }
  console.log(policyFromHost(hostWith({ iptables: rules(`:INPUT DROP [0:0]
:FILTERS - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -j FILTERS
-A INPUT -p udp -m policy --dir in --pol ipsec -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100" -j ACCEPT
-A INPUT -p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100" -j DROP
-A INPUT -j REJECT
-A FILTERS -s 10.0.0.0/8 -j ACCEPT
-A FILTERS -p tcp -m tcp --dport 22 -m comment --comment "ssh" -j ACCEPT
-A FILTERS -j RETURN`) })).yaml);
});
