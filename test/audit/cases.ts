/**
 * Cases of findings: test/audit/cases/CODE.cases. A case is a small host; under the rules that a finding has to show as
 * evidence stands a line `#^`, which is a comment of iptables-save. `=== has:` cases have the finding, `=== silent:`
 * cases almost have it and must not.
 *
 *   === has: the accept stands first => VNI 4097 (0x1001), port 4789
 *   --- rules
 *   *filter
 *   …
 *   -A INPUT -p udp -j ACCEPT
 *   #^ high lets it in
 *   COMMIT
 *
 * Behind `=>` stand the subjects of all findings of this code, with `;` between. Behind `#^` may stand the severity, and
 * then the evidence's note. Sections: see `sections`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareSource } from '../../src/audit/bare.ts';
import type { Source } from '../../src/audit/source.ts';
import type { GuardRecord, Surroundings } from '../../src/audit/surroundings.ts';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { readNetworks } from '../../src/docker/networks.ts';
import { readInfo } from '../../src/guard/docker-info.ts';
import { readAddresses, readRoutes } from '../../src/guard/network.ts';
import { readSockets } from '../../src/guard/sockets.ts';
import { type Json, listOf, property, textOf } from '../../src/nftables/json.ts';

export interface Mark {
  /** 1-based, in the case file. */
  readonly line: number;
  readonly severity?: string;
  readonly note?: string;
}

export interface Case {
  readonly code: string;
  readonly kind: 'has' | 'silent';
  readonly name: string;
  readonly subjects: readonly string[];
  readonly source: Source;
  readonly marks: readonly Mark[];
}

/** What a case may say of its host, and in which form. `rules` may come several times: one dump or listing each. */
const sections = ['rules', 'nft', 'docker info', 'networks', 'sockets', 'addresses', 'routes', 'routes6', 'sysctl', 'modules', 'around'] as const; // prettier-ignore
type Section = (typeof sections)[number];

interface Part {
  readonly section: Section;
  /** Of its first line. */
  readonly line: number;
  readonly lines: readonly string[];
}

const isSection = (name: string): name is Section => sections.some((one) => one === name);

const json = (part: Part | undefined): Json => (part ? (JSON.parse(part.lines.join('\n')) as Json) : null);

const pairs = (part: Part | undefined, separator: RegExp): ReadonlyMap<string, string> | undefined =>
  part &&
  new Map(
    part.lines
      .filter((line) => line.trim() !== '')
      .map((line) => {
        const [name = '', value = ''] = line.split(separator);
        return [name.trim(), value.trim()] as const;
      }),
  );

/** Empty lines in front, so that a rule has the line of the case file. JSON has no comments. */
const inputOf = (path: string, { section, line, lines }: Part): { readonly name: string; readonly text: string } => ({
  name: path,
  text: `${'\n'.repeat(line - 1)}${lines.map((one) => (section === 'nft' && one.startsWith('#^') ? '' : one)).join('\n')}\n`,
});

/** JSON has no dates and no sets. */
const aroundIn = (around: Json): Surroundings => {
  const { taken, guard, ...rest } = (around ?? {}) as Partial<Record<keyof Surroundings, never>>;
  const made = textOf(guard, 'made');
  return {
    ...rest,
    ...(taken === undefined ? {} : { taken: new Date(taken) }),
    ...(guard === undefined
      ? {}
      : {
          guard: guard && {
            ...(guard as GuardRecord),
            external: new Set(listOf(property(guard, 'external')).map(String)),
            ...(made === undefined ? {} : { made: new Date(made) }),
          },
        }),
  };
};

