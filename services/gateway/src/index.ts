export type { CanisterRange, GatewayConfig } from './config.ts';
export type { Answer } from './core/answer.ts';
export type { GatewayEvent } from './core/event.ts';
export { type Route, routeOf } from './core/route.ts';
export { Gateway, type GatewayParts } from './gateway.ts';
export { gatewaySubjects, openGatewayAlone, openGatewayIn } from './open.ts';
export { type OpenGateway, openGateway } from './open-gateway.ts';
