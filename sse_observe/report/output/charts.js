// Draws figures with plotly.js in the colours of the page; the report and the live boards load it.
"use strict";
const sseCharts = (() => {
  const config = {
    displaylogo: false, responsive: true, typesetMath: false, showTips: false, doubleClick: "reset",
    modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
  };
  const faint = (colour, share) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${share})`);

  // The page's own colours, whether it is dark or light now.
  function look() {
    const { color: ink, backgroundColor: paper } = getComputedStyle(document.body);
    const bright = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, one) => sum + +one, 0);
    const dark = bright(paper) < bright(ink);
    return { ink, paper, dark, grid: faint(ink, 0.1), line: faint(ink, 0.25) };
  }

  const inked = (value, ink) =>
    JSON.parse(JSON.stringify(value), (_, one) => (one === "var(--ink)" ? ink : one));

  // Shades go from the page's own colour to its opposite.
  function shaded(trace, dark) {
    if (!dark || !trace.colorscale) return trace;
    const colours = trace.colorscale.map(([, colour]) => colour).reverse();
    return { ...trace, colorscale: trace.colorscale.map(([at], n) => [at, colours[n]]) };
  }

  // Draws a figure into its place, or over what was drawn there: `range` is that of the time axis,
  // `background` the shapes behind every chart over time.
  function draw(place, figure, { range, background }, size = {}) {
    const { ink, paper, dark, grid, line } = look();
    if (!place.dataset.drawn) place.textContent = "";
    place.dataset.drawn = "yes";
    const { xaxis, yaxis, shapes = [], over_time: timed = true, ...layout } = inked(figure.layout, ink);
    const font = { family: "system-ui, sans-serif", size: 12, color: ink };
    const axis = { gridcolor: grid, linecolor: line, zerolinecolor: line, fixedrange: false };
    // A date takes some 90 pixels.
    const nticks = Math.max(2, Math.floor((size.width ?? place.clientWidth) / 95));
    const time = { ...axis, type: "date", range, hoverformat: "%H:%M:%S", tickangle: 0, nticks };
    return Plotly.react(place, inked(figure.data, ink).map((one) => shaded(one, dark)), {
      font, height: 270, margin: { l: 56, r: 12, t: 8, b: 44 }, hovermode: "x unified",
      paper_bgcolor: paper, plot_bgcolor: paper, barmode: "stack", bargap: 0.25, dragmode: "zoom",
      // Above, where it covers no date, however many lines it takes.
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 11 } },
      hoverlabel: { font: { ...font, size: 11 }, namelength: 60, bgcolor: paper },
      // What a reader zoomed into or left out stays so when new data come.
      uirevision: "same", ...layout, ...size,
      xaxis: { ...(timed ? time : axis), ...xaxis },
      yaxis: { ...axis, ...yaxis },
      shapes: timed ? [...background, ...shapes] : shapes,
    }, config);
  }

  return { draw };
})();
