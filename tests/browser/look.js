// What a reader would see of this page, for tests/browser.rs.
return (async () => {
const colour = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((part) => part / 255).map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
// The colour that stands behind an element; what is not painted is looked through.
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const [r, g, b, alpha = 1] = colour(getComputedStyle(at).backgroundColor);
    if (alpha > 0) return [r, g, b];
  }
  return [255, 255, 255];
};
const contrast = (element) => {
  const [light, dark] = [luminance(colour(getComputedStyle(element).color).slice(0, 3)), luminance(behind(element))].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
};
const isShown = (element) => element.getClientRects().length > 0 && getComputedStyle(element).visibility !== "hidden";
const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
const texts = [...document.querySelectorAll("body *")].filter((e) => !e.closest("svg, script, .skip") && hasText(e) && isShown(e));
const letters = [...document.querySelectorAll("svg text")].filter(isShown);
// The time of the first paint is told a moment after it.
const painted = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null;
for (let tries = 0; painted() === null && tries < 100; tries++) await new Promise((again) => setTimeout(again, 20));
const loaded = performance.getEntriesByType("resource").filter((entry) => !entry.name.endsWith("/events"));
return {
  lang: document.documentElement.lang,
  title: document.title,
  headings: document.querySelectorAll("h1").length,
  sideways: document.documentElement.scrollWidth - innerWidth,
  foreign: loaded.map((entry) => entry.name).filter((name) => new URL(name).host !== location.host),
  weight: [...performance.getEntriesByType("navigation"), ...loaded].reduce((sum, entry) => sum + entry.transferSize, 0),
  faint: texts.filter((e) => contrast(e) < 4.5).map((e) => `${e.tagName} ${e.textContent.trim().slice(0, 30)} ${contrast(e).toFixed(1)}`),
  small: letters.map((e) => [e.textContent, e.getScreenCTM().a * parseFloat(getComputedStyle(e).fontSize)]).filter(([, size]) => size < 9.5),
  nameless: [...document.querySelectorAll("svg[role=img]:not([aria-label]), img:not([alt])")].length,
  unlabelled: [...document.querySelectorAll("input, select")].filter((e) => !e.labels?.length && !e.ariaLabel && e.type !== "hidden").length,
  outside: [...document.querySelectorAll("svg.bars text, svg.tiles text")].filter((e) => e.getBoundingClientRect().right > innerWidth)
    .map((e) => e.textContent),
  painted: painted(),
};
})();
