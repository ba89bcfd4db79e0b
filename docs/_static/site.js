// The keyboard reaches the menus of furo, which opens them by labels of hidden checkboxes: buttons
// take the place of the labels. Copy buttons get a name.

const MENUS = { __navigation: "Menu of the site", __toc: "Contents of this page" };

for (const label of document.querySelectorAll("label:is(.nav-overlay-icon, .toc-overlay-icon)")) {
  const box = document.getElementById(label.htmlFor);
  const button = document.createElement("button");
  const show = () => button.setAttribute("aria-expanded", String(box.checked));
  button.type = "button";
  button.className = label.className;
  button.setAttribute("aria-label", MENUS[label.htmlFor]);
  button.append(...label.childNodes);
  button.addEventListener("click", () => box.click());
  box.addEventListener("change", show);
  show();
  label.replaceWith(button);
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
