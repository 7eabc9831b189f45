/** The unit of `dnfw watch` for systemd. */
import type { Paths } from './paths.ts';

export const watchUnitName = 'dnfw-watch.service';

/** systemd.unit(5) expands % in paths, and takes quotes around words with blanks. */
const escaped = (path: string): string => path.replaceAll('%', '%%');
const word = (path: string): string => (/[\s"'\\]/.test(path) ? `"${escaped(path).replaceAll(/["\\]/g, String.raw`\$&`)}"` : escaped(path)); // prettier-ignore

/** `command`: the words that start dnfw. Node compiles at run time: MemoryDenyWriteExecute= would kill it. */
export const watchUnitText = (paths: Paths, command: readonly string[]): string => `# Made by dnfw; dnfw-sync(8).
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
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_DAC_OVERRIDE CAP_SYS_PTRACE
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=-${word(paths.state)} -${word(paths.run)} -/run/xtables.lock
RuntimeDirectory=dnfw
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_NETLINK AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077

[Install]
WantedBy=multi-user.target
`;
