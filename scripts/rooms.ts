// The table of rooms (ARCHITECTURE.md): what each may import. Checked by tidy.ts on the code as it runs, types erased.

/** Pure packages and exactly the packages they may import, besides noble and protobufjs' minimal runtime. */
export const PURE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  prelude: [],
  encoding: ['prelude'],
  crypto: ['prelude', 'encoding'],
  'hash-tree': ['prelude', 'encoding', 'crypto'],
  ingress: ['prelude', 'encoding', 'crypto', 'hash-tree'],
  contracts: ['prelude'],
  actor: ['prelude', 'contracts'],
  // Of storage only the pure door ./memory: tsconfig.pure.json checks what it pulls in.
  sim: ['prelude', 'contracts', 'actor', 'storage'],
};

export const SHELL_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  bus: ['prelude', 'contracts', 'actor'],
  storage: ['prelude', 'actor'],
  telemetry: ['prelude', 'contracts', 'actor'],
  host: ['prelude', 'contracts', 'actor', 'bus', 'storage', 'telemetry'],
};

/** Third-party code that pure rooms may use. */
export const PURE_LIBRARIES = [
  '@noble/ciphers',
  '@noble/curves',
  '@noble/hashes',
  'protobufjs/minimal.js',
];

/** Folders inside pure packages that are shells behind a door of their own. */
export const SHELL_FOLDERS = ['packages/crypto/src/fast/'];

export const SERVICES = ['gateway', 'p2p', 'beacon', 'consensus', 'execution', 'state'];

/** Only telemetry may import OpenTelemetry, only storage RocksDB, only bus NATS. */
export const OWNED_LIBRARIES: Readonly<Record<string, string>> = {
  '@opentelemetry/': 'packages/telemetry/',
  '@nxtedition/rocksdb': 'packages/storage/',
  '@nats-io/': 'packages/bus/',
  '@grpc/grpc-js': 'services/p2p/',
  'mcl-wasm': 'packages/crypto/src/fast/',
};
