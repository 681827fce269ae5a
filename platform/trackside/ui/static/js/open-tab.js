// On a phone the tabs are one line: the one that is open shows. The page itself stays where it is.
const tab = document.querySelector(':is(.lab__nav, .res__nav) [aria-current="page"]');
if (tab) {
  const line = tab.parentElement;
  const from = tab.getBoundingClientRect().left - line.getBoundingClientRect().left;
  line.scrollLeft += from - (line.clientWidth - tab.clientWidth) / 2;
}
