import { runAlone } from '@internode/host';
import { openExecution } from './open.ts';

await runAlone('execution', openExecution);
