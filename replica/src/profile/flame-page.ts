// A flame graph as one HTML file without anything from elsewhere. What it shows is text: names of functions are from anybody.
import type { Flame, Frame } from './flame.ts';

/** Narrower ones are not drawn: nobody could see them, and a page stays small. */
const SHARE_MIN = 0.0005;

type Drawn = [name: string, room: string, us: number, below: Drawn[]];

export function flamePage(
  flame: Flame,
  about: { readonly title: string; readonly text: string },
): string {
  const { root, rooms } = flame;
  const data = {
    ...about,
    rooms: [...rooms],
    root: drawn(root, root.us * SHARE_MIN),
  };
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return PAGE.replace('DATA', () => json);
}

function drawn(frame: Frame, usMin: number): Drawn {
  const below = [...frame.below.values()]
    .filter(({ us }) => us >= usMin)
    .sort((a, b) => b.us - a.us)
    .map((each) => drawn(each, usMin));
  return [frame.name, frame.room, Math.round(frame.us), below];
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Profile</title>
<style>
body { font: 14px system-ui, sans-serif; margin: 1rem; color: #222; background: #fff }
h1 { font-size: 1.2rem; margin: 0 }
table { border-collapse: collapse; margin: .8rem 0 }
td { padding: .1rem .8rem .1rem 0 }
td:nth-child(2) { text-align: right; font-variant-numeric: tabular-nums }
i { display: inline-block; width: .8em; height: .8em; border-radius: 2px }
#flame { position: relative; border-top: 1px solid #ccc }
#flame button { position: absolute; height: 17px; border: 0; border-radius: 2px; padding: 0 3px; overflow: hidden; white-space: nowrap;
  text-align: left; font: 11px ui-monospace, monospace; cursor: pointer; color: #111 }
#flame button.dim { opacity: .45 }
#flame button.found { outline: 2px solid #000; z-index: 1 }
input { font: inherit; padding: .2rem .4rem }
#what { min-height: 1.3em; font-family: ui-monospace, monospace; font-size: 12px }
</style>
<h1></h1>
<p id="text"></p>
<table id="rooms"></table>
<p><input id="find" placeholder="find a function or a room" aria-label="find"> click a frame to enlarge it, the lowest to go back</p>
<p id="what"></p>
<div id="flame"></div>
<script type="application/json" id="data">DATA</script>
<script>
const { title, text, rooms, root } = JSON.parse(document.getElementById('data').textContent);
document.title = title;
document.querySelector('h1').textContent = title;
document.getElementById('text').textContent = text;
const all = Math.max(1, root[2]);
const colour = (room) => {
  let hash = 7;
  for (const letter of room) hash = (hash * 31 + letter.charCodeAt(0)) % 360;
  return room === '' ? '#ddd' : 'hsl(' + hash + ' 65% 76%)';
};
const percent = (us) => (us / all * 100).toFixed(1) + ' %';
const table = document.getElementById('rooms');
for (const [room, us] of rooms) {
  const row = table.insertRow();
  const box = document.createElement('i');
  box.style.background = colour(room);
  row.insertCell().append(box, ' ' + room);
  row.insertCell().textContent = (us / 1000).toFixed(1) + ' ms';
  row.insertCell().textContent = percent(us);
}
const flame = document.getElementById('flame');
const what = document.getElementById('what');
const find = document.getElementById('find');
const ROW = 18;
const parents = new Map();
(function note(frame) { for (const child of frame[3]) { parents.set(child, frame); note(child); } })(root);
let top_ = root;
function draw() {
  flame.textContent = '';
  const above = [];
  for (let at = parents.get(top_); at; at = parents.get(at)) above.unshift(at);
  let deepest = 0;
  const word = find.value.toLowerCase();
  const put = (frame, left, width, depth, dim) => {
    deepest = Math.max(deepest, depth);
    const box = document.createElement('button');
    box.textContent = frame[0];
    const says = frame[0] + (frame[1] ? ' · ' + frame[1] : '') + ' · ' + (frame[2] / 1000).toFixed(1) + ' ms · ' + percent(frame[2]);
    box.title = says;
    box.style.cssText = 'left:' + left * 100 + '%;width:calc(' + width * 100 + '% - 1px);top:' + depth * ROW + 'px;background:' + colour(frame[1]);
    if (dim) box.classList.add('dim');
    if (word && (frame[0] + ' ' + frame[1]).toLowerCase().includes(word)) box.classList.add('found');
    box.onmouseenter = box.onfocus = () => { what.textContent = says; };
    box.onclick = () => { top_ = frame; draw(); };
    flame.append(box);
  };
  above.forEach((frame, depth) => put(frame, 0, 1, depth, true));
  (function lay(frame, left, width, depth) {
    if (width < 0.0008) return;
    put(frame, left, width, depth, false);
    let at = left;
    for (const child of frame[3]) {
      const share = width * child[2] / Math.max(1, frame[2]);
      lay(child, at, share, depth + 1);
      at += share;
    }
  })(top_, 0, 1, above.length);
  flame.style.height = (deepest + 1) * ROW + 'px';
}
find.oninput = draw;
draw();
</script>
</html>
`;
