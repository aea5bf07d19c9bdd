// The arithmetic of "How completion is counted", with the reader's own numbers.
const form = document.querySelector("form.arithmetic");

function show() {
  const value = (name) => Number(form.elements[name].value);
  const cancelled = Math.round(value("cancelled") / (value("coverage") / 100));
  const more = value("now") - value("before");
  const lost = Math.max(0, value("started") - value("completed") - cancelled - more);
  const whole = value("completed") + lost;
  const rate = whole ? ((100 * value("completed")) / whole).toFixed(1) : "–";
  const open = more < 0 ? `+ ${-more} fewer open` : `− ${more} more open`;
  form.elements.result.value =
    `${value("started")} started − ${value("completed")} completed − ${cancelled} cancelled ` +
    `${open} = ${lost} lost; completion ${rate} %`;
}

if (form) form.addEventListener("input", show);
