#!/usr/bin/env node
// How many packets a second the simulator takes through a Docker host's whole ruleset: from prerouting to the end, and
// from output. Build first. Run by hand: test/bench/simulate.mjs [RULES...]
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = (path) => new URL(`../../${path}`, import.meta.url);
const built = (path) => import(root(`dist/${path}`));
const { readHost, programOf } = await built('simulate/rulesets.js');
const { hostOf } = await built('simulate/host.js');
const { passHost } = await built('simulate/simulate.js');
const { readPacket } = await built('packet/words.js');
const { parseLocal, parseRoute } = await built('cli/simulate-options.js');
const { translate } = await built('translate/translate.js');
const { registry } = await built('extensions/registry.js');
const { parse } = await built('iptables/parse.js');

const facts = {
  locals: ['192.0.2.1@eth0', '172.17.0.1@docker0'].map(parseLocal),
  routes: ['172.16.0.0/12=docker0', '10.0.0.0/8=eth1', '0.0.0.0/0=eth0'].map(parseRoute),
};
const from = 'in=eth0 ip saddr=198.51.100.7';
const said = [
  ...[22, 80, 443, 8080, 8081, 9000].map((port) => `${from} ip daddr=192.0.2.1 secpath=no tcp dport=${port}`),
  ...[53, 4789].map((port) => `${from} ip daddr=192.0.2.1 secpath=no udp dport=${port}`),
  ...[0x1000, 0x1001, 0x2000].map((vni) => `${from} ip daddr=192.0.2.1 secpath=no vxlan vni=${vni}`),
  `${from} ip daddr=192.0.2.1 secpath=no icmp type=8`,
  `${from} ip daddr=10.1.2.3 secpath=no tcp dport=80`,
  'in=docker0 ip saddr=172.17.0.2 ip daddr=198.51.100.7 secpath=no tcp dport=443',
  `${from} ip daddr=172.17.0.2 secpath=no ct state=established ct status=0 tcp dport=80`,
  'hook=output out=eth0 ip saddr=192.0.2.1 ip daddr=198.51.100.7 tcp dport=443',
];
const packets = said.map((words) => {
  const { value, diagnostics } = readPacket(words);
  if (!value) throw new Error(JSON.stringify(diagnostics));
  return value;
});

const seconds = 2;

const measure = (name, program, rules) => {
  const host = hostOf([program], 'ip', facts);
  const verdicts = {};
  for (const { packet, hook } of packets) {
    const { ending } = passHost(host, packet, hook ? { start: hook } : {});
    verdicts[ending.kind] = (verdicts[ending.kind] ?? 0) + 1;
  }
  let count = 0;
  const run = (until) => {
    const start = performance.now();
    for (count = 0; performance.now() - start < until * 1000; count += packets.length)
      for (const { packet, hook } of packets) passHost(host, packet, hook ? { start: hook } : {});
    return count / ((performance.now() - start) / 1000);
  };
  run(0.5);
  const rate = Math.round(run(seconds));
  process.stdout.write(
    `${name.padEnd(46)} ${String(rules).padStart(6)} rules ${rate.toLocaleString('en').padStart(10)} packets/s  ${JSON.stringify(verdicts)}\n`,
  );
};

const countRules = ({ tables }) =>
  tables.reduce((sum, { chains }) => sum + [...chains.values()].reduce((n, { rules }) => n + rules.length, 0), 0);

const given = process.argv.slice(2);
const files = given.length > 0 ? given : ['docker-23.0.3', 'docker-29'].map((name) => fileURLToPath(root(`translations/rulesets/${name}/node.iptables-save`))); // prettier-ignore
for (const name of files) {
  const text = readFileSync(name, 'utf8');
  for (const backend of ['legacy', 'nft']) {
    const { value } = readHost([{ name, text }], { backend });
    const program = programOf(value[0], 'ip');
    measure(`${name.split('/').slice(-2).join('/')}, ${backend}`, program, countRules(program));
  }
  const ruleset = parse([{ name, text }], registry, {}).value;
  const { commands } = translate(ruleset, registry, { tablePrefix: 'dnfw-', exactLegacy: false, counters: false });
  const nft = readHost([{ name: 'nft', text: JSON.stringify({ nftables: commands }) }], {});
  const program = programOf(nft.value[0], 'ip');
  measure(`${name.split('/').slice(-2).join('/')}, its translation`, program, countRules(program));
}
