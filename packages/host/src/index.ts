export { type AloneNews, beginAlone, runAlone, SETTINGS_VARIABLE } from './alone.ts';
export { type AloneFile, readAloneFile, writeAloneFile } from './alone-file.ts';
export { SystemClock } from './clock.ts';
export { holderOf, isAlive, lockDataDir } from './data-dir.ts';
export { FiguresOfOthers, tellFigures } from './figures.ts';
export { freePorts } from './free-ports.ts';
export { type HealthAddress, openHealthDoor } from './health-door.ts';
export type { CarriedBus, Host, HostOptions, Open, Running, Start } from './host.ts';
export { openHost, tracesFromEnvironment } from './host.ts';
export {
  answerProfiles,
  type CpuProfile,
  PROFILE_MS,
  type ProfileAnswer,
  profileFiles,
  type ThreadProfile,
  takeProfiles,
} from './profiling.ts';
export { keepTraces, tellSpans } from './traces.ts';
