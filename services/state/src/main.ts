import { runAlone } from '@internode/host';
import { openState } from './open.ts';

await runAlone('state', openState);
