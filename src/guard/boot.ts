/** The guard at boot: a file that nft loads by itself, and a unit of systemd that lets it. No Node is needed. */
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Json, textOf } from '../nftables/json.ts';
import { exists, makeFolder, readText, remove, removeEmpty, writeDurably } from './disk.ts';
import type { Engine } from './engine.ts';
import { readGuard } from './generations.ts';
import { type GenerationMark, type GuardObject, markIn, objectsOf } from './loaded.ts';
import { encryptedChain } from './names.ts';
import { bootFile, type Paths } from './paths.ts';
import { restoring } from './revert.ts';
import { escaped, isWritten, removeUnit, type Unit, writeUnit } from './units.ts';

const name = 'dnfw-guard.service';

const pulledBy = ['sysinit.target'];

/** Behind `override.conf`, which `systemctl edit` makes, and which may empty the lists that this one adds to. */
const dropInFile = ({ units }: Paths): string => join(units, 'nftables.service.d', 'zz-dnfw.conf');

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

/**
 * nftables.service flushes all rules, also when it is reloaded, and when it is stopped, as the start of firewalld does.
 * Its own commands put the guard back, before systemctl returns: a unit of ours that systemd passes the reload on to
 * comes later, and not at all while it is not active or is just starting (systemd skips such reloads).
 */
const dropInText = (paths: Paths, nft: string): string => {
  const command = `-${escaped(nft)} -j -f ${escaped(bootFile(paths))}`;
  return `# Made by dnfw install --persist; dnfw uninstall removes it.
# This service flushes all rules: the guard is put back, see dnfw-install(8).
[Service]
ExecStartPost=${command}
ExecReload=${command}
ExecStopPost=${command}
`;
};

const guardUnit = (paths: Paths, nft: string): Unit => ({ name, text: unitText(paths, nft), pulledBy });

/** True if anything was written. */
const writeUnits = (paths: Paths, nft: string): boolean => {
  const isNew = writeUnit(paths, guardUnit(paths, nft));
  const dropIn = dropInText(paths, nft);
  if (readText(dropInFile(paths)) === dropIn) return isNew;
  makeFolder(dirname(dropInFile(paths)), 0o755);
  writeDurably(dropInFile(paths), dropIn, 0o644);
  return true;
};

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
  const isUnitNew = wished && writeUnits(paths, services.nft());
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

/** Removes the unit and what is its; the boot file goes with the other records. True if there was any. */
export const removeBoot = async ({ paths, services }: Engine): Promise<boolean> => {
  const unit = { name, pulledBy };
  // Stopping it does nothing to the kernel; one that is active would stay on systemd's list without its file.
  if (isWritten(paths, unit)) await services.stop(name);
  const hasDropIn = exists(dropInFile(paths));
  remove(dropInFile(paths));
  removeEmpty(dirname(dropInFile(paths)));
  const isGone = removeUnit(paths, unit) || hasDropIn;
  if (isGone) await services.reload();
  return isGone;
};
