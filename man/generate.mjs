#!/usr/bin/env node
// Makes dnfw-extensions.7 and dnfw-findings.7 from the declarations, so that the manual cannot lag behind them.
// `node man/generate.mjs` writes the pages; with --check it exits 1 if a page in the tree is another one.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findingsPage } from './findings-page.mjs';
import { argument, bySpelling, dated, list, sentences, text } from './roff.mjs';

const ratings = {
  exact: 'The same packets, the same effects, for all options.',
  guarded:
    'Every whole packet is treated the same. Truncated or broken packets, and later fragments, may be treated differently by iptables-legacy; each such rule is reported as guarded and says how.',
  approximate: 'Ordinary packets may be treated differently in the way that the report names.',
  partial: 'Some options are translated; a rule that uses another one is refused.',
  refused: 'Every rule that uses it is refused, for the reason given below.',
};

const families = (extension) =>
  extension.families.length > 1 ? 'both' : extension.families[0] === 'ip' ? 'IPv4' : 'IPv6';

/** `--sport` or `-x` as a macro that sets it in bold. */
const flagged = (name) => (name.startsWith('--') ? `Fl Fl ${name.slice(2)}` : `Fl ${name.slice(1)}`);

const optionLines = (spec, options) => {
  const names = [spec.name, ...(spec.aliases ?? [])].map(flagged).join(' , ');
  const value = spec.value.syntax === '' ? '' : ` Ar ${argument(spec.value.syntax)}`;
  const nameOf = (key) => options[key]?.name ?? key;
  const more = [
    ...(spec.mandatory ? ['It has to be given.'] : []),
    ...(spec.printsAs ? [`iptables-save prints it as ${spec.printsAs}.`] : []),
    ...(spec.excludes?.length ? [`Not together with ${list(spec.excludes.map(nameOf), 'or')}.`] : []),
  ];
  return [`.It ${spec.invertible ? 'Oo ! Oc ' : ''}${names}${value}`, ...sentences(spec.about), ...more.map(text)];
};

const restrictions = (extension, protocolName) => {
  const { families: two, tables, hooks, protocols, implicit, atLeastOne, options, name } = extension;
  const given = (protocols ?? []).map((number) => `-p ${protocolName(number)}`);
  const needed = (atLeastOne ?? []).map((key) => options[key]?.name ?? key);
  return [
    ...(two.length > 1 ? [] : [`${families(extension)} only.`]),
    ...(given.length > 0 ? [`It needs ${list(given, 'or')}, not inverted.`] : []),
    ...(implicit ? [`Behind it, -m ${name} may be left out.`] : []),
    ...(needed.length === 0
      ? []
      : needed.length === Object.keys(options).length
        ? ['At least one of the options has to be given.']
        : [`At least one of ${list(needed, 'and')} has to be given.`]),
    ...(tables
      ? [`The kernel takes it in ${tables.length > 1 ? 'the tables' : 'table'} ${list(tables, 'and')} only.`]
      : []),
    ...(hooks
      ? [
          `The kernel takes it only in chains that are reached from ${list(
            hooks.map((hook) => hook.toUpperCase()),
            'or',
          )}.`,
        ]
      : []),
  ].map(text);
};

const section = (extension, protocolName) => {
  const options = Object.values(extension.options);
  const limits = restrictions(extension, protocolName);
  const notes = extension.notes ?? [];
  return [
    `.Ss ${argument(extension.name)}`,
    ...sentences(extension.about),
    ...(limits.length > 0 ? limits : []),
    ...(options.length > 0
      ? ['.Bl -tag -width Ds', ...options.flatMap((spec) => optionLines(spec, extension.options)), '.El']
      : []),
    ...(options.length > 0 ? ['.Pp'] : []),
    `Support: ${extension.support}.`,
    ...notes.flatMap(sentences),
    `In the kernel: ${text(extension.kernel)}.`,
  ];
};

const matrix = (extensions, what) => [
  '.Bl -column "MASQUERADE" "Family" "approximate" "what it does"',
  `.It Sy Name Ta Sy Family Ta Sy Support Ta Sy ${what}`,
  ...extensions.flatMap((extension) => [
    `.It ${argument(extension.name)} Ta ${families(extension)} Ta ${extension.support} Ta ${text(extension.about)}`,
  ]),
  '.El',
];

/** Those that nftables cannot do, each with its reason, and in one sentence those that dnfw cannot. */
const refusedNames = (names, reasonOf, kind) => {
  const reasons = names.map((name) => ({ name, ...reasonOf(kind, name) }));
  const without = reasons.filter(({ code }) => code === 'no-native-form');
  const later = reasons.filter(({ code }) => code !== 'no-native-form').map(({ name }) => name);
  return [
    ...(without.length > 0
      ? [
          '.Bl -tag -width CLUSTERIP',
          ...without.flatMap(({ name, why }) => [`.It ${argument(name)}`, ...sentences(why)]),
          '.El',
        ]
      : []),
    ...(without.length > 0 && later.length > 0 ? ['.Pp'] : []),
    ...(later.length > 0 ? ['dnfw has no model of these yet:', `${text(list(later, 'and'))}.`] : []),
  ];
};

