// Where each node stood at each moment of a life, as one page: what was proposed, notarised, final and certified, who was
// down, who was cut off.
import { type Checker, type Observed, type Report, weatherText } from '@internode/sim';

type Line = 'proposed' | 'notarised' | 'final' | 'certified';

interface Lane {
  readonly points: Record<Line, [ms: number, height: number][]>;
  readonly down: { readonly service: string; readonly fromMs: number; toMs: number }[];
  readonly cuts: { readonly ways: string; readonly fromMs: number; readonly toMs: number }[];
}

const LINES: Readonly<Record<string, Line>> = {
  BlockProposed: 'proposed',
  HeightNotarized: 'notarised',
  FinalShown: 'final',
  CertifiedShown: 'certified',
};

const COLOURS: Readonly<Record<Line, string>> = {
  proposed: '#b8860b',
  notarised: '#7a9cc6',
  final: '#1f5fa8',
  certified: '#2a8f4f',
};

/** Watches and judges nothing. */
export class Timeline implements Checker {
  readonly name = 'timeline';
  readonly #lanes = new Map<string, Lane>();
  #heightMax = 1;

  onEvent({ ms, node, service, event }: Observed): undefined {
    const lane = this.#laneOf(node);
    const { kind, height, ways, forMs } = event as unknown as Record<string, string & number>;
    const line = LINES[kind ?? ''];
    if (line !== undefined && height !== undefined) {
      lane.points[line].push([ms, height]);
      this.#heightMax = Math.max(this.#heightMax, height);
    }
    if (kind === 'ShellStopped')
      lane.down.push({ service, fromMs: ms, toMs: Number.POSITIVE_INFINITY });
    if (kind === 'ShellStarted') {
      const last = lane.down.findLast((down) => down.service === service);
      if (last !== undefined) last.toMs = ms;
    }
    if (kind === 'CutOff')
      lane.cuts.push({ ways: ways ?? '', fromMs: ms, toMs: ms + (forMs ?? 0) });
    return undefined;
  }

  atEnd(): undefined {
    return undefined;
  }

  /** A page that needs nothing else. */
  page(report: Report): string {
    const names = [...this.#lanes.keys()].sort((a, b) =>
      a.localeCompare(b, 'en', { numeric: true }),
    );
    const scale = scaleOf(report.virtualMs, this.#heightMax, names.length);
    const lanes = names.map((name, i) =>
      laneSvg(name, this.#laneOf(name), { ...scale, top: TOP + i * scale.lane }),
    );
    return pageOf(report, scale, lanes.join('\n'));
  }

  #laneOf(node: string): Lane {
    let lane = this.#lanes.get(node);
    if (lane === undefined) {
      lane = {
        points: { proposed: [], notarised: [], final: [], certified: [] },
        down: [],
        cuts: [],
      };
      this.#lanes.set(node, lane);
    }
    return lane;
  }
}

interface Scale {
  readonly ms: number;
  readonly heightMax: number;
  /** Of a lane, in pixels. */
  readonly lane: number;
  readonly width: number;
  readonly pageHeight: number;
}

const LEFT = 60;
const TOP = 30;
const WIDTH = 1400;

function scaleOf(ms: number, heightMax: number, nodes: number): Scale {
  const lane = nodes > 20 ? 40 : 90;
  return {
    ms: Math.max(1, ms),
    heightMax,
    lane,
    width: WIDTH,
    pageHeight: TOP + nodes * lane + 20,
  };
}

function laneSvg(name: string, lane: Lane, scale: Scale & { readonly top: number }): string {
  const { top, lane: tall, ms: allMs, heightMax, width } = scale;
  const x = (ms: number): string => (LEFT + (Math.min(ms, allMs) / allMs) * width).toFixed(1);
  const y = (height: number): string =>
    (top + tall - 6 - (height / heightMax) * (tall - 12)).toFixed(1);
  const wide = (fromMs: number, toMs: number): string =>
    Math.max(1, Number(x(toMs)) - Number(x(fromMs))).toFixed(1);
  const cuts = lane.cuts.map(
    ({ ways, fromMs, toMs }) =>
      `<rect x="${x(fromMs)}" y="${top}" width="${wide(fromMs, toMs)}" height="${tall - 4}" fill="#f3d9a4" opacity="0.6"><title>cut off (${ways})</title></rect>`,
  );
  const down = lane.down.map(
    ({ service, fromMs, toMs }) =>
      `<rect x="${x(fromMs)}" y="${top}" width="${wide(fromMs, toMs)}" height="${tall - 4}" fill="#d65f5f" opacity="0.35"><title>${service} down</title></rect>`,
  );
  const lines = (Object.keys(COLOURS) as Line[]).map((line) => {
    const points = lane.points[line];
    if (line === 'proposed') {
      return points
        .map(
          ([ms, height]) =>
            `<circle cx="${x(ms)}" cy="${y(height)}" r="2.5" fill="${COLOURS[line]}"><title>proposes ${height}</title></circle>`,
        )
        .join('');
    }
    const path = points.map(([ms, height]) => `${x(ms)},${y(height)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${COLOURS[line]}" stroke-width="1.3"/>`;
  });
  return [
    `<text x="4" y="${top + tall / 2}">${escaped(name)}</text>`,
    `<line x1="${LEFT}" y1="${top + tall - 3}" x2="${LEFT + width}" y2="${top + tall - 3}" stroke="#ddd"/>`,
    ...cuts,
    ...down,
    ...lines,
  ].join('\n');
}

function pageOf(report: Report, scale: Scale, lanes: string): string {
  const { seed, violation, command, virtualMs, notes, swarm } = report;
  const seconds = Array.from({ length: Math.floor(virtualMs / 1000) + 1 }, (_, s) => s);
  const every = Math.max(1, Math.ceil(seconds.length / 30));
  const marks = seconds
    .filter((s) => s % every === 0)
    .map(
      (s) =>
        `<text x="${LEFT + ((s * 1000) / scale.ms) * scale.width}" y="16" fill="#666">${s} s</text>`,
    );
  const legend = Object.entries(COLOURS).map(
    ([line, colour]) => `<span style="color:${colour}">■ ${line}</span>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Simulated life ${escaped(seed)}</title>
<style>body{font:13px sans-serif;margin:16px}svg{background:#fff;border:1px solid #ccc}text{font:11px sans-serif}pre{white-space:pre-wrap}</style>
</head><body>
<h1>Simulated life ${escaped(seed)}</h1>
<p><b>${escaped(violation ?? 'No violation.')}</b></p>
<p>${legend.join(' ')} <span style="color:#d65f5f">■ down</span> <span style="color:#d9a441">■ cut off</span></p>
<svg width="${LEFT + scale.width + 10}" height="${scale.pageHeight}">
${marks.join('\n')}
${lanes}
</svg>
<pre>${escaped([command, ...notes, weatherText(swarm), `trace ${report.traceHash} after ${report.events} events`].join('\n'))}</pre>
</body></html>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
