// Bugs as decorators of honest roles: each does one thing wrong at the ports of its service. The code under test has none of them.
import type { Bus, Envelope } from '@internode/actor';
import {
  CONTRACTS,
  type Ingress,
  type Message,
  type MessageKind,
  subjectOf,
} from '@internode/contracts';
import {
  type CborMap,
  decodeCborMap,
  encodeCbor,
  type HashableMap,
  requestIdOf,
} from '@internode/encoding';
import { assert, utf8 } from '@internode/prelude';
import type { NodeSetup, Role, RolePorts } from '@internode/sim';

type Decorate = (ports: RolePorts) => Partial<RolePorts>;

/** Puts other ports under a service. */
export function onPorts(role: Role, decorate: Decorate): Role {
  return {
    name: role.name,
    start: (ports, onFailed) => role.start({ ...ports, ...decorate(ports) }, onFailed),
    stop: () => role.stop(),
  };
}

/** Puts other ports under one service of the node. */
function planted(service: string, decorate: Decorate): (setup: NodeSetup) => NodeSetup {
  return ({ place, roles }) => ({
    place,
    roles: roles.map((role) => (role.name === service ? onPorts(role, decorate) : role)),
  });
}

type MessageOf<Kind extends MessageKind> = Extract<Message, { kind: Kind }>;

/** Changes what is heard of one kind. */
function hearing<Kind extends MessageKind>(
  { bus, place }: RolePorts,
  kind: Kind,
  change: (message: MessageOf<Kind>) => MessageOf<Kind>,
): Bus {
  return {
    publish: (envelope) => bus.publish(envelope),
    subscribe: (subject, deliver) => {
      if (subject !== subjectOf(place, kind)) return bus.subscribe(subject, deliver);
      return bus.subscribe(subject, (envelope) => {
        const heard = CONTRACTS[kind].decode(envelope.body);
        if (heard.kind !== 'valid') return deliver(envelope);
        const body = CONTRACTS[kind].encode(change(heard.value as MessageOf<Kind>) as never);
        deliver({ ...envelope, body });
      });
    },
  };
}

/** A call under another nonce gets past whatever remembers request ids. */
function again(ingress: Ingress): Ingress {
  const envelope = decodeCborMap(ingress.envelope);
  assert(envelope.kind === 'valid', 'an envelope is a map');
  const content = { ...(envelope.value['content'] as HashableMap & CborMap), nonce: utf8('again') };
  const requestId = requestIdOf(content);
  assert(requestId.kind === 'valid', 'content has an id');
  return { ...ingress, requestId: requestId.value, envelope: encodeCbor({ content }) };
}

export const executionAppliesTwice = planted('execution', (ports) => ({
  bus: hearing(ports, 'BatchReady', (batch) => ({
    ...batch,
    ingress: batch.ingress.flatMap((ingress) => [ingress, again(ingress)]),
  })),
}));

/** After each append, and before the disk has it, what waits for it goes out. */
export const consensusTrustsItsDisk = planted('consensus', ({ journal, clock }) => ({
  journal: {
    append: (entry, durable) => {
      journal.append(entry, () => {});
      clock.soon(durable);
    },
    replay: (visit) => journal.replay(visit),
    compact: (entries, durable) => journal.compact(entries, durable),
  },
}));

/** It believes, whatever consensus says, that nothing was final before it started: old certificates are good enough. */
export const stateGoesBack = planted('state', (ports) => ({
  bus: hearing(ports, 'Readiness', (said) => ({ ...said, height: 0 })),
}));

/** It says that it took a call, and every fourth is gone. */
export const p2pForgets = planted('p2p', ({ bus, place }) => ({
  bus: {
    subscribe: (subject, deliver) => bus.subscribe(subject, deliver),
    publish: (envelope: Envelope) => {
      if (envelope.subject === subjectOf(place, 'IngressReceived')) {
        const said = CONTRACTS.IngressReceived.decode(envelope.body);
        if (said.kind === 'valid' && (said.value.id[0] ?? 0) % 4 === 0) return;
      }
      bus.publish(envelope);
    },
  },
}));

/** Its answers leave before the canister's own changes of earlier heights are known: the total lags. */
export const executionAnswersOldQueries = planted('execution', (ports) => {
  let first: Uint8Array | undefined;
  const answered = subjectOf(ports.place, 'QueryAnswered');
  return {
    bus: {
      subscribe: (subject, deliver) => ports.bus.subscribe(subject, deliver),
      publish: (envelope) => {
        if (envelope.subject !== answered) return ports.bus.publish(envelope);
        const said = CONTRACTS.QueryAnswered.decode(envelope.body);
        if (said.kind !== 'valid' || said.value.outcome.kind !== 'reply')
          return ports.bus.publish(envelope);
        first ??= said.value.outcome.reply.content;
        const outcome = { kind: 'reply', reply: { content: first } } as const;
        const body = CONTRACTS.QueryAnswered.encode({ ...said.value, outcome });
        ports.bus.publish({ ...envelope, body });
      },
    },
  };
});

/** It takes requests off the very list that it was handed, once it has looked at them. */
export const stateKeepsTidy = planted('state', ({ bus }) => ({
  bus: {
    handsOver: bus.handsOver,
    publish: (envelope) => bus.publish(envelope),
    subscribe: (subject, deliver) =>
      bus.subscribe(subject, (envelope) => {
        deliver(envelope);
        const heard = envelope.handed?.message;
        if (heard?.kind === 'BatchExecuted') (heard.requests as unknown[]).pop();
      }),
  },
}));
