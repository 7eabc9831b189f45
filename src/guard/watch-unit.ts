/** The unit of `dnfw watch` for systemd. */
import type { Engine } from './engine.ts';
import type { Paths } from './paths.ts';
import { escaped, isEnabled, isWritten, removeUnit, writeUnit } from './units.ts';

const named = { name: 'dnfw-watch.service', pulledBy: ['multi-user.target'] };

/** systemd.unit(5) takes quotes around words with blanks. */
const word = (path: string): string => (/[\s"'\\]/.test(path) ? `"${escaped(path).replaceAll(/["\\]/g, String.raw`\$&`)}"` : escaped(path)); // prettier-ignore

/**
 * `command`: the words that start dnfw. Node compiles at run time: MemoryDenyWriteExecute= would kill it. It tries calls
 * that are in no list (pkey_alloc) and does without them: they have to fail, and not to kill. CAP_SYS_PTRACE: where /proc
 * hides processes, the holder of the lock would be taken for dead without it. CAP_NET_RAW: iptables-legacy asks the kernel
 * by a raw socket. CAP_DAC_READ_SEARCH: Node may lie in somebody's home. localhost: DOCKER_HOST may say so.
 * StateDirectory: a folder that is made later, by the first install, would be read-only to it.
 */
export const watchUnitText = (
  paths: Paths,
  command: readonly string[],
): string => `# Made by dnfw watch; dnfw uninstall removes it.
[Unit]
Description=dnfw watch: keeps the guard in line with Docker's encrypted networks
Documentation=man:dnfw-sync(8)
After=dnfw-guard.service nftables.service firewalld.service docker.service
StartLimitIntervalSec=0

[Service]
ExecStart=${[...command, 'watch'].map(word).join(' ')}
Environment=${[`DNFW_STATE_DIR=${paths.state}`, `DNFW_CONFIG_DIR=${paths.config}`, `DNFW_RUN_DIR=${paths.run}`].map((one) => `"${escaped(one)}"`).join(' ')}
Restart=always
RestartSec=2
StandardInput=null
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_DAC_READ_SEARCH CAP_SYS_PTRACE
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=-${word(paths.state)} -${word(paths.run)} -/run/xtables.lock
${paths.state === '/var/lib/dnfw' ? 'StateDirectory=dnfw\nStateDirectoryMode=0700\n' : ''}RuntimeDirectory=dnfw
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
ProtectHome=read-only
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
IPAddressDeny=any
IPAddressAllow=localhost
KeyringMode=private
RestrictAddressFamilies=AF_NETLINK AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077

[Install]
WantedBy=${named.pulledBy.join(' ')}
`;

/** Whether `dnfw watch` runs from the next boot on. */
export const isWatchPersistent = (paths: Paths): boolean => isEnabled(paths, named);

export interface PersistedWatch {
  /** Whether anything was written. */
  readonly changed: boolean;
  /** Whether systemd runs it now. */
  readonly started: boolean;
}

/** Writes the unit, lets it start at boot, and starts it where systemd runs. */
export const persistWatch = async (
  { paths, services }: Engine,
  command: readonly string[],
): Promise<PersistedWatch> => {
  const changed = writeUnit(paths, { ...named, text: watchUnitText(paths, command) });
  if (changed) await services.reload();
  return { changed, started: await services.restart(named.name) };
};

/** True if there was any of it. */
export const removeWatch = async ({ paths, services }: Engine): Promise<boolean> => {
  if (isWritten(paths, named)) await services.stop(named.name);
  const isGone = removeUnit(paths, named);
  if (isGone) await services.reload();
  return isGone;
};
