/** The guard at boot: a file that nft loads by itself, and a unit of systemd that lets it. No Node is needed. */
import { isDeepStrictEqual } from 'node:util';
import { type Json, textOf } from '../nftables/json.ts';
import { readText, remove, writeDurably } from './disk.ts';
import type { Engine } from './engine.ts';
import { readGuard } from './generations.ts';
import { type GenerationMark, type GuardObject, markIn, objectsOf } from './loaded.ts';
import { encryptedChain } from './names.ts';
import { bootFile, type Paths } from './paths.ts';
import { restoring } from './revert.ts';
import { escaped, removeUnit, type Unit, writeUnit } from './units.ts';

const name = 'dnfw-guard.service';

/**
 * What pulls the unit in: the boot, and each start of the services that flush all rules when they start. systemd.unit(5):
 * PartOf= passes stops and restarts on, but not starts.
 */
const pulledBy = ['sysinit.target', 'nftables.service'];

export const unitText = (paths: Paths, nft: string): string => {
  const file = escaped(bootFile(paths));
  return `# Made by dnfw install --persist; dnfw uninstall removes it.
[Unit]
Description=dnfw guard: the last confirmed input chain
Documentation=man:dnfw-install(8)
DefaultDependencies=no
RequiresMountsFor=${escaped(paths.state)}
ConditionPathExists=${file}
Wants=network-pre.target
Before=network-pre.target docker.service shutdown.target
After=nftables.service firewalld.service
Conflicts=shutdown.target
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service firewalld.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${escaped(nft)} -j -f ${file}
ExecReload=${escaped(nft)} -j -f ${file}
StandardInput=null
CapabilityBoundingSet=CAP_NET_ADMIN
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
IPAddressDeny=any
KeyringMode=private
RestrictAddressFamilies=AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077

[Install]
WantedBy=${pulledBy.join(' ')}
`;
};

const guardUnit = (paths: Paths, nft: string): Unit => ({ name, text: unitText(paths, nft), pulledBy });

const parse = (text: string | undefined): Json | undefined => {
  try {
    // What JSON.parse gives is Json.
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  } catch {
    return undefined;
  }
};

const markOf = (text: string | undefined): GenerationMark | undefined => {
  const document = parse(text);
  return document === undefined ? undefined : markIn(document);
};

/** Whether the guard survives a boot. */
export const isPersistent = (paths: Paths): boolean => readText(bootFile(paths)) !== undefined;

/**
 * Makes `generation` the one that is loaded at boot, if the guard is to survive boots: because it is wished now, or was
 * before. True if anything was written.
 */
export const bringBoot = async ({ paths, services }: Engine, generation: number, wished: boolean): Promise<boolean> => {
  if (!wished && !isPersistent(paths)) return false;
  const guard = readGuard(paths, generation);
  if (guard === undefined) return false;
  const isNew = !isDeepStrictEqual(markOf(readText(bootFile(paths))), markOf(guard));
  if (isNew) writeDurably(bootFile(paths), guard);
  const isUnitNew = wished && writeUnit(paths, guardUnit(paths, services.nft()));
  if (isUnitNew) await services.reload();
  return isNew || isUnitNew;
};

/**
 * The boot file with the encrypted networks that are enforced now, if it is of the guard that is listed: those that are
 * gone by the next boot are taken out when Docker has made its rules.
 */
export const syncBoot = (paths: Paths, listing: Json): void => {
  const text = readText(bootFile(paths));
  const boot = parse(text);
  if (boot === undefined || !isDeepStrictEqual(markIn(boot), markIn(listing))) return;
  const isEncrypted = ({ kind, value }: GuardObject): boolean =>
    kind === 'rule' && textOf(value, 'chain') === encryptedChain;
  const objects = [...objectsOf(boot).filter((one) => !isEncrypted(one)), ...objectsOf(listing).filter(isEncrypted)];
  const next = restoring({ nftables: objects.map(({ kind, value }) => ({ [kind]: value })) });
  if (next !== text) writeDurably(bootFile(paths), next);
};

/** Without a confirmed guard nothing is loaded at boot. The unit stays: it does nothing without the file. */
export const forgetBoot = ({ paths }: Pick<Engine, 'paths'>): void => {
  remove(bootFile(paths));
};

/** Removes the unit and its links; the boot file goes with the other records. True if there was any. */
export const removeBoot = async ({ paths, services }: Engine): Promise<boolean> => {
  const isGone = removeUnit(paths, { name, pulledBy });
  if (isGone) await services.reload();
  return isGone;
};
