/** A host to audit, from a capture: of a file, or taken a moment ago. */
import type { Answers, Capture } from '../capture/document.ts';
import { seamsOf } from '../capture/replay.ts';
import { isError } from '../diagnostics/diagnostic.ts';
import { type Host, readHost } from '../guard/host.ts';
import { aroundOf } from './captured-around.ts';
import type { Source } from './source.ts';

/** Whether all rules of a family could be read: none of its programs failed, and there is one. */
const isFamilyRead = (answers: Answers, tool: 'iptables' | 'ip6tables'): boolean => {
  const all = ['-nft-save -c', '-legacy-save -c', '-save -c'].flatMap((end) => answers.get(`${tool}${end}`) ?? []);
  return all.some(({ kind }) => kind === 'text') && all.every(({ kind }) => kind !== 'failed');
};

const absentOf = ({ answers }: Capture, { docker, gaps }: Host): Source['absent'] => {
  const unread = new Set(gaps.map(({ what }) => what));
  return new Set([
    ...(['iptables', 'ip6tables'] as const).filter((tool) => !isFamilyRead(answers, tool)),
    ...(['nft', 'sockets', 'addresses'] as const).filter((what) => unread.has(what)),
    ...(docker ? [] : (['engine'] as const)),
  ]);
};

/** Where a rule or a table could not be read, nobody knows what else there is than what could. */
const chainsOf = ({ diagnostics, iptables }: Host): Source['chains'] =>
  diagnostics.some(isError)
    ? new Set(iptables.tables.flatMap(({ family, name, chains }) => chains.map((chain) => `${family} ${name} ${chain.name}`))) // prettier-ignore
    : undefined;

/** `file`: the name of the capture's file; without it, the host is this one. The rules' diagnostics are with the host. */
export const sourceOfCapture = async (capture: Capture, file?: string): Promise<Source> => {
  const host = await readHost(seamsOf(capture, file));
  return {
    name: capture.host.name,
    kind: file === undefined ? 'live' : 'capture',
    files: file === undefined ? [] : [file],
    host,
    around: await aroundOf(capture, file),
    chains: chainsOf(host),
    absent: absentOf(capture, host),
  };
};
