// Draws the figures of the page with plotly.js, each when it comes into view and all before print.
"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const { figures, range, marks } = read("figures");
  const INK = "#1f2328", LINE = "#d0d7de";
  const font = { family: "system-ui, sans-serif", size: 12, color: INK };
  const axis = { gridcolor: "#eaeef2", linecolor: LINE, zerolinecolor: LINE, fixedrange: false };
  const base = {
    font, height: 270, margin: { l: 56, r: 12, t: 8, b: 44 }, hovermode: "x unified",
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", barmode: "stack", bargap: 0.25,
    legend: { orientation: "h", y: -0.16, yanchor: "top", x: 0, font: { size: 11 } },
    hoverlabel: { font: { ...font, size: 11 }, namelength: 60, bgcolor: "#fff" },
    dragmode: "zoom",
  };
  const config = {
    displaylogo: false, responsive: true, typesetMath: false, showTips: false, doubleClick: "reset",
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
  };

  function draw(place) {
    const figure = figures[place.dataset.figure];
    if (!figure || place.dataset.drawn) return;
    place.dataset.drawn = "yes";
    place.textContent = "";
    const { xaxis, yaxis, shapes = [], over_time: timed = true, ...layout } = figure.layout;
    const time = { ...axis, type: "date", range, hoverformat: "%H:%M:%S" };
    Plotly.newPlot(place, figure.data, {
      ...base, ...layout,
      xaxis: { ...(timed ? time : axis), ...xaxis },
      yaxis: { ...axis, ...yaxis },
      shapes: timed ? [...marks, ...shapes] : shapes,
    }, config);
  }

  const places = [...document.querySelectorAll("[data-figure]")];
  const shown = (place) => !place.closest("details:not([open])");
  const drawAll = () => places.filter(shown).forEach(draw);
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) draw(target);
  }, { rootMargin: "400px" });
  places.forEach((place) => watcher.observe(place));
  addEventListener("beforeprint", drawAll);
  document.documentElement.dataset.ready = "yes";
})();
