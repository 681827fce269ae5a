// What nothing links stands in a block of its own under the drawing, in as many columns as make
// the whole largest on the stage. Pure.
export const LARGEST = 1.2; // the stage enlarges no further

// Nodes with a line, and those without.
export function parted(nodes, edges) {
  const tied = new Set(edges.flatMap(({ from, to }) => [from, to]));
  return [nodes.filter((node) => tied.has(node.id)), nodes.filter((node) => !tied.has(node.id))];
}

// `top` is the drawing above: {width, height}; `room` that of the stage. Adds to `at`, an x and y
// (of the middle) each; answers the extent of all.
export function block(nodes, top, room, at, { gapX = 30, gapY = 14 } = {}) {
  if (!nodes.length) return top;
  const [w, h] = ["w", "h"].map((side) => Math.max(...nodes.map((node) => node[side])));
  const above = top.height ? top.height + 2 * gapY : 0;
  const extent = (columns) => ({
    width: Math.max(top.width, columns * (w + gapX) - gapX),
    height: above + Math.ceil(nodes.length / columns) * (h + gapY) - gapY,
  });
  const scale = ({ width, height }) => Math.min(LARGEST, room.width / width, room.height / height);
  let best = 1;
  for (let columns = 2; columns <= nodes.length; columns++) if (scale(extent(columns)) > scale(extent(best)) * 1.001) best = columns;
  nodes.forEach((node, place) => {
    const [row, column] = [Math.floor(place / best), place % best];
    at.set(node.id, { x: column * (w + gapX) + w / 2, y: above + row * (h + gapY) + h / 2 });
  });
  return extent(best);
}
