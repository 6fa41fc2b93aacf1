// Draws each figure where it stands, as soon as it has come; a click on a mark leads to its rows.
function drawAll() {
  for (const place of document.querySelectorAll(".drawn:not([data-is-drawn])")) {
    const figure = place.nextElementSibling;
    if (!figure?.nextElementSibling) continue; // it has not come whole
    place.dataset.isDrawn = "soon";
    const { data, layout } = JSON.parse(figure.textContent);
    Plotly.newPlot(place, data, layout, { responsive: true, displayModeBar: false }).then(() => {
      place.dataset.isDrawn = "yes";
      if (!place.dataset.rows) return;
      place.on("plotly_click", ({ points: [mark] }) => {
        location.href = `${place.dataset.rows}&${mark.customdata}`;
      });
    });
  }
}
const coming = new MutationObserver(drawAll);
coming.observe(document, { childList: true, subtree: true });
document.addEventListener("DOMContentLoaded", () => {
  coming.disconnect();
  drawAll();
});
if (document.readyState !== "loading") drawAll();
