// A layered drawing of a graph, left to right. Pure: no page, no clock, no chance.
//   layout([{id, w, h}], [[from, to]]) -> {at: Map id -> {x, y}, bends: Map "from>to" -> [[x, y]],
//                                          width, height, crossings}
// 1 layers by longest path, then shortened; 2 bends for long edges; 3 order by median sweeps and
// swaps; 4 heights by least squares per layer (pool adjacent violators keeps order and gaps).
const BEND = 4; // height that a passing line takes
const ROUNDS = 24;
const ROUNDS_WHEN_LARGE = 8;
const LARGE = 2500;
const PULLS = 18;

export function layout(nodes, edges, { gapX = 30, gapY = 14 } = {}) {
  const graph = read(nodes, edges);
  const drawn = withBends(graph, layers(graph));
  const crossings = order(drawn);
  const y = heights(drawn, gapY);
  return place(nodes, graph, drawn, y, gapX, crossings);
}

function read(nodes, edges) {
  const place = new Map(nodes.map((node, index) => [node.id, index]));
  const pairs = edges.map(([a, b]) => [place.get(a), place.get(b)]).filter(([a, b]) => a !== undefined && b !== undefined && a !== b);
  const out = nodes.map(() => []);
  const into = nodes.map(() => []);
  for (const [a, b] of pairs) {
    out[a].push(b);
    into[b].push(a);
  }
  return { nodes, pairs, out, into };
}

// Each node one layer behind the last of what it is made from; sources move up to what they feed.
function layers({ nodes, out, into }) {
  const waits = into.map((list) => list.length);
  const layer = new Int32Array(nodes.length);
  const sorted = [];
  waits.forEach((count, v) => count || sorted.push(v));
  for (let head = 0; head < sorted.length; head++) {
    for (const w of out[sorted[head]]) {
      layer[w] = Math.max(layer[w], layer[sorted[head]] + 1);
      if (!--waits[w]) sorted.push(w);
    }
  }
  for (let round = 0; round < 4; round++) {
    for (const v of round % 2 ? sorted : [...sorted].reverse()) layer[v] = settled(v, layer, out, into);
  }
  return { layer, sorted };
}

function settled(v, layer, out, into) {
  const least = into[v].length ? Math.max(...into[v].map((u) => layer[u])) + 1 : 0;
  const most = out[v].length ? Math.min(...out[v].map((u) => layer[u])) - 1 : layer[v];
  if (out[v].length > into[v].length) return Math.max(least, most);
  return into[v].length ? least : Math.max(least, most);
}

// A point in every layer that an edge passes, so that lines go round the boxes.
function withBends({ nodes, pairs }, { layer, sorted }) {
  const at = [...layer];
  const width = nodes.map((node) => node.w);
  const height = nodes.map((node) => node.h);
  const up = nodes.map(() => []);
  const down = nodes.map(() => []);
  const join = (a, b) => {
    down[a].push(b);
    up[b].push(a);
  };
  const chains = pairs.map(([a, b]) => {
    const chain = [a];
    for (let l = at[a] + 1; l < at[b]; l++) {
      const bend = at.push(l) - 1;
      width.push(0);
      height.push(BEND);
      up.push([]);
      down.push([]);
      join(chain.at(-1), bend);
      chain.push(bend);
    }
    join(chain.at(-1), b);
    return [...chain, b];
  });
  const rows = Array.from({ length: Math.max(0, ...at) + 1 }, () => []);
  const drawn = { at, width, height, up, down, chains, rows, pos: new Int32Array(at.length) };
  fill(drawn, sorted);
  return drawn;
}

// The first order: along the connections, so that what belongs together begins together.
function fill({ at, up, down, rows, pos }, sorted) {
  const seen = new Uint8Array(at.length);
  for (const start of sorted) {
    const stack = [start];
    while (stack.length) {
      const v = stack.pop();
      if (seen[v]) continue;
      seen[v] = 1;
      rows[at[v]].push(v);
      for (const w of [...down[v]].reverse()) if (!seen[w]) stack.push(w);
      for (const w of up[v]) if (!seen[w]) stack.push(w);
    }
  }
  number(rows, pos);
}

const number = (rows, pos) => rows.forEach((row) => row.forEach((v, index) => (pos[v] = index)));

function order(drawn) {
  const { rows, pos, at } = drawn;
  let best = crossings(drawn);
  let kept = rows.map((row) => [...row]);
  const rounds = at.length > LARGE ? ROUNDS_WHEN_LARGE : ROUNDS;
  for (let round = 0; round < rounds && best; round++) {
    sweep(drawn, round % 2 === 0, round > rounds / 2);
    swap(drawn);
    const now = crossings(drawn);
    if (now < best) {
      best = now;
      kept = rows.map((row) => [...row]);
    }
  }
  kept.forEach((row, l) => (rows[l] = row));
  number(rows, pos);
  return best;
}

