"use strict";
(() => {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : preferred.matches);
  const name = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  // Storage may be forbidden for a file; the theme then lasts as long as the page.
  try { const kept = localStorage.getItem("faasbench-theme"); if (kept) root.dataset.theme = kept; } catch (error) { void error; }
  theme.hidden = false;
  name();
  preferred.addEventListener("change", name);
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try { localStorage.setItem("faasbench-theme", root.dataset.theme); } catch (error) { void error; }
    name();
  });

  for (const button of document.querySelectorAll("button.copy")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
        button.textContent = "Copied";
      } catch (error) { button.textContent = "Select it by hand"; }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  // A closed part is not printed.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".machine details:not([open]), details.notes:not([open]), details.table:not([open])")];
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => { for (const part of opened) part.open = false; });

  const tip = document.getElementById("tip");
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  mark.id = "mark";
  const hide = () => { tip.hidden = true; mark.remove(); };
  const box = (spot) => (spot.length === 3 ? [spot[0] - 9, spot[1] - 9, spot[0] + 9, spot[1] + 9] : spot.slice(0, 4));
  const show = (plot, spot) => {
    const [left, top, right, bottom] = box(spot);
    mark.setAttribute("x", left - 2);
    mark.setAttribute("y", top - 2);
    mark.setAttribute("width", right - left + 4);
    mark.setAttribute("height", bottom - top + 4);
    plot.append(mark);
    tip.textContent = spot[spot.length - 1];
    tip.hidden = false;
    const place = mark.getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const x = Math.min(Math.max(4, place.left + place.width / 2 - own.width / 2), innerWidth - own.width - 4);
    const above = place.top - own.height - 6;
    tip.style.left = x + "px";
    tip.style.top = (above > 4 ? above : place.bottom + 6) + "px";
  };
  const near = (spots, x, y) => {
    let best = null, least = 40;
    for (const spot of spots) {
      const [left, top, right, bottom] = box(spot);
      const away = Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
      const size = Math.min(1, (right - left) * (bottom - top) / 1e7);
      if (away + size < least) { best = spot; least = away + size; }
    }
    return best;
  };
  for (const plot of document.querySelectorAll("svg.plot")) {
    let spots = null, at = -1;
    const all = () => (spots ??= JSON.parse(plot.dataset.spots));
    plot.setAttribute("tabindex", "0");
    plot.addEventListener("pointermove", (event) => {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(plot.getScreenCTM().inverse());
      const spot = near(all(), point.x, point.y);
      if (spot) show(plot, spot); else hide();
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", (event) => {
      const count = all().length;
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step || count === 0) return;
      event.preventDefault();
      at = at < 0 ? (step > 0 ? 0 : count - 1) : (at + step + count) % count;
      show(plot, all()[at]);
    });
  }
})();
