/** systemd, where it runs. */
import { existsSync } from 'node:fs';
import { execa } from 'execa';
import type { Services } from './engine.ts';
import { sharesNamespace } from './processes.ts';
import { pathOf } from './timer.ts';

/** From another namespace, units would be started beside another ruleset. */
const hasSystemd = (): boolean =>
  existsSync('/run/systemd/system') && (['mnt', 'net'] as const).every((kind) => sharesNamespace(kind));

const systemctl = async (...words: readonly string[]): Promise<boolean> => {
  if (!hasSystemd()) return false;
  const { failed } = await execa('systemctl', words, { reject: false, timeout: 30_000 });
  return !failed;
};

export const createServices = (): Services => ({
  nft: () => pathOf('nft'),
  reload: async () => {
    // Where this fails, the units are read at the next boot.
    await systemctl('daemon-reload');
  },
  restart: (unit) => systemctl('restart', unit),
  stop: async (unit) => {
    await systemctl('stop', unit);
  },
});
