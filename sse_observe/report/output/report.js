// Draws the figures of the report with plotly.js, each when it comes into view and all before print.
"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const { figures, range, background } = read("figures");
  const INK = "#1f2328", LINE = "#d0d7de";
  const font = { family: "system-ui, sans-serif", size: 12, color: INK };
  const axis = { gridcolor: "#eaeef2", linecolor: LINE, zerolinecolor: LINE, fixedrange: false };
  const base = {
    font, height: 270, margin: { l: 56, r: 12, t: 8, b: 44 }, hovermode: "x unified",
    paper_bgcolor: "#fff", plot_bgcolor: "#fff", barmode: "stack", bargap: 0.25,
    // Above, where it covers no date, however many lines it takes.
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 11 } },
    hoverlabel: { font: { ...font, size: 11 }, namelength: 60, bgcolor: "#fff" },
    dragmode: "zoom",
  };
  const config = {
    displaylogo: false, responsive: true, typesetMath: false, showTips: false, doubleClick: "reset",
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
  };

  function draw(place, size = {}) {
    const figure = figures[place.dataset.figure];
    if (!figure) return;
    if (!place.dataset.drawn) place.textContent = "";
    place.dataset.drawn = "yes";
    const { xaxis, yaxis, shapes = [], over_time: timed = true, ...layout } = figure.layout;
    // A date takes some 90 pixels.
    const nticks = Math.max(2, Math.floor((size.width ?? place.clientWidth) / 95));
    const time = { ...axis, type: "date", range, hoverformat: "%H:%M:%S", tickangle: 0, nticks };
    Plotly.newPlot(place, figure.data, {
      ...base, ...layout, ...size,
      xaxis: { ...(timed ? time : axis), ...xaxis },
      yaxis: { ...axis, ...yaxis },
      shapes: timed ? [...background, ...shapes] : shapes,
    }, config);
  }

  const places = [...document.querySelectorAll("[data-figure]")];
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries)
      if (isIntersecting && !target.dataset.drawn) draw(target);
  }, { rootMargin: "400px" });
  places.forEach((place) => observer.observe(place));
  // Paper is narrower than a screen and asks nobody to draw again: two columns of A4 or letter.
  addEventListener("beforeprint", () => {
    for (const place of places.filter((one) => !one.closest("details:not([open])")))
      draw(place, { width: place.classList.contains("timeline") ? 690 : 314 });
  });
  addEventListener("afterprint", () => {
    for (const place of places.filter((one) => one.dataset.drawn)) draw(place);
  });
  document.documentElement.dataset.ready = "yes";
})();
