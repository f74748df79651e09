import { DEFAULT_DATA_DIR, DEFAULT_PORT } from '../command-line.ts';

export const PREPARE_HELP = `internode prepare: write what each service is told, for services that others start (containers)

Every service gets a folder with its settings, its own secrets and its key for the broker, and nobody else's; the broker gets its configuration:

  OUT/state/ execution/ beacon/ consensus/ p2p/ gateway/    settings.json bus.nk [ca.pem]; the gateway's also replica.json, for clients
  OUT/broker/                                              nats.conf [certificate.pem key.pem]

Each then runs by itself: INTERNODE_SETTINGS=FOLDER/settings.json node services/NAME/src/main.ts, the broker with nats-server -c FOLDER/nats.conf.
Again at each start: the keys stay, settings follow from them. docker-compose.yml and deploy/helm do this.

Flags
  --bus URL              where services find the broker: nats://host:port, tls://host:port   (required)
  --out DIR              one folder for each in it                              (required)
  --data-dir DIR         the keys: of \`internode genesis\` or \`internode node\`; else those of a subnet of one are made   (${DEFAULT_DATA_DIR})
  --services-data DIR    where each service has its own data, as it sees it     (/data)
  --broker-dir DIR       where the broker has its folder, as it sees it         (/settings)
  --host ADDRESS         where the gateway listens                              (0.0.0.0)
  --port N               its port                                               (${DEFAULT_PORT})
  --health-port N        where the other services answer /healthz /readyz /metrics; 0 = nowhere   (9090)
  --bus-ca FILE          who vouches for the broker, PEM; absent: whom the system trusts
  --bus-certificate FILE, --bus-key FILE   the broker's, PEM: it is heard over TLS only then
  --scale SERVICE=N      so many gateways (gateway=2: gateway-2/ too), or executions (execution=2: one that answers queries); may be given again
  --log-format FORMAT    pretty or json                                         (json)
  --quiet                warnings and errors only

Example
  internode prepare --data-dir n1 --bus nats://broker:4222 --out /etc/internode
`;
