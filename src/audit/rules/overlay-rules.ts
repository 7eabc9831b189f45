/** What Docker has written into INPUT and mangle OUTPUT for encrypted overlays, which its documentation does not say. */
import { matcherWords } from '../../docker/overlay.ts';
import { commonVersions } from '../../docker/recognise.ts';
import type { OverlayRole } from '../../docker/roles.ts';
import { versionWords } from '../../docker/versions.ts';
import { families, type Family } from '../../netfilter/family.ts';
import type { FindingRule } from '../contract.ts';
import { nativeEvidence } from '../encryption/commands.ts';
import type { Found } from '../finding.ts';
import { guardTableOf } from '../guard.ts';
import type { AuditHost } from '../host.ts';
import { evidenceOf, type HostRule } from '../host-rules.ts';
import { type Overlay, rulesOf, vniWords } from '../overlays.ts';
import { countOf, familyWords, listed } from '../words.ts';

/** Enough to see what they are like. */
const shown = 24;

const roleWords: Readonly<Record<OverlayRole['role'], string>> = {
  mark: 'selects outgoing packets for encryption',
  accept: 'lets decrypted packets in',
  drop: 'keeps clear packets out',
  'drop-any': 'keeps out what the ACCEPT has not taken',
};

const noteOf = ({ docker }: HostRule): string => {
  const overlay = docker?.overlay;
  return overlay ? `VNI ${overlay.vni}: ${roleWords[overlay.role]}` : '';
};

const eraOf = (rules: readonly HostRule[]): string => {
  const versions = commonVersions(rules.flatMap(({ docker }) => docker ?? []));
  return versions.length === 0
    ? 'The rules are of several releases of Docker'
    : `Rules of this form are written by Docker ${versionWords(versions)}`;
};

const matchersOf = (rules: readonly HostRule[]): string => {
  const used = new Set(rules.flatMap(({ docker }) => docker?.matcher ?? []));
  return listed([...used].map((matcher) => matcherWords[matcher]));
};

/** Of a chain that nobody has given nothing is said, not even that it has no such rules. */
const whereWords = (host: AuditHost, family: Family): string => {
  const hasInput = host.knows(family, 'filter', 'INPUT');
  const hasOutput = host.knows(family, 'mangle', 'OUTPUT');
  if (hasInput && hasOutput) return 'in INPUT and mangle OUTPUT';
  return hasInput ? 'in INPUT (mangle OUTPUT was not given)' : 'in mangle OUTPUT (INPUT was not given)';
};

const describe = (host: AuditHost, family: Family, overlays: readonly Overlay[]): Found => {
  const isGuarded = guardTableOf(host.host.listed) !== undefined;
  const rules = overlays.flatMap(rulesOf);
  const native = [...new Set(overlays.flatMap(({ nativeMarks, nativeDrops }) => [...nativeMarks, ...nativeDrops]))];
  const of = (role: 'marks' | 'accepts' | 'drops' | 'dropsAny'): number =>
    overlays.reduce((sum, overlay) => sum + overlay[role].length, 0);
  const ports = [...new Set(overlays.map(({ port }) => port))];
  const networks = `${countOf(overlays.length, 'encrypted network')} (VNI ${listed(overlays.map(({ vni }) => vniWords(vni)), 8)}; port ${listed(ports.map(String))})`; // prettier-ignore
  const counts = [
    [of('marks'), 'MARK'],
    [of('accepts'), 'ACCEPT'],
    [of('drops') + of('dropsAny'), 'DROP'],
  ] as const;
  const kinds = listed(counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`));
  const compat =
    rules.length === 0
      ? ''
      : ` Docker has ${countOf(rules.length, 'rule')} for ${overlays.length === 1 ? 'it' : 'them'} ${whereWords(host, family)}: ${kinds}, told by the ${matchersOf(rules)}. ${eraOf(rules)}.`;
  const own =
    native.length === 0
      ? ''
      : ` Docker's own table ${family} docker-overlay has ${countOf(native.length, 'rule')} about them, as 29.6 and later write with the nftables backend.`;
  return {
    subject: familyWords[family],
    what: `This host has ${networks}.${compat}${own}`,
    means: `${isGuarded ? 'Beside the guard, what keeps such networks encrypted is such rules' : 'What keeps such networks encrypted is such rules alone'}: without its MARK a network is sent in clear, without its DROP anybody can send into it. Docker puts them there once and never looks whether they still are, or what stands above them.`,
    evidence: [...rules.map((rule) => evidenceOf(rule, noteOf(rule))), ...native.map((rule) => nativeEvidence(rule, "Docker's own table"))].slice(0, shown), // prettier-ignore
    fix: [
      isGuarded
        ? { what: 'leave them alone; see whether the guard has all of the networks', commands: ['dnfw status'] }
        : { what: 'leave them alone; have the guard enforce them too, whatever happens to them', commands: ['dnfw install --from-host'] }, // prettier-ignore
    ],
  };
};

const find = (host: AuditHost): readonly Found[] =>
  families.flatMap((family) => {
    const overlays = host.overlays().filter((one) => one.family === family);
    return overlays.length === 0 ? [] : [describe(host, family, overlays)];
  });

export const overlayRules: FindingRule = {
  code: 'overlay-rules',
  severity: 'info',
  job: 'encryption',
  title: 'Docker has rules of encrypted overlays outside of its own chains',
  about:
    "For each encrypted overlay Docker writes rules into INPUT and mangle OUTPUT, which its documentation does not mention: a MARK that selects outgoing VXLAN for IPsec, a DROP for VXLAN that comes in unencrypted, and before 25.0 an ACCEPT for what was decrypted. They find the network's identifier (VNI) with a u32 or BPF program. The releases that write each form are told; later releases with the nftables backend have a table docker-overlay instead.",
  silent: 'There are no rules of encrypted overlays.',
  references: ['moby#30766', 'moby#45280', 'moby#45281'],
  needs: [],
  find,
};
