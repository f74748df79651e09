export {
  type CallAnswer,
  type QueryAnswer,
  readCallAnswer,
  readQueryAnswer,
  type Trust,
} from './answer.ts';
export { type LoadFigures, type LoadOptions, percentile, runClosedLoop } from './closed-loop.ts';
export { Connection, type HttpAnswer } from './connection.ts';
export {
  anonymousRequest,
  generateSigner,
  type Prepared,
  type RequestFields,
  type Signer,
  signedRequest,
} from './requests.ts';
