import { runAlone } from '@internode/host';
import { openP2p } from './open.ts';

await runAlone('p2p', openP2p);
