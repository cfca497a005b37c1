"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = document.getElementById("filter");
  const search = document.getElementById("search");
  const scenarios = all("#all details.scenario");
  const shown = () => scenarios.filter((each) => !each.hidden);

  // --- What passed is packed: made into elements when it is asked for.
  const packs = new Map();
  const unpacked = (number) => {
    if (!packs.has(number)) {
      const coded = atob(document.getElementById("pack-" + number).textContent);
      const bytes = Uint8Array.from(coded, (each) => each.charCodeAt(0));
      const stream = new Blob([bytes]).stream();
      const plain = stream.pipeThrough(new DecompressionStream("deflate"));
      packs.set(number, new Response(plain).json());
    }
    return packs.get(number);
  };
  const copyControls = (scenario) => {
    for (const link of all("a.copied", scenario)) {
      const control = document.getElementById(link.hash.slice(1));
      const parts = control ? all(":scope > .sides > .side > *", control) : [];
      if (parts.length) link.replaceWith(...parts.map((p) => p.cloneNode(true)));
    }
  };
  const unpack = async (scenario) => {
    const place = scenario.querySelector("[data-pack]");
    if (!place) return;
    const numbers = place.dataset.pack.split(" ");
    place.removeAttribute("data-pack");
    try {
      const found = await Promise.all(numbers.map(unpacked));
      place.innerHTML = found.map((pack) => pack[scenario.id] || "").join("");
    } catch {
      place.textContent = "This browser cannot unpack it; a newer one can.";
    }
  };
  const controls = all("details.control");
  const fill = async (scenario) => {
    await Promise.all([scenario, ...controls].map(unpack));
    copyControls(scenario);
    if (navigator.clipboard) {
      for (const button of all("button.copy", scenario)) button.hidden = false;
    }
  };
  // A diagram that is wider than its box shows the point of failure first.
  const aim = (scenario) => {
    const box = scenario.querySelector(".diagram");
    const mark = box && (box.querySelector("g.failed") || box.querySelector("g.changed"));
    if (!mark) return;
    const [end, room] = [mark.getBoundingClientRect(), box.getBoundingClientRect()];
    box.scrollLeft += Math.max(0, end.right + 16 - room.right);
  };
  const opened = (scenario) => fill(scenario).then(() => aim(scenario));
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details.scenario[open]")) opened(event.target);
  }, true);
  scenarios.filter((each) => each.open).forEach(opened);

  // --- Search and filter.
  const texts = new Map();
  const text = (each) => {
    if (!texts.has(each.id)) {
      const parts = [each.querySelector("summary"), each.querySelector(".facts")];
      const words = parts.map((part) => (part ? part.textContent : "")).join(" ");
      texts.set(each.id, words.toLowerCase());
    }
    return texts.get(each.id);
  };
  // What passed is searched by its title and id at once, by its facts a moment later.
  const learn = async () => {
    const facts = await unpacked(form.dataset.facts).catch(() => ({}));
    const reader = document.createElement("template");
    for (const [id, markup] of Object.entries(facts)) {
      reader.innerHTML = markup;
      texts.set(id, `${text(document.getElementById(id))} ${reader.content.textContent}`
        .toLowerCase());
    }
    filter();
  };
  const chosen = (name) => all(`input[name=${name}]:checked`, form).map((i) => i.value);
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = ["status", "severity", "role"].map((name) => [name, chosen(name)]);
    for (const each of scenarios) {
      each.hidden = !(
        wanted.every(([n, values]) => !values.length || values.includes(each.dataset[n]))
        && words.every((word) => text(each).includes(word)));
    }
    for (const group of all("#all .group, #all .cause")) {
      group.hidden = !group.querySelector("details.scenario:not([hidden])");
    }
    const count = shown().length;
    document.getElementById("shown").textContent =
      `${count} of ${scenarios.length} scenarios`;
  };
  form.hidden = false;
  document.documentElement.classList.add("scripted");
  form.addEventListener("input", filter);
  search.addEventListener("focus", learn, { once: true });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  document.getElementById("open").addEventListener("click", () => {
    shown().forEach((each) => { each.open = true; });
  });
  document.getElementById("close").addEventListener("click", () => {
    shown().forEach((each) => { each.open = false; });
  });
  filter();

  // --- Keys.
  const step = (by) => {
    const list = shown().map((each) => each.querySelector("summary"));
    const now = document.activeElement.closest("details.scenario");
    const at = list.indexOf(now ? now.querySelector("summary") : null);
    const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by];
    if (next) {
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    }
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const writing = event.target === search;
    if (event.key === "/" && !writing) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && writing) {
      search.blur();
    } else if (writing && ["Enter", "ArrowDown"].includes(event.key)) {
      event.preventDefault();
      step(1);
    } else if (!writing && event.key === "j") {
      step(1);
    } else if (!writing && event.key === "k") {
      step(-1);
    }
  });

  // --- Links: what they lead to is shown and open.
  const go = () => {
    const name = decodeURIComponent(location.hash.slice(1));
    const goal = name && document.getElementById(name);
    if (!goal) return;
    const scenario = goal.closest("details.scenario");
    if (scenario && scenario.hidden) form.reset();
    let each = goal.closest("details");
    for (; each; each = each.parentElement.closest("details")) each.open = true;
    setTimeout(() => goal.scrollIntoView());
  };
  window.addEventListener("hashchange", go);
  document.addEventListener("click", (event) => {
    // For the mouse; the list below a diagram has the same links for everybody.
    const number = event.target.closest(".diagram .goes");
    if (number) location.hash = "n" + number.textContent.slice(1);
    const link = event.target.closest("a[href^='#']");
    if (link && link.getAttribute("href") === location.hash) go();
  });
  go();

  // --- Replay lines.
  if (navigator.clipboard) {
    document.addEventListener("click", async (event) => {
      const button = event.target.closest("button.copy");
      if (!button) return;
      const line = button.parentElement.querySelector(".replay").textContent;
      await navigator.clipboard.writeText(line);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // --- On paper everything that did not pass is open.
  let closed = [];
  window.addEventListener("beforeprint", () => {
    const quiet = ["passed", "not-run", "not-applicable"];
    const told = shown().filter((s) => s.open || !quiet.includes(s.dataset.status));
    told.forEach(copyControls);
    closed = told.flatMap((each) => [each, ...all("details:not(.quiet, .words)", each)]);
    closed = closed.filter((each) => !each.open);
    closed.forEach((each) => { each.open = true; });
  });
  window.addEventListener("afterprint", () => {
    closed.forEach((each) => { each.open = false; });
  });
})();
