/**
 * Which releases of Docker Engine program a rule of an encrypted overlay, told by its role and by the program that finds
 * the VXLAN network identifier (moby libnetwork/drivers/overlay/encryption.go and bpf.go).
 */
import type { Family } from '../netfilter/family.ts';
import type { OverlayRole } from './roles.ts';
import { inBoth, type VersionRange } from './versions.ts';

/** How Docker looks for the network identifier: u32, or BPF with the IPv4 header length or the payload offset. */
export type OverlayMatcher = 'u32' | 'bpf-memshift' | 'bpf-poff';

/** The programs as iptables-save prints them; the number at the end of each stands for the network identifier. */
const programs: readonly (readonly [OverlayMatcher, RegExp])[] = [
  ['u32', /-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x[0-9a-f]+"/],
  ['bpf-memshift', /-m bpf --bytecode "6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 1 0 \d+,6 0 0 0,6 0 0 4294967295"/],
  ['bpf-poff', /-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 \d+,6 0 0 0,6 0 0 4294967295"/],
]; // prettier-ignore

export const matcherWords: Readonly<Record<OverlayMatcher, string>> = {
  u32: 'u32 program',
  'bpf-memshift': 'BPF program that adds the IPv4 header length',
  'bpf-poff': 'BPF program that asks for the payload offset',
};

const eitherProgram = [{ from: '20.10.24', to: '20.10.27' }, { from: '23.0.3', to: '23.0.18' }] as const; // prettier-ignore
const payloadOffset = [{ from: '24.0.0' }] as const;

type Eras = Readonly<Partial<Record<OverlayMatcher, readonly VersionRange[]>>>;

const eras: Readonly<Record<OverlayRole['role'], Eras>> = {
  mark: {
    u32: [{ from: '1.12.0', to: '20.10.27' }, { from: '23.0.0', to: '23.0.18' }], // prettier-ignore
    'bpf-memshift': eitherProgram,
    'bpf-poff': payloadOffset,
  },
  accept: {
    u32: [{ from: '17.03.0', to: '20.10.27' }, { from: '23.0.0', to: '23.0.18' }], // prettier-ignore
    'bpf-memshift': eitherProgram,
    'bpf-poff': [{ from: '24.0.0', to: '24.0.9' }],
  },
  drop: { u32: eitherProgram, 'bpf-memshift': eitherProgram, 'bpf-poff': payloadOffset },
  'drop-any': { u32: [{ from: '17.03.0', to: '20.10.23' }, { from: '23.0.0', to: '23.0.2' }] }, // prettier-ignore
};

/** Before 25.0 an encrypted overlay is IPv4 only. */
const familyVersions: Readonly<Record<Family, readonly VersionRange[]>> = { ip: [{}], ip6: [{ from: '25.0.0' }] };

const parts: Readonly<Record<OverlayRole['role'], readonly [policy: string, action: string]>> = {
  mark: ['', '-j MARK --set-xmark 0xd0c4e3/0xffffffff'],
  accept: ['-m policy --dir in --pol ipsec ', '-j ACCEPT'],
  drop: ['-m policy --dir in --pol none ', '-j DROP'],
  'drop-any': ['', '-j DROP'],
};

/** The program of an encrypted overlay in a rule or by itself, with the releases that write it into any rule. */
export const overlayProgram = (
  rule: string,
): { readonly matcher: OverlayMatcher; readonly versions: readonly VersionRange[] } | undefined => {
  const matcher = programs.find(([, pattern]) => pattern.test(rule))?.[0];
  return matcher && { matcher, versions: eras.mark[matcher] ?? [] };
};

export interface OverlayForm {
  readonly matcher?: OverlayMatcher;
  /** None where no release programs this role with this program, in this form. */
  readonly versions: readonly VersionRange[];
  /** In what the rule differs from the ones that Docker writes. */
  readonly remark?: string;
}

/** `rule` is the rule behind its `-A CHAIN`, as iptables-save prints it. */
export const overlayForm = (role: OverlayRole, rule: string, family: Family): OverlayForm => {
  const [matcher, program] = programs.find(([, pattern]) => pattern.test(rule)) ?? [];
  const text = program?.exec(rule)?.[0];
  if (matcher === undefined || text === undefined)
    return { versions: [], remark: 'it means the same, but no release of Docker writes it like this' };
  const versions = inBoth(eras[role.role][matcher] ?? [], familyVersions[family]);
  if (versions.length === 0)
    return { matcher, versions, remark: `no release of Docker writes such a rule with this ${matcherWords[matcher]}` };
  const [policy, action] = parts[role.role];
  const whole = `-p udp ${policy}-m udp --dport ${role.port} ${text} ${action}`;
  return whole === rule
    ? { matcher, versions }
    : { matcher, versions, remark: 'Docker puts the parts of the rule in another order, or has fewer of them' };
};
