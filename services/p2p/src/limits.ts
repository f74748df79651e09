/** Every bound of this room, with what happens when it is met. */
import { assert } from '@internode/prelude';

export const P2P_LIMITS = {
  /** Admitted ingress that is not final yet; more is refused (protocol 3.4). */
  ingressMessagesMax: 50_000,
  ingressBytesMax: 256 * 1024 * 1024,
  /** The same per author, so that one cannot fill the pool; more is refused. */
  authorMessagesMax: 10_000,
  authorBytesMax: 64 * 1024 * 1024,
  /** One call, as the interface allows it; a larger one is refused. */
  ingressBytesEachMax: 2 * 1024 * 1024 + 64 * 1024,
  /** Ids that became final, remembered so that a repeated call is admitted without a second run. */
  finalIdsMax: 600_000,
  /** Ingress is offered to consensus again after so long, as much at a time as its pool can use. */
  offerAgainMs: 2_000,
  offerMessagesMax: 2_000,
  offerBytesMax: 8 * 1024 * 1024,
  /** Bodies of ingress that is final, kept for peers that still lack them; the oldest are forgotten. */
  recentMessagesMax: 20_000,
  recentBytesMax: 64 * 1024 * 1024,
  /** Consensus is asked for the running epoch again after so long, while it has not said it. */
  askEpochMs: 1_000,
} as const;

/** What this node offers to its peers, and how. */
export const OFFER_LIMITS = {
  /** Artifacts on offer; correct services stay far below (protocol 2.4). One more is not offered, and counted. */
  slotsMax: 30_000,
  slotBytesMax: 512 * 1024 * 1024,
  /** In a large subnet fewer: so many divided by its members, but not fewer than this. */
  slotsOfAllMax: 1_000_000,
  slotsMin: 2_000,
  /** Of which ingress, of three: more waits until some is final, so that calls never keep votes from their slots. */
  ingressThirds: 2,
  ingressSlotBytesMax: 256 * 1024 * 1024,
  /** Bodies are pushed below this size, above it only their ids. */
  pushBytesMax: 1024,
  /** The same for what others wait for: votes, shares, certificates, blocks. */
  urgentBytesMax: 256 * 1024,
  /** Changes that nobody waits for leave together after so long. */
  ingressFlushMs: 1,
  withdrawalFlushMs: 250,
  /** In a subnet of more members than this, what peers brought is not offered to all but to a circle, after so long. */
  flatMembersMax: 40,
  echoFlushMs: 100,
  /** The adapter is told so often, in beats, whom to connect. */
  connectBeats: 5,
  /** Owners are asked so often to repeat what they offer, more often while the chain stands still; an offer not repeated for so
   * long is withdrawn. */
  requestOffersMs: 20_000,
  requestOffersStalledMs: 5_000,
  unrepeatedMs: 60_000,
} as const;

/** Frames between peers. */
export const FRAME_LIMITS = {
  /** A longer frame is refused unread: its sender is no peer of ours. */
  frameBytesMax: 1792 * 1024,
  /** Parts are gathered into frames of about this size. */
  frameBytesAim: 256 * 1024,
  /**
   * Part of the protocol: bodies travel in pieces of this size. A chunk of a state, a little more than 1 MiB
   * as a rule, fits into one, and is not put together then.
   */
  chunkBytes: 1280 * 1024,
  /** Bodies from this size on are the end of a frame of their own, which is not copied. */
  tailBytesMin: 64 * 1024,
  /** A longer body is neither sent nor taken. */
  artifactBytesMax: 5 * 1024 * 1024,
  questionBytesMax: 64 * 1024,
  answerBytesMax: 4 * 1024 * 1024,
} as const;

/** What is kept for one peer, and how much it may say and ask. All of it is forgotten when it is no member any more. */
export const PEER_LIMITS = {
  /** Members that are connected; more are not. */
  peersMax: 1_000,
  /** Slots of a peer's table as our own bound for tables has it, and this much more, because it may count its members
   * otherwise; an update with a higher slot is malformed. */
  slotsTolerance: 1.4,
  /** Bodies of what all peers offer, each of them having its part; a body over that is said and not kept. */
  bodyBytesMax: 1024 * 1024 * 1024,
  bodyBytesPerPeerMax: 64 * 1024 * 1024,
  /** Ids that were said, so that another peer's offer is not said again; the oldest are forgotten. */
  saidIdsMax: 200_000,
  /** Earlier lives of a peer whose late frames are dropped. */
  pastLivesMax: 8,
  /** The running life of a peer has said nothing for so long: an earlier one that speaks is heard again. */
  lifeSilentMs: 5_000,
  /** Calls, and other artifacts, said to our services per peer and second, and at once; more wait in their slots, direct ones
   * are dropped. Who hears them checks signatures: this bounds what one peer can make us check. */
  callsPerSecond: 1_000,
  callsAtOnce: 2_000,
  othersPerSecond: 500,
  othersAtOnce: 1_000,
  /** One that turned out to be wrong counts as so many more, of both. */
  blame: 25,
  saidBytesPerSecond: 64 * 1024 * 1024,
  /** Bytes heard from one peer per second, and at once, beyond what it was asked for. Its connection is not read for a while
   * when a quarter is left; its frames over it are dropped unread. */
  heardBytesPerSecond: 16 * 1024 * 1024,
  heardBytesAtOnce: 64 * 1024 * 1024,
  /** What a frame, a part of it, and a change in it count at least: tiny ones cost as much work. */
  heardBytesOfFrame: 4 * 1024,
  heardBytesOfPart: 4 * 1024,
  pauseMsMax: 2_000,
  /** Of what it was asked for; more counts as unasked. */
  expectedBytesMax: 160 * 1024 * 1024,
  /** Bytes served to one peer per second, and at once: tables and fetched bodies; over it, requests are dropped. */
  servedBytesPerSecond: 32 * 1024 * 1024,
  servedBytesAtOnce: 32 * 1024 * 1024,
  /** Of a table, in answer to one WantUpdates; the asker asks on. */
  burstBytesMax: 4 * 1024 * 1024,
  /** A peer that does not answer WantUpdates is asked again after so long. */
  wantAgainMs: 500,
  /** The table's state is told, and what is due to be said again is said, so often. */
  beatMs: 1_000,
  /** What is still on offer is said again after so long, then after so many times as long, and so on, so many times; always after the
   * first while no block has become final for so long. So much at a time. */
  sayAgainMs: 2_000,
  sayAgainGrowth: 4,
  sayAgainTimes: 4,
  stalledMs: 5_000,
  /** Shared out among the peers that offer it. */
  sayAgainMessagesMax: 2_000,
  sayAgainBytesMax: 8 * 1024 * 1024,
  /** Members outside the circle that are told in a beat where the table stands, and asked for theirs while the chain does. */
  farPerBeat: 32,
  /** Beats between tellings of a table that does not change. */
  quietBeats: 5,
} as const;

