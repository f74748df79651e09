import { runAlone } from '@internode/host';
import { openConsensus } from './open.ts';

await runAlone('consensus', openConsensus);