const sourceOf = (path: string, name: string, parts: readonly Part[]): Source => {
  const part = (section: Section): Part | undefined => parts.find((one) => one.section === section);
  const { value, diagnostics } = bareSource(
    parts.filter(({ section }) => section === 'rules' || section === 'nft').map((one) => inputOf(path, one)),
  );
  const wrong = diagnostics.filter(isError);
  if (!value || wrong.length > 0) throw new Error(`${path}: ${name}: ${wrong.map(({ what }) => what).join('; ')}`);
  const isBare = parts.every(({ section }) => section === 'rules' || section === 'nft');
  const modules = pairs(part('modules'), /\s+/);
  const [networks, sysctls] = [part('networks'), pairs(part('sysctl'), /=/)];
  const more = aroundIn(json(part('around')));
  const around: Surroundings = {
    ...(networks ? { networks: readNetworks(json(networks)) } : {}),
    ...(sysctls ? { sysctls } : {}),
    ...(modules ? { modules: new Map([...modules].map(([module, is]) => [module, is === 'yes'])) } : {}),
    ...more,
  };
  const given: Readonly<Partial<Record<string, Section>>> = { nft: 'nft', engine: 'docker info', sockets: 'sockets', addresses: 'addresses' }; // prettier-ignore
  return {
    ...value,
    name,
    kind: isBare ? 'rules' : 'capture',
    ...(isBare ? {} : { chains: undefined }),
    host: {
      ...value.host,
      docker: part('docker info') ? readInfo(json(part('docker info'))) : undefined,
      sockets: readSockets(part('sockets')?.lines.join('\n') ?? ''),
      addresses: readAddresses(json(part('addresses'))),
      routes: [...readRoutes(json(part('routes')), 'ip'), ...readRoutes(json(part('routes6')), 'ip6')],
    },
    around,
    absent: new Set([...value.absent].filter((what) => part(given[what] ?? 'rules') === undefined || what.startsWith('ip'))), // prettier-ignore
  };
};

const marksIn = (lines: readonly string[], first: number): readonly Mark[] =>
  lines.flatMap((line, index) => {
    const said = /^#\^\s*(?:(critical|high|medium|low|info)\b)?\s*(.*)$/.exec(line);
    if (!said) return [];
    // The line above, which may have marks of its own: the nearest one that is none.
    let above = index - 1;
    while (above > 0 && lines[above]?.startsWith('#^')) above--;
    const [, severity, note] = said;
    return [{ line: first + above, ...(severity ? { severity } : {}), ...(note ? { note } : {}) }];
  });

const caseOf = (code: string, path: string, lines: readonly string[], first: number): Case => {
  const [head = ''] = lines;
  const said = /^=== (has|silent): (.*?)(?: => (.*))?$/.exec(head);
  if (!said) throw new Error(`${path}:${first}: no head of a case: ${head}`);
  const [, kind, name = '', subjects] = said;
  const parts: { section: Section; line: number; lines: string[] }[] = [];
  for (const [index, line] of lines.entries()) {
    const section = /^--- (.*)$/.exec(line)?.[1];
    if (section !== undefined && !isSection(section))
      throw new Error(`${path}:${first + index}: no section ${section}`);
    if (section !== undefined) parts.push({ section, line: first + index + 1, lines: [] });
    else if (index > 0) parts.at(-1)?.lines.push(line);
  }
  return {
    code,
    kind: kind === 'has' ? 'has' : 'silent',
    name,
    subjects: subjects === undefined ? [] : subjects.split(';').map((one) => one.trim()),
    source: sourceOf(path, name, parts),
    marks: marksIn(lines, first),
  };
};

const folder = join(import.meta.dirname, 'cases');

/** All cases, by the code of their file. */
export const readCases = (): ReadonlyMap<string, readonly Case[]> =>
  new Map(
    readdirSync(folder)
      .filter((file) => file.endsWith('.cases'))
      .map((file) => {
        const code = file.replace(/\.cases$/, '');
        const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n');
        const starts = lines.flatMap((line, index) => (line.startsWith('=== ') ? [index] : []));
        const cases = starts.map((start, index) =>
          caseOf(code, file, lines.slice(start, starts[index + 1]), start + 1),
        );
        return [code, cases] as const;
      }),
  );
