export { type Contract, contract } from './contract.ts';
export * from './gen/messages.ts';
export { type Place, subjectOf } from './subject.ts';
