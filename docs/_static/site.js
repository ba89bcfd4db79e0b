// The keyboard reaches the menus of furo, which opens them by labels of hidden checkboxes; and copy
// buttons have a name.

const MENUS = { __navigation: "Menu of the site", __toc: "Contents of this page" };

for (const label of document.querySelectorAll(".nav-overlay-icon, .toc-overlay-icon")) {
  const box = document.getElementById(label.htmlFor);
  const show = () => label.setAttribute("aria-expanded", String(box.checked));
  label.tabIndex = 0;
  label.setAttribute("role", "button");
  label.setAttribute("aria-label", MENUS[label.htmlFor]);
  box.addEventListener("change", show);
  show();
  label.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    box.click();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const id of Object.keys(MENUS)) {
    const box = document.getElementById(id);
    if (box?.checked) box.click();
  }
});

// They are added once the page is there.
window.addEventListener("load", () => {
  for (const button of document.querySelectorAll("button.copybtn")) {
    button.setAttribute("aria-label", button.dataset.tooltip);
  }
});
