// Prometheus text of several processes as one: a metric that several have is told once, with all their series.

export interface Exposition {
  /** Put on each series as a label, if there is one. */
  readonly instance: string | undefined;
  readonly text: string;
}

export function mergedExpositions(expositions: readonly Exposition[]): string {
  const families = new Map<string, string>();
  for (const { instance, text } of expositions) {
    for (const family of text.split(/^(?=# TYPE )/m)) {
      if (family === '') continue;
      const end = family.indexOf('\n') + 1;
      const head = family.slice(0, end);
      const series = family.slice(end);
      const named = instance === undefined ? series : series.replaceAll(SERIES, labelled(instance));
      families.set(head, (families.get(head) ?? '') + named);
    }
  }
  return [...families].map(([head, series]) => head + series).join('');
}

const SERIES = /^(\w+)(?:\{(.*)\})? /gm;

function labelled(instance: string) {
  return (_whole: string, name: string, labels: string | undefined): string => {
    const before = labels === undefined || labels === '' ? '' : `${labels},`;
    return `${name}{${before}instance="${instance}"} `;
  };
}
