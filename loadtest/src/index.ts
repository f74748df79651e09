export {
  type CallAnswer,
  type QueryAnswer,
  readCallAnswer,
  readQueryAnswer,
  type Trust,
} from './answer.ts';
export { bottleneckOf } from './bottleneck.ts';
export {
  type LoadFigures,
  type LoopOptions,
  type PostOptions,
  postAll,
  runClosedLoop,
} from './closed-loop.ts';
export { Connection } from './connection.ts';
export { deployCounter } from './counter.ts';
export { median, percentile } from './figures.ts';
export { type HttpAnswer, type Parsed, parseAnswer } from './http-answer.ts';
export { type OpenLoopFigures, type OpenLoopOptions, runOpenLoop } from './open-loop.ts';
export {
  anonymousRequest,
  generateSigner,
  NO_ARGUMENTS,
  type Prepared,
  type RequestFields,
  type Signer,
  signedRequest,
} from './requests.ts';
