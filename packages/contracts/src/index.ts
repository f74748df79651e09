export { contract, type Contract } from './contract.ts';
export { subjectOf, type Place } from './subject.ts';
export * from './gen/messages.ts';
