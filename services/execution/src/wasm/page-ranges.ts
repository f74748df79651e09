/** A set of pages as ranges, in order and apart: from all below a number to none. */
export interface PageRange {
  readonly from: number;
  /** The first one behind. */
  readonly to: number;
}

export class PageRanges {
  #ranges: readonly PageRange[];

  constructor(to: number) {
    this.#ranges = to > 0 ? [{ from: 0, to }] : [];
  }

  /** The range that has this page. */
  find(page: number): PageRange | undefined {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ranges[middle] as PageRange).to <= page) low = middle + 1;
      else high = middle;
    }
    const found = this.#ranges[low];
    return found !== undefined && found.from <= page ? found : undefined;
  }

  remove({ from, to }: PageRange): void {
    this.#ranges = this.#ranges.flatMap((range) => {
      if (range.to <= from || range.from >= to) return [range];
      const before = { from: range.from, to: from };
      const after = { from: to, to: range.to };
      return [before, after].filter((part) => part.from < part.to);
    });
  }
}
