/** Docker's API without TLS listens where others reach it. */
import type { FindingRule } from '../contract.ts';
import type { Exposed } from '../exposure.ts';
import type { Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import {
  closing,
  deciderOf,
  dockerProgram,
  evidenceOfDecider,
  outsideDevice,
  portSubject,
  shown,
  waysIn,
  widest,
} from '../openings.ts';
import { shellWord } from '../shell-words.ts';

/** Plain HTTP by convention; 2376 is the one with TLS. */
const api = 2375;

const isEngine = ({ row: { kind, protocol, port, behind } }: Exposed): boolean =>
  kind === 'listening' &&
  protocol === 'tcp' &&
  port === api &&
  (behind === '' || /\bdockerd\b|\bsystemd\b/.test(behind));

const found = (host: AuditHost, exposed: Exposed): readonly Found[] => {
  if (!isEngine(exposed)) return [];
  const { family, reach, behind, address } = exposed.row;
  const way = widest(exposed);
  const sent = way && shown(host, family, way.passage);
  if (!sent) return [];
  const decider = deciderOf(sent);
  const program = dockerProgram(host, family);
  const device = outsideDevice(host, family);
  return [
    {
      subject: portSubject(exposed),
      ...(reach.anywhere === 'open' ? {} : { severity: 'high' as const }),
      what: `${behind === '' ? 'A process' : behind} listens at tcp port ${api}${address === undefined ? '' : ` of ${address}`}, Docker's API without TLS, and is reached ${waysIn(host, exposed)}.`,
      means:
        'Whoever reaches this port can start a container with the file system of the host in it: that is root on this host, without a password.',
      evidence: decider ? [evidenceOfDecider(host, family, decider, 'lets it in')] : [],
      witness: sent.witness,
      fix: [
        {
          what: 'close it at once',
          commands: [`${program} -I INPUT -i ${shellWord(device)} -p tcp --dport ${api} -j DROP`],
        },
        {
          what: 'then take the address away from the engine; use SSH instead',
          commands: [
            'grep -n tcp:// /etc/docker/daemon.json /lib/systemd/system/docker.service',
            'docker context create remote --docker host=ssh://user@host',
          ],
        },
        ...(exposed.publishing ? closing(host, exposed) : []),
      ],
    },
  ];
};

export const apiPortOpen: FindingRule = {
  code: 'api-port-open',
  severity: 'critical',
  job: 'exposure',
  title: "Docker's API without TLS is reached from outside",
  about:
    "The engine's API at a TCP port without TLS asks for nothing: whoever reaches it is root on the host. A socket that listens at 2375/tcp, not on a loopback address only, and that is the engine's or of a process that could not be seen, is tried with a packet from a public address and one from a neighbour (then the severity is high).",
  silent: 'The rules keep the packets out, the port is that of another program, or it listens on a loopback address.',
  needs: ['sockets'],
  find: (host) => host.exposure().exposed.flatMap((exposed) => found(host, exposed)),
};
