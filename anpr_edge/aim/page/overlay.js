// What is drawn over the picture: plates as they are found, areas as they are drawn.

const SVG = "http://www.w3.org/2000/svg";
const DOT_PX = 8;
const HIT_PX = 22; // a fingertip
const TEXT_PX = 13;

/** Where an event is, in shares of the picture. */
export function sizes(overlay, event) {
  const box = overlay.getBoundingClientRect();
  return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
}

export const place = (x, y) => `${Math.round(100 * x)}\u00a0% across, ${Math.round(100 * y)}\u00a0% down`;

/** Draws every area, with handles on the chosen one while areas are edited. */
export function draw(overlay, areas) {
  const scale = pxPerPoint(overlay);
  const { width, height } = overlay.viewBox.baseVal;
  const at = ([x, y]) => [x * width, y * height];
  const editing = overlay.parentElement.classList.contains("editing");
  const focused = document.activeElement?.closest?.(".handle");
  const groups = areas.shapes.map((shape, index) => {
    const chosen = editing && shape === areas.chosen;
    const group = made("g", { class: `shape ${shape.kind}${chosen ? " chosen" : ""}`, "data-shape": index });
    const points = shape.corners.map((corner) => at(corner).join(",")).join(" ");
    group.append(made("polygon", { class: "edge", points }), made("polygon", { class: "face", points }));
    group.append(title(areas.title(shape), at(top(shape.corners)), scale));
    return group;
  });
  const handles = editing && areas.chosen ? corners(areas, at, scale) : [];
  const last = areas.shapes.indexOf(areas.chosen);
  groups.push(...groups.splice(last, last < 0 ? 0 : 1)); // the chosen one lies on top
  layer(overlay, "areas").replaceChildren(...groups, ...handles);
  if (focused) overlay.querySelector(".handle.chosen")?.focus();
}

function corners(areas, at, scale) {
  const { chosen } = areas;
  const shape = areas.shapes.indexOf(chosen);
  const name = areas.title(chosen);
  return chosen.corners.map((corner, index) => {
    const [cx, cy] = at(corner);
    const handle = made("g", {
      class: `handle${index === areas.corner ? " chosen" : ""}`,
      "data-shape": shape,
      "data-corner": index,
      tabindex: "0",
      role: "button",
      "aria-roledescription": "corner",
      "aria-label": `${name}, corner ${index + 1} of ${chosen.corners.length}: ${place(...corner)}`,
      "aria-describedby": "keys",
    });
    handle.append(
      made("circle", { class: "hit", cx, cy, r: HIT_PX * scale }),
      made("circle", { class: "ring", cx, cy, r: (DOT_PX + 5) * scale }),
      made("circle", { class: "dot", cx, cy, r: DOT_PX * scale }),
    );
    return handle;
  });
}

/** Outlines the plates of one frame, with their widths. */
export function drawPlates(overlay, plates) {
  const scale = pxPerPoint(overlay);
  const { width, height } = overlay.viewBox.baseVal;
  const groups = plates.map((plate) => {
    const points = plate.corners.map(([x, y]) => [x * width, y * height]);
    const group = made("g", { class: "plate" });
    group.append(made("polygon", { points: points.map((point) => point.join(",")).join(" ") }));
    const lowest = Math.max(...points.map(([, y]) => y));
    const left = Math.min(...points.map(([x]) => x));
    group.append(text(`${plate.width_px} px`, left, lowest + (TEXT_PX + 5) * scale, scale));
    return group;
  });
  layer(overlay, "plates").replaceChildren(...groups);
}

function title(words, [x, y], scale) {
  const shown = text(words, x, y - 6 * scale, scale);
  shown.setAttribute("class", "title");
  shown.setAttribute("text-anchor", "middle");
  return shown;
}

function text(words, x, y, scale) {
  const size = TEXT_PX * scale;
  const shown = made("text", { x, y: Math.max(size, y), "font-size": size, "stroke-width": 3 * scale });
  shown.textContent = words;
  return shown;
}

/** The middle of the highest edge. */
function top(corners) {
  const highest = [...corners].sort((a, b) => a[1] - b[1]).slice(0, 2);
  return [(highest[0][0] + highest[1][0]) / 2, Math.min(highest[0][1], highest[1][1])];
}

function pxPerPoint(overlay) {
  return overlay.viewBox.baseVal.width / (overlay.getBoundingClientRect().width || 1);
}

function layer(overlay, name) {
  return overlay.querySelector(`#layer-${name}`) ?? overlay.appendChild(made("g", { id: `layer-${name}` }));
}

function made(tag, attributes) {
  const shape = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  return shape;
}
