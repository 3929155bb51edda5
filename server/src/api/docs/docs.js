// Searching in the page and choosing light or dark. Without this the page can be read all the same.
"use strict";

const root = document.documentElement;
const search = document.getElementById("search");
const nothing = document.getElementById("nothing");
const named = [...document.querySelectorAll("[data-words]")];
const sections = [...document.querySelectorAll("nav section, main section")];

function narrow() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const one of named) {
    one.hidden = !words.every((word) => one.dataset.words.includes(word));
    found += one.hidden ? 0 : 1;
  }
  for (const section of sections) {
    section.hidden = !section.querySelector("[data-words]:not([hidden])");
  }
  nothing.hidden = found > 0;
}

function remembered(value) {
  // A browser may keep nothing; then the choice is good for this visit.
  try {
    if (value) localStorage.setItem("theme", value);
    return localStorage.getItem("theme");
  } catch {
    return value;
  }
}

function themed(value) {
  if (value === "light" || value === "dark") root.dataset.theme = value;
}

document.querySelector(".tools").hidden = false;
themed(remembered());
search.addEventListener("input", narrow);
document.getElementById("theme").addEventListener("click", () => {
  const dark = getComputedStyle(root).colorScheme === "dark"
    || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  themed(dark ? "light" : "dark");
  remembered(root.dataset.theme);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && document.activeElement === search) {
    search.value = "";
    narrow();
    search.blur();
  }
});
// What a link leads to must be visible, whatever is searched for.
addEventListener("hashchange", () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && target.closest("[hidden]")) {
    search.value = "";
    narrow();
    target.scrollIntoView();
  }
});
