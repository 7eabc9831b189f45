/** The kernel lacks a match that the engine's rules of encrypted overlays are made of. */
import { beforeApril2023 } from '../../docker/releases.ts';
import { isAmong } from '../../docker/versions.ts';
import type { FindingRule } from '../contract.ts';
import { encryptedNetworks } from '../encryption/networks.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { listed } from '../words.ts';

interface Wanted {
  /** One of each list has to be there. */
  readonly modules: readonly (readonly string[])[];
  readonly isFatal: boolean;
}

const wantedBy = (version: string): Wanted | undefined => {
  const isEarly = isAmong(version, beforeApril2023);
  if (isEarly === undefined) return undefined;
  if (isEarly) return { modules: [['xt_u32'], ['xt_policy']], isFatal: false };
  return isAmong(version, [{ to: '23' }])
    ? { modules: [['xt_u32', 'xt_bpf'], ['xt_policy']], isFatal: true }
    : { modules: [['xt_bpf'], ['xt_policy']], isFatal: true };
};

const hasEncrypted = (host: AuditHost): boolean =>
  encryptedNetworks(host).length > 0 || (host.around.networks ?? []).some(({ encrypted }) => encrypted);

const find = (host: AuditHost): readonly Found[] => {
  const { version, around } = host;
  const { modules } = around;
  if (version === undefined || !modules || !hasEncrypted(host)) return [];
  const wanted = wantedBy(version);
  if (!wanted || around.firewallBackend?.startsWith('nftables')) return [];
  const missing = wanted.modules.filter((any) => any.every((module) => modules.get(module) === false));
  if (missing.length === 0) return [];
  const names = listed(missing.map((any) => any.join(' or ')));
  const all = missing.flat();
  return [
    {
      subject: all.join(', '),
      what: `The kernel of this host has no ${names}, and Docker ${version} makes its rules of encrypted overlays of ${missing.length === 1 ? 'it' : 'them'}.`,
      means: wanted.isFatal
        ? 'A container cannot join an encrypted network on this host: Docker refuses when the rule cannot be made.'
        : 'Docker only logs that it could not make the rules and goes on: what this host sends is not encrypted, and what comes in clear is taken.',
      evidence: [],
      fix: [
        { what: 'load the modules; where they are a package of their own, install it first', commands: all.map((module) => `modprobe ${module}`) }, // prettier-ignore
        { what: 'see which of them this kernel has', commands: all.map((module) => `modinfo ${module}`) },
      ],
    },
  ];
};

export const overlayModulesMissing: FindingRule = {
  code: 'overlay-modules-missing',
  severity: 'medium',
  job: 'encryption',
  title: 'The kernel lacks what rules of encrypted overlays are made of',
  about:
    'Docker finds the number of an overlay with xt_u32 (before 24.0) or xt_bpf (24.0 and later; 20.10.24, 23.0.3 and later where u32 does not work), and tells decrypted packets by xt_policy. RHEL 8 and 9 and their like have no xt_u32; small kernels of WSL2 or boards lack the others. Releases before 20.10.24 and 23.0.3 go on without the rules, later ones refuse to attach a container.',
  silent: 'No network is encrypted. The engine uses its nftables backend.',
  references: ['CVE-2023-28841', 'moby#43382', 'moby#45686'],
  needs: ['engine', 'modules'],
  find,
};
