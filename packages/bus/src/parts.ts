// A body larger than what a broker takes in one piece. All pieces but the last go by a subject of their own, which everyone who may
// hear the message hears; the last goes by the subject itself: of a group, whom it reaches has the message.

export function partsOf(subject: string): string {
  return `${subject}.part`;
}
