import { runAlone } from '@internode/host';
import { openBeacon } from './open.ts';

await runAlone('beacon', openBeacon);
