/** There is no guard. */
import type { FindingRule } from '../contract.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf } from '../host-rules.ts';
import { guardTableOf } from '../guard.ts';
import { overlayWords } from '../overlays.ts';
import { listed } from '../words.ts';

const shown = 4;

const find = (host: AuditHost): readonly Found[] => {
  if (host.around.guard !== null || guardTableOf(host.host.listed)) return [];
  const hasDocker = host.host.docker !== undefined || host.rules().some(({ docker }) => docker !== undefined);
  if (!hasDocker) return [];
  // What the engine's own table drops, it drops ahead of all chains of iptables.
  const ordered = host.overlays().filter(({ drops, dropsAny }) => drops.length + dropsAny.length > 0);
  const rules = ordered.flatMap(({ drops, dropsAny }) => [...drops, ...dropsAny]);
  return [
    {
      subject: 'guard',
      ...(ordered.length > 0 ? { severity: 'low' as const } : {}),
      what:
        ordered.length > 0
          ? `No guard is installed, and clear packets of ${listed(ordered.map(overlayWords), shown)} are kept out by rules of INPUT alone.`
          : 'No guard is installed.',
      means:
        ordered.length > 0
          ? 'Whoever inserts an ACCEPT above these rules, flushes INPUT or reloads the firewall opens the encrypted networks; Docker does not put them back until it starts anew.'
          : 'Rules of INPUT stand beside those that Docker inserts, in an order that nobody keeps.',
      evidence: rules
        .slice(0, shown)
        .map((rule) => evidenceOf(rule, 'keeps clear packets out as long as it stands here')),
      fix: [
        { what: 'see what the guard would do on this host', commands: ['dnfw install --from-host --dry-run'] },
        {
          what: 'then install it, first as one that only counts',
          commands: ['dnfw install --from-host --observe --persist'],
        },
      ],
    },
  ];
};

export const guardAbsent: FindingRule = {
  code: 'guard-absent',
  severity: 'info',
  job: 'guard',
  title: 'No guard is installed',
  about:
    "The guard is a chain of nftables in front of INPUT. What it drops is dropped, wherever the rules of iptables stand and whoever changes them. Without it the encryption of overlay networks is enforced by single rules of INPUT, which work by their place: then the severity is low. Looked at are the guard's records and what nft lists.",
  silent: 'A guard is loaded, or the host has nothing of Docker.',
  needs: ['guard', 'nft'],
  find,
};