/** Bodies that are asked for. */
export const FETCH_LIMITS = {
  /** Bodies that our services want; one more is not wanted, and counted: who needs it asks again. */
  requestedMax: 8_192,
  /** Adverts of one peer that are looked after at a time; more wait. */
  offeredPerPeerMax: 512,
  /** On their way from one peer; more wait. */
  inFlightPerPeerMax: 64,
  inFlightBytesPerPeerMax: 8 * 1024 * 1024,
  /** A peer that has not answered by then is passed over, for another that has it; sooner when our services wait. */
  answerMs: 1_500,
  requestedAnswerMs: 500,
  /** When everyone was asked in vain, the round begins again after so long. */
  restMs: 500,
  /** A body nobody has asked for again, nor offers, is no longer wanted. */
  giveUpMs: 10_000,
  /** Ids in one FetchArtifacts; the rest is dropped. */
  idsPerRequestMax: 256,
  /** While something is fetched or waits its turn, it is looked after so often. */
  lookAfterMs: 100,
  /** Remembered of what was asked and is not awaited any more, of bodies and of questions each; then the oldest is forgotten. */
  lateMax: 1_024,
} as const;

/** Connections between peers. */
export const LINK_LIMITS = {
  /** Frames on their way to one peer that does not read them; more are dropped, and made good later. */
  queueBytesMax: 16 * 1024 * 1024,
  /** The same for bulk, of one peer and of all. */
  bulkBytesMax: 64 * 1024 * 1024,
  bulkBytesOfAllMax: 512 * 1024 * 1024,
  /** Small frames of one turn leave as one message of at most this size. */
  joinBytesMax: 256 * 1024,
  /** Frames of this size and above are bulk to the collector, which is called each so many bytes of them. */
  largeBytesMin: 64 * 1024,
  collectedBytes: 16 * 1024 * 1024,
  /** Written and not yet taken by the connection: what comes later may still be overtaken. */
  writtenBytesMax: 1024 * 1024,
  /** Messages and bytes read from one peer per second; a faster one is not read for a while. */
  messagesPerSecond: 2_000,
  bytesPerSecond: 256 * 1024 * 1024,
  pauseMs: 20,
  /** A peer that answers no ping in time is lost. */
  pingEveryMs: 2_000,
  pingTimeoutMs: 3_000,
  /** TLS and the first word of a stream must be done by then, or the connection is closed. */
  openingMs: 5_000,
  /** Connections that have not shown a member's key yet; one more closes the oldest. */
  strangersMax: 128,
  /** Handshakes begun per second and at once, for each address of members, and for all others together; more wait their turn. */
  handshakesPerSecond: 10,
  handshakesAtOnce: 64,
  /** Between two attempts to reach a peer: doubled with each, up to the second. */
  redialMsMin: 100,
  redialMsMax: 3_000,
  /** Flow control: received and not yet read, of one connection. */
  windowBytes: 4 * 1024 * 1024,
} as const;

/** Questions to peers. */
export const ASK_LIMITS = {
  /** Open questions to one peer, and from one; more are answered with a failure, or dropped. */
  openPerPeerMax: 32,
  /** The longest wait for an answer; a longer one is shortened. */
  timeoutMsMax: 60_000,
  /** A question that our own services have not answered by then never will be. */
  answerWithinMs: 60_000,
} as const;

assert(P2P_LIMITS.authorMessagesMax <= P2P_LIMITS.ingressMessagesMax, 'limits: author');
assert(P2P_LIMITS.ingressBytesEachMax <= P2P_LIMITS.authorBytesMax, 'limits: one call');
assert(P2P_LIMITS.ingressBytesEachMax + 1024 < FRAME_LIMITS.artifactBytesMax, 'limits: artifact');
assert(OFFER_LIMITS.ingressThirds < 3, 'limits: room for votes');
assert(
  OFFER_LIMITS.urgentBytesMax + FRAME_LIMITS.frameBytesAim < FRAME_LIMITS.frameBytesMax &&
    FRAME_LIMITS.chunkBytes + FRAME_LIMITS.frameBytesAim < FRAME_LIMITS.frameBytesMax,
  'limits: a frame holds one part more than it aims at',
);
assert(
  FETCH_LIMITS.inFlightBytesPerPeerMax >= FRAME_LIMITS.artifactBytesMax,
  'limits: the largest artifact can be fetched',
);
