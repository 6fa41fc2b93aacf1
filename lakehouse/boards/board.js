// Draws each figure where it stands; a click on a mark leads to the rows behind it.
for (const place of document.querySelectorAll(".drawn")) {
  const { data, layout } = JSON.parse(place.nextElementSibling.textContent);
  const settings = { responsive: true, displayModeBar: false };
  Plotly.newPlot(place, data, layout, settings).then(() => {
    place.dataset.isDrawn = "yes";
    if (place.dataset.rows) {
      place.on("plotly_click", ({ points: [mark] }) => {
        location.href = `${place.dataset.rows}&${mark.customdata}`;
      });
    }
  });
}
