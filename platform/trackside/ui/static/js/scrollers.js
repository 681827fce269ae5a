// A table that is wider than its frame scrolls in it: then the frame takes the focus, so that the
// arrow keys reach what is out of sight, and says what it is.
const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => settle(target)));

function settle(frame) {
  const scrolls = frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight;
  frame.toggleAttribute("tabindex", scrolls);
  if (!scrolls) {
    frame.removeAttribute("role");
    frame.removeAttribute("aria-label");
    return;
  }
  frame.tabIndex = 0;
  frame.setAttribute("role", "region");
  frame.setAttribute("aria-label", `${caption(frame) || title(frame)}, table`);
}

const caption = (frame) => frame.querySelector("caption")?.textContent.trim();

function title(frame) {
  const near = frame.closest("section, fieldset, .card, main");
  return near?.querySelector("h1, h2, h3, legend")?.textContent.trim() || "Wide";
}

const found = new WeakSet();
function look() {
  for (const frame of document.querySelectorAll(".tb-wrap")) {
    if (found.has(frame)) continue;
    found.add(frame);
    watch.observe(frame);
  }
}

look();
new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