function sweep({ rows, pos, up, down }, forwards, averaged) {
  const near = forwards ? up : down;
  for (let step = 1; step < rows.length; step++) {
    const row = rows[forwards ? step : rows.length - 1 - step];
    const key = new Map(row.map((v) => [v, middle(near[v].map((u) => pos[u]), pos[v], averaged)]));
    row.sort((a, b) => key.get(a) - key.get(b) || pos[a] - pos[b]);
    row.forEach((v, index) => (pos[v] = index));
  }
}

function middle(places, own, averaged) {
  const n = places.length;
  if (!n) return own;
  places.sort((a, b) => a - b);
  if (n % 2) return places[n >> 1];
  return averaged ? places.reduce((a, b) => a + b) / n : (places[n / 2 - 1] + places[n / 2]) / 2;
}

function swap({ rows, pos, up, down }) {
  for (const row of rows) {
    for (let i = 0; i + 1 < row.length; i++) {
      const [a, b] = [row[i], row[i + 1]];
      let gain = 0;
      for (const near of [up, down]) for (const x of near[a]) for (const y of near[b]) gain += Math.sign(pos[x] - pos[y]);
      if (gain <= 0) continue;
      [row[i], row[i + 1]] = [b, a];
      pos[b] = i;
      pos[a] = i + 1;
    }
  }
}

// Pairs of lines that cross between neighbouring layers, counted with a Fenwick tree.
function crossings({ rows, pos, down }) {
  let count = 0;
  for (let l = 1; l < rows.length; l++) {
    const size = rows[l].length;
    const tree = new Int32Array(size + 1);
    let done = 0;
    for (const u of rows[l - 1]) {
      const places = down[u].map((w) => pos[w]).sort((a, b) => a - b);
      for (const place of places) {
        let before = 0;
        for (let i = place + 1; i; i -= i & -i) before += tree[i];
        count += done - before;
      }
      for (const place of places) {
        for (let i = place + 1; i <= size; i += i & -i) tree[i]++;
        done++;
      }
    }
  }
  return count;
}

function heights(drawn, gapY) {
  const { rows, width, height, up, down, at } = drawn;
  const y = new Float64Array(at.length);
  const offsets = rows.map((row) => {
    let sum = 0;
    return row.map((v, i) => {
      const gap = i && width[v] && width[row[i - 1]] ? gapY : gapY * 0.55;
      if (i) sum += (height[row[i - 1]] + height[v]) / 2 + gap;
      return sum;
    });
  });
  rows.forEach((row, l) => row.forEach((v, i) => (y[v] = offsets[l][i] - offsets[l].at(-1) / 2)));
  const weight = (v) => (width[v] ? 1 + Math.min(3, up[v].length + down[v].length) : 6);
  const wishes = [(v) => up[v], (v) => down[v], (v) => [...up[v], ...down[v]]];
  for (let pull = 0; pull < PULLS; pull++) {
    const near = wishes[pull % 3];
    const wish = (v) => (near(v).length ? near(v).reduce((sum, u) => sum + y[u], 0) / near(v).length : y[v]);
    for (let k = 0; k < rows.length; k++) {
      const l = pull % 2 ? rows.length - 1 - k : k;
      solve(rows[l], offsets[l], wish, weight, y);
    }
  }
  return y;
}

// As near to the wished heights as order and gaps allow.
function solve(row, offset, wish, weight, y) {
  const blocks = [];
  row.forEach((v, i) => {
    let block = { sum: (wish(v) - offset[i]) * weight(v), weight: weight(v), size: 1 };
    while (blocks.length && blocks.at(-1).sum / blocks.at(-1).weight > block.sum / block.weight) {
      const last = blocks.pop();
      block = { sum: last.sum + block.sum, weight: last.weight + block.weight, size: last.size + block.size };
    }
    blocks.push(block);
  });
  let i = 0;
  for (const block of blocks) for (let k = 0; k < block.size; k++, i++) y[row[i]] = block.sum / block.weight + offset[i];
}

function place(nodes, { pairs }, { at, width, rows, chains }, y, gapX, crossed) {
  const x = [];
  let right = 0;
  rows.forEach((row, l) => {
    const wide = Math.max(0, ...row.map((v) => width[v]));
    x[l] = right + wide / 2;
    right += wide + gapX;
  });
  const top = Math.min(...nodes.map((node, v) => y[v] - node.h / 2));
  const bottom = Math.max(...nodes.map((node, v) => y[v] + node.h / 2));
  const bends = chains.map((chain, i) => [
    pairs[i].map((v) => nodes[v].id).join(">"),
    chain.slice(1, -1).map((v) => [x[at[v]], y[v] - top]),
  ]);
  return {
    at: new Map(nodes.map((node, v) => [node.id, { x: x[at[v]], y: y[v] - top }])),
    bends: new Map(bends),
    width: nodes.length ? right - gapX : 0,
    height: nodes.length ? bottom - top : 0,
    crossings: crossed,
  };
}
