// Runs in a network namespace: what is read live has to be what a capture of the same moment says.
import { deepStrictEqual } from 'node:assert';
import { pathToFileURL } from 'node:url';

const [root, file] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(`${root}/dist/${path}.js`).href);
const [{ readHost }, { captureHost }, { printCapture }, { readCapture }, { seamsOf }] = await Promise.all(
  ['guard/host', 'cli/capture-host', 'capture/print', 'capture/read', 'capture/replay'].map(load),
);

/** A program that was asked has other lines than a file, and packets are counted while it is asked. */
const withoutPlaces = (value) => {
  if (Array.isArray(value)) return value.map(withoutPlaces);
  if (value instanceof Map) return new Map([...value].map(([key, part]) => [key, withoutPlaces(part)]));
  if (value instanceof Set || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !['file', 'line', 'place', 'span', 'counters'].includes(key))
      .map(([key, part]) => [key, key === 'text' ? part.replace(/^\[\d+:\d+\]/, '') : withoutPlaces(part)]),
  );
};

const live = await readHost();
const text = [...printCapture(await captureHost())].join('');
const { value, diagnostics } = readCapture({ name: file, text });
deepStrictEqual(diagnostics, []);
const replayed = await readHost(seamsOf(value, file));
deepStrictEqual(withoutPlaces(replayed), withoutPlaces(live));
const rules = replayed.iptables.tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules));
const lines = text.split('\n');
for (const { origin } of rules)
  deepStrictEqual(JSON.parse(lines[origin.line - 1].trim().replace(/,$/, '')), origin.text);
process.stdout.write(
  `${JSON.stringify({ rules: rules.length, nft: replayed.nft.tables.length, addresses: replayed.addresses.length, gaps: replayed.gaps.length })}\n`,
);
