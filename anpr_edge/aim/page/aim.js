// Brings the page to life: the stream, the tabs, the end.

import { Acceptance } from "./accept.js";
import { Areas } from "./areas.js";
import { ask, follow } from "./live.js";
import { byId, Meters } from "./meters.js";
import { draw, drawPlates } from "./overlay.js";

const RETRY_MS = 1500;
const SOON_S = 120;
const overlay = byId("overlay");
const canvas = byId("picture");
const pen = canvas.getContext("2d");
let over = "";
let stream = null;

const unit = await (await fetch("/unit", { cache: "no-store" })).json();
document.title = `Aim ${unit.unit}`;
byId("unit").textContent = unit.unit;
byId("site").textContent = unit.site;
byId("paused").hidden = !unit.reader_paused;
const meters = new Meters(unit.needs);
const areas = new Areas(overlay, unit);
const acceptance = new Acceptance(unit);

// ── the live view ─────────────────────────────────────────────────────────────────────────────────

function take(facts, picture) {
  showLeft(facts.left_s);
  if (facts.over) {
    ended(facts.over);
  } else if (facts.fault) {
    trouble(`The camera gives no picture: ${facts.fault}`);
  } else if (facts.plates) {
    trouble("");
    meters.show(facts);
    acceptance.take(facts);
    showPlates(facts);
    if (picture.length) paint(picture);
  }
}

async function paint(picture) {
  const bitmap = await createImageBitmap(new Blob([picture], { type: "image/jpeg" }));
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  byId("waiting").hidden = true;
}

function showPlates(facts) {
  const [width, height] = facts.size;
  const box = overlay.viewBox.baseVal;
  if (box.width !== width || box.height !== height) {
    overlay.setAttribute("viewBox", `0 0 ${width} ${height}`);
    draw(overlay, areas);
  }
  drawPlates(overlay, facts.plates);
  const count = facts.plates.length;
  const words =
    count === 0 ? "No plate in view" : count === 1 ? "1 plate in view" : `${count} plates in view`;
  setText("seen", words);
  setText("size", `${width} × ${height} px`);
}

function showLeft(seconds) {
  const soon = seconds < SOON_S;
  const words = soon ? `ends in ${seconds} s` : `${Math.floor(seconds / 60)} min left`;
  setText("left", words);
  byId("left").classList.toggle("soon", soon);
}

async function watch() {
  while (!over && !document.hidden) {
    stream = new AbortController();
    try {
      await follow(take, stream.signal);
      if (!over) trouble("The connection was lost: trying again …");
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 403) {
        ended("it is not open any more");
        return;
      }
      trouble("The unit does not answer: trying again …");
    }
    await new Promise((done) => setTimeout(done, RETRY_MS));
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.abort();
  } else {
    watch();
  }
});

function ended(why) {
  if (over) return;
  over = why;
  stream?.abort();
  trouble(`This page has ended: ${why}.${unit.reader_paused ? " The reader starts again." : ""}`);
  for (const button of document.querySelectorAll("button:not(#print):not([role=tab])"))
    button.disabled = true;
  byId("waiting").textContent = "Ended";
  byId("waiting").hidden = false;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  drawPlates(overlay, []);
}

function trouble(words) {
  setText("trouble", words);
  byId("trouble").hidden = !words;
}

function setText(id, words) {
  const place = byId(id);
  if (place.textContent !== words) place.textContent = words;
}

// ── tabs: one stop for the Tab key, arrows between them ─────────────────────────────────────────────

const tabs = [...document.querySelectorAll("[role=tab]")];

function openTab(tab, focus = true) {
  for (const one of tabs) {
    const chosen = one === tab;
    one.setAttribute("aria-selected", String(chosen));
    one.tabIndex = chosen ? 0 : -1;
    byId(one.getAttribute("aria-controls")).hidden = !chosen;
  }
  if (focus) tab.focus();
  byId("frame").classList.toggle("editing", tab.id === "tab-areas");
  draw(overlay, areas);
  acceptance.show();
}

for (const [index, tab] of tabs.entries()) {
  tab.addEventListener("click", () => openTab(tab));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    openTab(tabs[(to + tabs.length) % tabs.length]);
  });
}

// ── what the buttons do ──────────────────────────────────────────────────────────────────────────────

byId("peak").addEventListener("click", () => ask("/peak").catch((error) => trouble(error.message)));
byId("end").addEventListener("click", () => {
  byId("sure-text").textContent = areas.changed
    ? "Areas were drawn and not saved: they are lost."
    : "The code works once: for another look the page has to be started again.";
  byId("sure").showModal();
});
byId("stay").addEventListener("click", () => byId("sure").close());
byId("end-now").addEventListener("click", async () => {
  byId("sure").close();
  await ask("/end").catch(() => {});
  ended("ended on the page");
});
window.addEventListener("beforeunload", (event) => {
  if (areas.changed && !over) event.preventDefault();
});
new ResizeObserver(() => draw(overlay, areas)).observe(overlay);

watch();
