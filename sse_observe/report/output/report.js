// Draws the figures of the report, each when it comes into view and all before print.
(() => {
  const data = JSON.parse(document.getElementById("figures").textContent);
  const draw = (place, size) => sseCharts.draw(place, data.figures[place.dataset.figure], data, size);
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
  // Without a width plotly keeps that of the paper.
  addEventListener("afterprint", () => {
    for (const place of places.filter((one) => one.dataset.drawn))
      draw(place, { width: place.clientWidth });
  });
  document.documentElement.dataset.ready = "yes";
})();
