import { runAlone } from '@internode/host';
import { openGatewayAlone } from './open.ts';

await runAlone('gateway', openGatewayAlone);
