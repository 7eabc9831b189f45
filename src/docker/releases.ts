/** Releases of Docker Engine that have a flaw, or a way of their own. */
import type { VersionRange } from './versions.ts';

/**
 * Rules come when a second node joins, and a rule that cannot be made is only logged. The DROP stands at the end of
 * INPUT (CVE-2023-28840, CVE-2023-28841, CVE-2023-28842).
 */
export const beforeApril2023: readonly VersionRange[] = [
  { from: '1.12.0', to: '20.10.23' },
  { from: '23.0.0', to: '23.0.2' },
];

/** The mark is given to any UDP datagram of this host that looks like the network's (CVE-2026-92542). */
export const marksForged: readonly VersionRange[] = [{ to: '25.0.18' }, { from: '26.0.0', to: '29.8.1' }];

/** Does not notice that firewalld has deleted its rules (CVE-2026-115538). */
export const losesToFirewalld: readonly VersionRange[] = [{ to: '29.9.2' }];

/** The IPsec policies are about port 4789, whatever the data path port is (moby#45635). */
export const policyPortFixed: readonly VersionRange[] = [
  { from: '19.03.0', to: '22' },
  { from: '23.0.0', to: '23.0.6' },
  { from: '24.0.0', to: '24.0.2' },
];

/** The SPI is made of addresses of 4 bytes where all others take 16 (moby#51951). */
export const shortSpi: readonly VersionRange[] = [
  { from: '25.0.13', to: '25.0.14' },
  { from: '29.0.0', to: '29.2.0' },
];

/** Does not put the rules of raw PREROUTING back that protect containers, after a reload of firewalld (CVE-2025-54388). */
export const losesProtection: readonly VersionRange[] = [{ from: '28.2.0', to: '28.3.2' }];

/** Does not put back what keeps networks apart, after a reload of firewalld (CVE-2025-54410). */
export const losesIsolation: readonly VersionRange[] = [{ to: '25.0.12' }, { from: '26.0.0', to: '27' }];
