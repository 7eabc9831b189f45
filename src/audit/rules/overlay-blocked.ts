/** An encrypted network that does not get in: what was decrypted, or the ESP that carries it, is dropped. */
import { families, type Family } from '../../netfilter/family.ts';
import type { RuleEvent } from '../../simulate/trace.ts';
import type { FindingRule } from '../contract.ts';
import { acceptingDecrypted, acceptingEsp, insertingDrop } from '../encryption/commands.ts';
import { enteringOf, type Stopped } from '../encryption/entering.ts';
import { type EncryptedNetwork, networkWords } from '../encryption/networks.ts';
import type { Evidence, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceAt, evidenceOf } from '../host-rules.ts';
import { overlayWords, vniWords } from '../overlays.ts';
import { familyWords, listed } from '../words.ts';

const stops = ({ verdict }: RuleEvent): boolean => verdict === 'drop' || verdict?.startsWith('reject') === true;

const stoppers = ({ sent }: Stopped): readonly RuleEvent[] => sent.deciders.filter(stops);

const policyOf = ({ sent: { simulation } }: Stopped): string =>
  simulation.ways[0]?.events.some((event) => event.kind === 'policy' && event.verdict === 'drop')
    ? 'the policy of INPUT'
    : 'a rule';

const evidenceFor = (found: Stopped): readonly Evidence[] =>
  stoppers(found).map((rule) => evidenceAt(rule, 'drops it'));

/** The first era's DROP, asked before the ACCEPT that should stand above it. */
const ownDrop = (overlay: EncryptedNetwork, found: Stopped): boolean =>
  stoppers(found).some(({ file, line }) =>
    overlay.dropsAny.some(({ rule: { origin } }) => origin.file === file && origin.line === line),
  );

const cutOff = (host: AuditHost, overlay: EncryptedNetwork, found: Stopped): Found => ({
  subject: overlayWords(overlay),
  what: `${networkWords(overlay)}: Docker's own DROP of the first era drops what was decrypted too, because ${overlay.accepts.length > 0 ? 'the ACCEPT stands below it' : 'the ACCEPT that belongs above it is gone'}.`,
  means: 'Nothing of this network gets in: containers on other nodes do not reach those on this host.',
  evidence: [
    ...overlay.dropsAny.map((rule) => evidenceOf(rule, 'drops it')),
    ...overlay.accepts.map((rule) => evidenceOf(rule, 'stands too low')),
  ],
  witness: found.sent.witness,
  fix: [
    {
      what: 'put the DROP of later releases first, which leaves decrypted packets alone, and take the old one away',
      commands: [insertingDrop(host, overlay), ...overlay.dropsAny.map(deleting)],
    },
  ],
});

const shut = (
  host: AuditHost,
  port: number,
  some: readonly (readonly [EncryptedNetwork, Stopped])[],
): readonly Found[] => {
  const [[overlay, found] = []] = some;
  if (!overlay || !found) return [];
  const by = stoppers(found).length > 0 ? 'a rule' : policyOf(found);
  return [
    {
      subject: `decrypted VXLAN, port ${port}${overlay.family === 'ip6' ? ', IPv6' : ''}`,
      what: `No packet of the encrypted network${some.length === 1 ? '' : 's'} VNI ${listed(some.map(([{ vni }]) => vniWords(vni)), 8)} gets in after it was decrypted: ${by} drops it, and no rule before accepts it.`, // prettier-ignore
      means:
        'IPsec gives the decrypted packet to INPUT once more. Releases of Docker since 25.0 have no rule to accept it: containers on other nodes do not reach those on this host.',
      evidence: evidenceFor(found),
      witness: found.sent.witness,
      fix: [{ what: 'let decrypted VXLAN in, and only that', commands: [acceptingDecrypted(host, overlay)] }],
    },
  ];
};

const carrier = (host: AuditHost, family: Family): readonly Found[] => {
  const { esp } = enteringOf(host, family);
  const overlay = host.overlays().find((one) => one.family === family);
  if (!esp || !overlay) return [];
  const by = stoppers(esp).length > 0 ? 'a rule' : policyOf(esp);
  return [
    {
      subject: `ESP, ${familyWords[family]}`,
      what: esp.asReply
        ? `ESP, which carries the encrypted networks of this host, is dropped by ${by} unless this host has sent ESP to the same node before.`
        : `ESP, which carries the encrypted networks of this host, is dropped by ${by}, wherever it comes from.`,
      means: esp.asReply
        ? 'A node that begins to talk to containers of this host is not heard until they have sent it something, and again after ten minutes of silence.'
        : 'Nothing of the encrypted networks gets in: containers on other nodes do not reach those on this host.',
      evidence: evidenceFor(esp),
      witness: esp.sent.witness,
      fix: [{ what: 'let ESP in', commands: [acceptingEsp(host, overlay)] }],
    },
  ];
};

const inFamily = (host: AuditHost, family: Family): readonly Found[] => {
  const all = [...enteringOf(host, family).networks];
  const own = all.filter(([overlay, found]) => ownDrop(overlay, found));
  const others = all.filter(([overlay, found]) => !ownDrop(overlay, found));
  const ports = [...new Set(others.map(([{ port }]) => port))];
  return [
    ...own.map(([overlay, found]) => cutOff(host, overlay, found)),
    ...ports.flatMap((port) => shut(host, port, others.filter(([one]) => one.port === port))), // prettier-ignore
    ...carrier(host, family),
  ];
};

export const overlayBlocked: FindingRule = {
  code: 'overlay-blocked',
  severity: 'medium',
  job: 'encryption',
  title: 'An encrypted network does not get in',
  about:
    'A packet of an encrypted overlay meets INPUT twice: as ESP, and as VXLAN when it is decrypted. Docker programs nothing for ESP, and since 25.0 nothing for decrypted VXLAN either. Where INPUT drops by policy or by a last rule, both have to be accepted by the operator. The DROP of the first era (before 20.10.24 and 23.0.3) has no policy match and cuts the network off where it is asked before its ACCEPT. Reported is only what keeps out every packet: of all nodes that the engine knows, or from everywhere if it knows none.',
  silent: 'Some packet gets in. INPUT is not known.',
  references: ['moby#25266', 'moby#45280', 'moby#46838'],
  needs: [],
  find: (host) => families.flatMap((family) => inFamily(host, family)),
};
