// Finds a Chromium, or installs it: INTERNODE_CHROMIUM, PATH, apt (as root), in this order. Never skips: where none is possible it
// throws with how to get one.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const PLACES = ['/usr/bin', '/usr/local/bin', '/snap/bin'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

export async function openBrowser(): Promise<Browser> {
  // As root, in containers and gates, there is no sandbox to be had; it opens pages of ours only.
  return chromium.launch({
    executablePath: findChromium(),
    chromiumSandbox: false,
    args: ['--disable-dev-shm-usage'],
  });
}

function findChromium(): string {
  const found = process.env['INTERNODE_CHROMIUM'] || onPath() || withApt();
  if (found !== undefined && existsSync(found)) return found;
  throw new Error(
    'a Chromium is needed and none could be found or installed. Get one by `apt-get install chromium` (as root) or from ' +
      'google.com/chrome, or name one that is there: INTERNODE_CHROMIUM=/path/to/chromium.',
  );
}

function onPath(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...PLACES];
  const paths = [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), MAC];
  return paths.find((path) => existsSync(path));
}

function withApt(): string | undefined {
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).error) return undefined;
  console.log('chromium: installing with apt-get …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core'];
  if (spawnSync('apt-get', install, { env }).status !== 0) {
    spawnSync('apt-get', ['update', '-qq'], { env });
    spawnSync('apt-get', install, { env });
  }
  return onPath();
}
