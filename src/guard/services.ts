/** systemd, where it runs. */
import { existsSync } from 'node:fs';
import { execa } from 'execa';
import type { Services } from './engine.ts';
import { sharesNamespace } from './processes.ts';
import { pathOf } from './timer.ts';

export const createServices = (): Services => ({
  nft: () => pathOf('nft'),
  reload: async () => {
    if (!existsSync('/run/systemd/system') || !sharesNamespace('mnt')) return;
    // Where this fails, the units are read at the next boot.
    await execa('systemctl', ['daemon-reload'], { reject: false, timeout: 30_000 });
  },
});
