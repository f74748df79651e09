export { type Contract, contract } from './contract.ts';
export * from './gen/messages.ts';
export { encodeMessage } from './message.ts';
export { type Place, subjectOf } from './subject.ts';
