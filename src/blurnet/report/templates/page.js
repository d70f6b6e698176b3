"use strict";
document.documentElement.classList.add("scripted");
// Without this script everything is on the page; with it, parts are switched and figures enlarged.

// data-switch='["Attack", "Network"]' on a box, data-for='{"Attack": "…"}' on its parts (nested ones
// inherit): a control for each axis that has a choice, and only the parts of what is chosen shown.
for (const box of document.querySelectorAll("[data-switch]")) {
  const axes = JSON.parse(box.dataset.switch);
  const parts = [...box.querySelectorAll("[data-for]")].map((node) => ({ node, own: JSON.parse(node.dataset.for) }));
  const own = new Map(parts.map((part) => [part.node, part.own]));
  const choices = [], seen = new Set();
  for (const { node } of parts) {
    const all = {};
    for (let at = node; at && at !== box; at = at.parentElement) Object.assign(all, own.get(at));
    const choice = axes.map((axis) => all[axis]);
    const key = JSON.stringify(choice);
    if (!choice.includes(undefined) && !seen.has(key)) { seen.add(key); choices.push(choice); }
  }
  if (choices.length < 2) continue;
  let chosen = choices[0];
  const controls = document.createElement("div");
  controls.className = "controls";
  const selects = axes.map((axis, place) => {
    const label = document.createElement("label"), select = document.createElement("select");
    label.append(axis, " ", select);
    if (new Set(choices.map((choice) => choice[place])).size > 1) controls.append(label);
    select.addEventListener("change", () => {
      const wanted = [...chosen.slice(0, place), select.value];
      const possible = choices.filter((choice) => wanted.every((value, at) => choice[at] === value));
      const kept = (choice) => choice.filter((value, at) => value === chosen[at]).length;
      chosen = possible.reduce((best, choice) => (kept(choice) > kept(best) ? choice : best));
      show();
    });
    return select;
  });
  const show = () => {
    selects.forEach((select, place) => {
      const fits = choices.filter((choice) => chosen.slice(0, place).every((value, at) => choice[at] === value));
      const values = [...new Set(fits.map((choice) => choice[place]))];
      select.replaceChildren(...values.map((value) => new Option(value, value, false, value === chosen[place])));
      select.disabled = values.length < 2;
    });
    for (const part of parts)
      part.node.classList.toggle("off", axes.some((axis, at) => axis in part.own && part.own[axis] !== chosen[at]));
  };
  box.prepend(controls);
  show();
}

// data-zoom="name" on a figure: a click or its button shows it large; Escape closes.
const figures = [...document.querySelectorAll("[data-zoom]")];
const dialog = document.createElement("dialog");
const title = document.createElement("h2"), body = document.createElement("div"), bar = document.createElement("div");
const button = (text, name, action) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  if (name) made.setAttribute("aria-label", name);
  made.addEventListener("click", action);
  return made;
};
let at = null;
const step = (by) => {
  const near = figures.filter((figure) => figure.closest("section") === at.closest("section") && figure.offsetParent);
  open(near[(near.indexOf(at) + by + near.length) % near.length]);
};
const open = (figure) => {
  at = figure;
  const copy = figure.cloneNode(true);
  copy.querySelectorAll("[id]").forEach((node) => node.removeAttribute("id"));
  copy.querySelectorAll(".enlarge").forEach((node) => node.remove());
  copy.querySelectorAll("img").forEach((image) => { image.loading = "eager"; });
  const shell = document.createElement("div");
  shell.append(...copy.childNodes.length ? copy.childNodes : [copy]);
  title.textContent = figure.dataset.zoom;
  body.replaceChildren(shell);
  if (!dialog.open) dialog.showModal();
  body.scrollTo(0, 0);
};
title.id = "zoomed";
dialog.setAttribute("aria-labelledby", title.id);
body.className = "zoomed";
body.tabIndex = 0;
body.setAttribute("role", "region");
body.setAttribute("aria-label", "Figure, enlarged");
bar.className = "controls";
bar.append(button("‹ Previous", "", () => step(-1)), button("Next ›", "", () => step(1)), button("Close", "", () => dialog.close()));
dialog.append(title, bar, body);
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") step(-1);
  if (event.key === "ArrowRight") step(1);
});
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("close", () => at.querySelector(".enlarge").focus());
if (figures.length) document.body.append(dialog);
for (const figure of figures) {
  const more = button("⤢", `Enlarge: ${figure.dataset.zoom}`, () => open(figure));
  more.className = "enlarge";
  figure.prepend(more);
  figure.addEventListener("click", (event) => { if (event.target.matches("img, svg, svg *")) open(figure); });
}
