// What an application expert does first; prints what was seen as JSON.
// usage: node page.mjs '{"chromium", "url", "user", "password", "artifacts"}'

import { afterChange, clickMiddle, logIn, openPage, textOf, waitForMap } from "./browser.mjs";

const task = JSON.parse(process.argv[2]);
const { page, notes, close } = await openPage(task);
const seen = {};

/** How many pixels of the curve's canvas are painted in the colour of the curve. */
const paintedPixels = () =>
  page.$eval(".curve canvas", (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let painted = 0;
    for (let i = 0; i < data.length; i += 4) {
      const [r, g, b, a] = data.slice(i, i + 4);
      if (a > 200 && Math.max(r, g, b) - Math.min(r, g, b) > 50) painted += 1;
    }
    return painted;
  });

async function readPlace() {
  await clickMiddle(page, ".map", [40, -60]);
  await page.waitForSelector(".curve canvas", { timeout: 60_000 });
  await waitForMap(page);
  seen.dates = await page.$eval(".curve", (curve) => Number(curve.dataset.dates));
  seen.painted = await paintedPixels();
  seen.values = await textOf(page, ".now");
}

async function moveSlider() {
  seen.dateBefore = await textOf(page, ".time .label strong");
  const before = notes.tiles.length;
  await page.focus(".time input[type=range]");
  await afterChange(page, () => page.keyboard.press("ArrowRight"));
  seen.dateAfter = await textOf(page, ".time .label strong");
  seen.tilesOfDate = notes.tiles.length - before;
}

async function showParcels() {
  await afterChange(page, () => page.click("#show-parcels"));
  await clickMiddle(page, ".map", [30, -80]);
  seen.popup = await textOf(page, ".maplibregl-popup-content");
  await page.waitForFunction(() => !document.querySelector(".point .message"), { timeout: 60_000 });
  await page.click(".maplibregl-popup-close-button");
  await afterChange(page, () => page.click("#show-parcels"));
}

async function downloadCsv() {
  await page.evaluate(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => (blob.text().then((text) => (window.saved = text)), make.call(URL, blob));
  });
  const buttons = await page.$$(".point header button");
  for (const button of buttons) if ((await button.evaluate((b) => b.innerText)).includes("CSV")) await button.click();
  await page.waitForFunction(() => window.saved);
  seen.csv = await page.evaluate(() => window.saved);
}

async function runJob() {
  await logIn(page, task.user, task.password);
  await page.waitForSelector("#panel-jobs select");
  await page.waitForSelector("#panel-jobs form .primary:not(:disabled)");
  seen.jobs = await page.$$eval("#panel-jobs section > ul > li", (rows) => rows.length);
  await page.click("#panel-jobs form .primary");
  await page.waitForFunction((count) => document.querySelectorAll("#panel-jobs li.finished, #panel-jobs li.error").length > count, { timeout: 120_000 }, seen.jobs);
  seen.job = await textOf(page, "#panel-jobs section li .words");
  await page.click("#panel-jobs li.finished .head .button");
  await page.waitForSelector("#panel-jobs li.finished ul li .link");
  seen.files = await page.$$eval("#panel-jobs li.finished ul li .link", (links) => links.map((link) => link.innerText));
}

async function askQuestion() {
  await page.click("#tab-ask");
  await page.waitForSelector("#panel-ask .chip");
  seen.examples = await page.$$eval("#panel-ask .chip", (chips) => chips.length);
  await page.$eval("#panel-ask textarea", (area) => {
    area.value = "ASK { }";
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await page.click("#panel-ask .primary");
  await page.waitForSelector("#panel-ask td", { timeout: 60_000 });
  seen.answer = await textOf(page, "#panel-ask td");
}

async function narrow() {
  await page.click("#tab-layers");
  await page.setViewport({ width: 390, height: 844 });
  await waitForMap(page);
  seen.overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  await page.screenshot({ path: `${task.artifacts}/page-narrow.png` });
}

try {
  await page.goto(task.url, { waitUntil: "load" });
  await waitForMap(page);
  seen.title = await page.title();
  seen.layers = await page.$$eval("#panel-layers li .title", (titles) => titles.map((title) => title.innerText));
  seen.firstTiles = notes.tiles.length;
  await readPlace();
  await moveSlider();
  await downloadCsv();
  await page.screenshot({ path: `${task.artifacts}/page.png` });
  await showParcels();
  await runJob();
  await askQuestion();
  await narrow();
} catch (error) {
  await page.screenshot({ path: `${task.artifacts}/page-failed.png` });
  seen.error = String(error.stack);
} finally {
  await close();
}
console.log(JSON.stringify({ ...seen, failed: notes.failed, external: notes.external, messages: notes.messages }));
