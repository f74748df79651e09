// Large subnets: what is made is told to all by whoever made it; what was brought is handed on to a circle only.
import { toHex, utf8 } from '@internode/prelude';
import { describe, expect, test } from 'vitest';
import { circleOf } from '../src/core/circle.ts';
import { artifact, type Frame, type Member, Net } from './net.ts';

const MEMBERS = 44;
const EMPTY = new Uint8Array(0);

/** Members whose consensus offers again what it hears, as that of each honest member does. */
function echoing(net: Net, hides: (member: Member) => boolean = () => false): Set<string> {
  const heard = new Set<string>();
  for (const member of net.members) {
    const { core } = member;
    const step = core.step.bind(core);
    core.step = (now, input) => {
      const effects = step(now, input);
      for (const effect of effects) {
        if (effect.kind !== 'publish' || effect.message.kind !== 'ArtifactReceived') continue;
        const { artifactKind, id, body } = effect.message;
        const name = toHex(member.nodeId);
        if (heard.has(name)) continue;
        heard.add(name);
        if (!hides(member))
          net.at(net.nowMs, () => net.publish(member, { artifactKind, id, body }));
      }
      return effects;
    };
  }
  return heard;
}

/** The chain moves: nobody looks for what is missing. */
function moving(net: Net): void {
  for (const member of net.members)
    net.hear(member, {
      kind: 'BlockFinalized',
      height: 1,
      blockHash: EMPTY,
      timeNanos: 0n,
      ingressIds: [],
    });
}

function only(net: Net, from: Member, to: (frame: Frame) => boolean): void {
  net.way = (frame) => (toHex(frame.from) === toHex(from.nodeId) && !to(frame) ? [] : [1]);
}

describe('a circle', () => {
  const names = (count: number): Uint8Array[] =>
    Array.from({ length: count }, (_, index) => utf8(`n${index}`));

  test('is of no more than twice the logarithm, mutual, and joins all in few steps; small subnets have none', () => {
    const all = names(200);
    const circles = new Map(
      all.map((self) => [
        toHex(self),
        circleOf(
          self,
          all.filter((other) => other !== self),
        ) ?? new Set<string>(),
      ]),
    );
    for (const [self, circle] of circles) {
      expect(circle.size).toBeLessThanOrEqual(2 * Math.log2(200));
      expect(circle.has(self)).toBe(false);
      for (const other of circle) expect(circles.get(other)?.has(self)).toBe(true);
    }
    const reached = new Set([...circles.keys()].slice(0, 1));
    for (let step = 0; step < 5; step += 1)
      for (const one of [...reached])
        for (const other of circles.get(one) ?? []) reached.add(other);
    expect(reached.size).toBe(200);
    expect(circleOf(utf8('self'), names(39))).toBe(undefined);
    expect(circleOf(utf8('self'), names(40))).not.toBe(undefined);
  });
});

describe('in a large subnet', () => {
  test('what is made reaches all at once; those who hand it on send few frames each', () => {
    const net = Net.started(MEMBERS);
    moving(net);
    const heard = echoing(net);
    net.frames.length = 0;
    net.publish(net.member(0), artifact('certificate'));
    net.run(5);
    expect(heard.size).toBe(MEMBERS - 1);
    net.run(300);
    const sent = net.frames.length / MEMBERS;
    expect(sent).toBeLessThan(2 * Math.log2(MEMBERS) + 2);
  });

  test('what its maker shows to one member only reaches all, though a third hand nothing on', () => {
    const net = Net.started(MEMBERS);
    moving(net);
    const [maker, confidant] = [net.member(0), net.member(1)];
    const silent = new Set(net.members.filter((_, index) => index % 3 === 2));
    const heard = echoing(net, (member) => silent.has(member));
    only(net, maker, ({ to }) => toHex(to) === toHex(confidant.nodeId));
    net.publish(maker, artifact('certificate'));
    net.run(2_000);
    expect(heard.size).toBeGreaterThanOrEqual(MEMBERS - 1);
  });

  test('a member whose whole circle is silent asks the others when its chain stands still', () => {
    const net = Net.started(MEMBERS);
    moving(net);
    const [maker, victim] = [net.member(0), net.member(1)];
    const others = net.members.filter((one) => one !== victim).map(({ nodeId }) => nodeId);
    const circle = circleOf(victim.nodeId, others) ?? new Set();
    const heard = echoing(net, ({ nodeId }) => circle.has(toHex(nodeId)));
    net.way = ({ from, to }) =>
      toHex(to) === toHex(victim.nodeId) &&
      (toHex(from) === toHex(maker.nodeId) || circle.has(toHex(from)))
        ? []
        : [1];
    net.publish(maker, artifact('certificate'));
    net.run(3_000);
    expect(heard.has(toHex(victim.nodeId))).toBe(false);
    net.run(6_000);
    expect(heard.has(toHex(victim.nodeId))).toBe(true);
  });

  test('what is withdrawn is forgotten by all, also by those who had asked for it', () => {
    const net = Net.started(MEMBERS);
    echoing(net);
    const made = artifact('certificate');
    net.publish(net.member(0), made);
    // Long enough that the members take the chain to stand still, and ask each other.
    net.run(9_000);
    moving(net);
    for (const member of net.members) net.withdraw(member, made);
    net.run(3_000);
    for (const { core } of net.members) expect(core.view().library.size).toBe(0);
  });

  test('a slot that held what was made here, and then an echo, is not taken for the old one', () => {
    const net = Net.started(MEMBERS);
    moving(net);
    const [maker, other] = [net.member(0), net.member(1)];
    const [first, second] = [artifact('first'), artifact('second')];
    net.publish(maker, first);
    net.run(5);
    net.publish(other, second);
    net.run(5);
    net.withdraw(maker, first);
    net.publish(maker, second);
    net.run(3_000);
    for (const { core } of net.members)
      expect(
        [...core.view().library.values()].map(({ content }) => toHex(content.id)),
      ).not.toContain(toHex(first.id));
  });
});