/** The whole page. `declarations` is what the registry and its neighbours export. */
export const page = ({ registry, unmodelledNames, unmodelledReason, protocolName }) => {
  const matches = [...registry.matches.values()].sort(bySpelling);
  const targets = [...registry.targets.values()].sort(bySpelling);
  const unmodelled = [...new Set(unmodelledNames)].filter((n) => !registry.matches.has(n) && !registry.targets.has(n)).sort(); // prettier-ignore
  const isTarget = (name) => /^[A-Z]+$/.test(name);
  return `${[
    '.\\" Made by man/generate.mjs from src/extensions/. Change the declarations, not this file.',
    `.Dd ${dated}`,
    '.Dt DNFW-EXTENSIONS 7',
    '.Os',
    '.Sh NAME',
    '.Nm dnfw-extensions',
    '.Nd matches and targets of iptables that dnfw translates',
    '.Sh DESCRIPTION',
    'This page lists the extensions of iptables that',
    '.Xr dnfw-translate 1',
    'knows: what they test or do, their options, and how well nftables can say the same.',
    'An option behind',
    '.Oo ! Oc',
    'can be inverted with an exclamation mark in front of it.',
    'Options, values and restrictions are those of iptables itself; see iptables-extensions(8).',
    '.Pp',
    'What a rule needs no extension for is translated exactly:',
    '.Fl s , d , i , o , p',
    'and',
    '.Fl f ,',
    'inverted or not, the verdicts ACCEPT, DROP, RETURN and QUEUE, and jumps',
    '.Pq Fl j',
    'and gotos',
    '.Pq Fl g',
    'to chains.',
    '.Pp',
    'The ratings mean:',
    '.Bl -tag -width approximate',
    ...Object.entries(ratings).flatMap(([rating, meaning]) => [`.It ${rating}`, ...sentences(meaning)]),
    '.El',
    '.Pp',
    'The rating is that of the extension as a whole.',
    'What became of each rule is said by the report of',
    '.Xr dnfw-translate 1 ,',
    'and that is often better.',
    '.Ss Matches at a glance',
    ...matrix(matches, 'Tests'),
    '.Ss Targets at a glance',
    ...matrix(targets, 'Does'),
    '.Sh MATCHES',
    ...matches.flatMap((match) => section(match, protocolName)),
    '.Sh TARGETS',
    ...targets.flatMap((target) => section(target, protocolName)),
    '.Sh EXTENSIONS THAT ARE REFUSED',
    'A rule with one of these is read, reported as refused and left out, whatever its options are.',
    'So is a rule with a match that this page does not name; a target without options that it does not name is an error, because it may be a chain that is missing.',
    '.Ss Matches',
    ...refusedNames(
      unmodelled.filter((name) => !isTarget(name)),
      unmodelledReason,
      'match',
    ),
    '.Ss Targets',
    ...refusedNames(unmodelled.filter(isTarget), unmodelledReason, 'target'),
    '.Sh SEE ALSO',
    '.Xr dnfw-translate 1 ,',
    '.Xr dnfw 8 ,',
    '.Xr iptables-extensions 8 ,',
    '.Xr nft 8',
  ].join('\n')}\n`;
};

/** Whether the page in the tree says what the declarations say; writes it if it is not only looked at. */
const settle = (name, made, isCheck) => {
  const path = fileURLToPath(new URL(name, import.meta.url));
  if (!isCheck) {
    writeFileSync(path, made);
    return true;
  }
  let there = '';
  try {
    there = readFileSync(path, 'utf8');
  } catch {
    // A missing page differs from the one that is made.
  }
  if (there === made) return true;
  const line = made.split('\n').findIndex((one, index) => one !== there.split('\n')[index]) + 1;
  process.stderr.write(
    `man/${name} does not say what the declarations say (line ${line}): run node man/generate.mjs and commit the page\n`,
  );
  return false;
};

const main = async () => {
  const from = (file) => import(new URL(`../dist/${file}`, import.meta.url).href);
  const extensions = {
    ...(await from('extensions/registry.js')),
    ...(await from('extensions/unmodelled.js')),
    ...(await from('netfilter/protocols.js')),
  };
  const findings = {
    ...(await from('audit/declarations.js')),
    ...(await from('audit/contract.js')),
    ...(await from('audit/finding.js')),
    ...(await from('audit/report/words.js')),
  };
  const isCheck = process.argv.includes('--check');
  const settled = [
    settle('dnfw-extensions.7', page(extensions), isCheck),
    settle('dnfw-findings.7', findingsPage(findings), isCheck),
  ];
  return settled.every(Boolean) ? 0 : 1;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
