export { type CanisterRange, type GatewayConfig, readConfig } from './config.ts';
export type { GatewayEvent } from './core/event.ts';
export type { GatewayParts } from './gateway.ts';
export { type OpenGateway, openGateway } from './open-gateway.ts';
export { describeGateway } from './telemetry.ts';
