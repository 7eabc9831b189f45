/** Units of systemd that dnfw makes: written whole, and pulled in by links as `systemctl enable` makes them. */
import { lstatSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { EnvironmentError } from '../diagnostics/diagnostic.ts';
import { exists, makeFolder, readText, remove, removeEmpty, writeDurably } from './disk.ts';
import type { Paths } from './paths.ts';

export interface Unit {
  readonly name: string;
  readonly text: string;
  /** The units that pull it in. */
  readonly pulledBy: readonly string[];
}

type NamedUnit = Omit<Unit, 'text'>;

const fileOf = ({ units }: Paths, { name }: NamedUnit): string => join(units, name);
const linkIn = ({ units }: Paths, { name }: NamedUnit, by: string): string => join(units, `${by}.wants`, name);

/** systemd.unit(5) expands % in paths. */
export const escaped = (path: string): string => path.replaceAll('%', '%%');

/** `systemctl enable` makes links with whole paths. */
const isLink = (paths: Paths, unit: NamedUnit, by: string): boolean => {
  const path = linkIn(paths, unit, by);
  try {
    return lstatSync(path).isSymbolicLink() && [`../${unit.name}`, fileOf(paths, unit)].includes(readlinkSync(path));
  } catch {
    return false;
  }
};

/** What `systemctl enable` does; it also works where systemd does not run, in an image for example. */
const enable = (paths: Paths, unit: NamedUnit): boolean => {
  const missing = unit.pulledBy.filter((by) => !isLink(paths, unit, by));
  for (const by of missing) {
    const link = linkIn(paths, unit, by);
    makeFolder(join(paths.units, `${by}.wants`), 0o755);
    remove(link);
    try {
      symlinkSync(`../${unit.name}`, link);
    } catch (error) {
      throw new EnvironmentError('file-unwritable', `cannot make the link ${link}`, { cause: error });
    }
  }
  return missing.length > 0;
};

export const isWritten = (paths: Paths, unit: NamedUnit): boolean => exists(fileOf(paths, unit));

/** Whether it starts at boot, whoever has written it. */
export const isEnabled = (paths: Paths, unit: NamedUnit): boolean =>
  isWritten(paths, unit) && unit.pulledBy.every((by) => isLink(paths, unit, by));

/** True if anything was written: then systemd has to read its units again. */
export const writeUnit = (paths: Paths, unit: Unit): boolean => {
  const isNew = readText(fileOf(paths, unit)) !== unit.text;
  if (isNew) writeDurably(fileOf(paths, unit), unit.text, 0o644);
  return enable(paths, unit) || isNew;
};

/** True if there was any of it: then systemd has to read its units again. */
export const removeUnit = (paths: Paths, unit: NamedUnit): boolean => {
  const links = unit.pulledBy.filter((by) => isLink(paths, unit, by)).map((by) => linkIn(paths, unit, by));
  const ours = [...links, fileOf(paths, unit)].filter((path) => exists(path));
  for (const path of ours) remove(path);
  for (const by of unit.pulledBy) removeEmpty(join(paths.units, `${by}.wants`));
  return ours.length > 0;
};
