/** Clear VXLAN of an encrypted network is let in, although Docker has a rule to drop it. */
import type { RuleEvent } from '../../simulate/trace.ts';
import type { FindingRule } from '../contract.ts';
import { clearWay } from '../encryption/clear.ts';
import { insertingDrop } from '../encryption/commands.ts';
import { type EncryptedNetwork, encryptedNetworks, networkWords } from '../encryption/networks.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceAt, evidenceOf, type HostRule } from '../host-rules.ts';
import { overlayWords } from '../overlays.ts';
import type { Sent } from '../send.ts';

const shown = 8;

/** A RETURN in INPUT itself, or a goto, leaves the packet to the policy. */
const leaving = ({ simulation }: Sent): readonly RuleEvent[] =>
  (simulation.ways[0]?.events ?? []).filter(
    (event): event is RuleEvent =>
      event.kind === 'rule' &&
      event.chain === 'INPUT' &&
      event.depth === 0 &&
      (event.verdict === 'return' || event.verdict?.startsWith('goto') === true),
  );

/** `-D` takes the first of two equal rules: one that is to be moved has to go before it comes. */
const moving = (host: AuditHost, overlay: EncryptedNetwork, drops: readonly HostRule[]): readonly string[] => {
  const insert = insertingDrop(host, overlay);
  const isEqual = drops.some(({ text }) => insert.endsWith(` ${text}`));
  return isEqual ? [...drops.map(deleting), insert] : [insert, ...drops.map(deleting)];
};

const found = (host: AuditHost, overlay: EncryptedNetwork): readonly Found[] => {
  const drops = [...overlay.drops, ...overlay.dropsAny];
  if (drops.length === 0 || overlay.isUsed === 'no') return [];
  const { verdict, sent, accepts } = clearWay(host, overlay);
  if (verdict !== 'accept' || !sent) return [];
  const passing = accepts.length > 0 ? accepts.map(({ origin }) => origin) : leaving(sent);
  if (passing.length === 0) return [];
  const several =
    passing.length > 1 ? `${passing.length} rules` : accepts.length === 1 ? 'an ACCEPT' : 'a rule that ends INPUT';
  return [
    {
      subject: overlayWords(overlay),
      what: `${networkWords(overlay)}: ${several} before Docker's rule to drop clear VXLAN of this encrypted network ${passing.length === 1 ? 'lets' : 'let'} such packets in.`,
      means:
        'Whoever can send such a packet to this host can put packets into the encrypted network, without any key. IPsec itself does not stop that: Docker has no policy for what comes in, only this rule.',
      evidence: [
        ...passing.slice(0, shown).map((origin) => evidenceAt(origin, 'lets it in')),
        ...drops.slice(0, shown).map((rule) => evidenceOf(rule, 'would drop it')),
      ],
      witness: sent.witness,
      fix: [
        { what: 'put the rule to drop it first', commands: moving(host, overlay, drops) },
        { what: 'or let the guard drop it, wherever the rules stand', commands: ['dnfw install --from-host'] },
      ],
    },
  ];
};

export const overlayDropBehindAccept: FindingRule = {
  code: 'overlay-drop-behind-accept',
  severity: 'high',
  job: 'encryption',
  title: 'Clear packets of an encrypted network are let in before Docker drops them',
  about:
    'Docker keeps unencrypted VXLAN of an encrypted network out with one DROP in INPUT. An ACCEPT above it that matches the packet wins, and so does a RETURN that leaves it to the policy. Releases before 20.10.24 and 23.0.3 appended the rule to the end of INPUT, where any ACCEPT of the operator stands before it; later ones insert it at the top, and never put it back there when something is inserted above it. The prover looks for packets that all chains of the input hook let through, and for every rule that accepts some of them; the simulator confirms one.',
  silent: 'No packet gets through: the DROP stands first, or other rules or the guard keep the packet out.',
  references: ['CVE-2023-28840', 'GHSA-232p-vwff-86mp', 'moby#45280'],
  needs: [],
  find: (host) => encryptedNetworks(host).flatMap((overlay) => found(host, overlay)),
};
