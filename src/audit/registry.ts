/** All findings of one host. A new one costs its file, a line here and its cases in test/audit/cases. */
import type { FindingRule } from './contract.ts';
import { apiPortOpen } from './rules/api-port-open.ts';
import { cve202328840 } from './rules/cve-2023-28840.ts';
import { cve202328841 } from './rules/cve-2023-28841.ts';
import { cve202328842 } from './rules/cve-2023-28842.ts';
import { cve202554388 } from './rules/cve-2025-54388.ts';
import { cve202554410 } from './rules/cve-2025-54410.ts';
import { cve2026115538 } from './rules/cve-2026-115538.ts';
import { cve202692542 } from './rules/cve-2026-92542.ts';
import { directRouting } from './rules/direct-routing.ts';
import { guardAbsent } from './rules/guard-absent.ts';
import { guardDrifted } from './rules/guard-drifted.ts';
import { guardNotAtBoot } from './rules/guard-not-at-boot.ts';
import { guardObserving } from './rules/guard-observing.ts';
import { guardPortUncovered } from './rules/guard-port-uncovered.ts';
import { guardUnconfirmed } from './rules/guard-unconfirmed.ts';
import { guardVniMissing } from './rules/guard-vni-missing.ts';
import { ipv6Open } from './rules/ipv6-open.ts';
import { loopbackPublishedReachable } from './rules/loopback-published-reachable.ts';
import { publishedPort } from './rules/published-port.ts';
import { publishedPortBelievedClosed } from './rules/published-port-believed-closed.ts';
import { swarmPortsOpen } from './rules/swarm-ports-open.ts';
import { dockerOverridesOperator } from './rules/docker-overrides-operator.ts';
import { acceptNotFinal } from './rules/accept-not-final.ts';
import { nativeForwardDrop } from './rules/native-forward-drop.ts';
import { forwardPolicy } from './rules/forward-policy.ts';
import { dockerUserNotFirst } from './rules/docker-user-not-first.ts';
import { unusedChain } from './rules/unused-chain.ts';
import { dockerChainsIncomplete } from './rules/docker-chains-incomplete.ts';
import { equalPriorities } from './rules/equal-priorities.ts';
import { firewalldLater } from './rules/firewalld-later.ts';
import { viewsDisagree } from './rules/views-disagree.ts';
import { mixedBackends } from './rules/mixed-backends.ts';
import { overlayBlocked } from './rules/overlay-blocked.ts';
import { overlayDataPathPort } from './rules/overlay-data-path-port.ts';
import { overlayDropBehindAccept } from './rules/overlay-drop-behind-accept.ts';
import { overlayDropMissing } from './rules/overlay-drop-missing.ts';
import { overlayDuplicateRules } from './rules/overlay-duplicate-rules.ts';
import { overlayMarkBehindAccept } from './rules/overlay-mark-behind-accept.ts';
import { overlayMarkMissing } from './rules/overlay-mark-missing.ts';
import { overlayMarkNoReroute } from './rules/overlay-mark-no-reroute.ts';
import { overlayMarkOverwritten } from './rules/overlay-mark-overwritten.ts';
import { overlayMixedEras } from './rules/overlay-mixed-eras.ts';
import { overlayModulesMissing } from './rules/overlay-modules-missing.ts';
import { overlayRules } from './rules/overlay-rules.ts';
import { overlayStaleVni } from './rules/overlay-stale-vni.ts';
import { dockerNftBackend } from './rules/docker-nft-backend.ts';
import { meaningChanges } from './rules/meaning-changes.ts';
import { noNativeForm } from './rules/no-native-form.ts';
import { translatorLoss } from './rules/translator-loss.ts';
import { ruleNeverMatches } from './rules/rule-never-matches.ts';
import { ruleRedundant } from './rules/rule-redundant.ts';
import { ruleShadowed } from './rules/rule-shadowed.ts';

export const findingRules: readonly FindingRule[] = [
  // exposure
  publishedPort,
  publishedPortBelievedClosed,
  directRouting,
  loopbackPublishedReachable,
  ipv6Open,
  swarmPortsOpen,
  apiPortOpen,
  cve202554388,
  cve202554410,
  // encryption
  overlayDropBehindAccept,
  overlayRules,
  overlayMixedEras,
  overlayStaleVni,
  overlayDuplicateRules,
  overlayDropMissing,
  overlayMarkMissing,
  overlayMarkBehindAccept,
  overlayMarkOverwritten,
  overlayMarkNoReroute,
  overlayBlocked,
  overlayModulesMissing,
  overlayDataPathPort,
  cve202328840,
  cve202328841,
  cve202328842,
  cve202692542,
  cve2026115538,
  // ordering
  mixedBackends,
  firewalldLater,
  equalPriorities,
  dockerChainsIncomplete,
  unusedChain,
  dockerUserNotFirst,
  forwardPolicy,
  nativeForwardDrop,
  acceptNotFinal,
  dockerOverridesOperator,
  // migration
  translatorLoss,
  noNativeForm,
  meaningChanges,
  dockerNftBackend,
  // guard
  guardAbsent,
  guardDrifted,
  guardObserving,
  guardUnconfirmed,
  guardNotAtBoot,
  guardPortUncovered,
  guardVniMissing,
  // hygiene
  ruleNeverMatches,
  ruleShadowed,
  ruleRedundant,
  viewsDisagree,
];
