// A headless Chromium that asks nobody but the server under test, and a notebook of what went wrong.

import puppeteer from "puppeteer-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-domain-reliability",
  "--disable-extensions",
  "--disable-sync",
  "--metrics-recording-only",
  "--no-first-run",
  "--no-pings",
];

/** Open a page and note every request, answer and message; `close` ends the browser. */
export async function openPage({ chromium, url, width = 1440, height = 900 }) {
  const browser = await puppeteer.launch({ executablePath: chromium, headless: true, args: FLAGS });
  const page = await browser.newPage();
  await page.setViewport({ width, height });
  const notes = { failed: [], external: [], messages: [], tiles: [] };
  const origin = new URL(url).origin;
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (!["data:", "blob:"].includes(target.protocol) && target.origin !== origin) notes.external.push(request.url());
  });
  page.on("requestfailed", (request) => notes.failed.push(`${request.failure()?.errorText} ${request.url()}`));
  page.on("response", (response) => {
    if (response.status() >= 400) notes.failed.push(`${response.status()} ${response.url()}`);
    else if (response.url().includes("/tiles/")) notes.tiles.push(response.url());
  });
  page.on("console", (message) => {
    if (["error", "warn", "warning"].includes(message.type())) notes.messages.push(message.text());
  });
  page.on("pageerror", (error) => notes.messages.push(String(error)));
  return { page, notes, close: () => browser.close() };
}

/** Wait until the map has drawn everything that it asked for. */
export async function waitForMap(page) {
  await page.waitForFunction(() => document.documentElement.dataset.mapState === "idle", { timeout: 90_000 });
}

/** Wait until the map, told to change, has begun and ended doing so. */
export async function afterChange(page, change) {
  await page.evaluate(() => (document.documentElement.dataset.mapState = "told"));
  await change();
  await waitForMap(page);
}

export async function clickMiddle(page, selector, [right, down] = [0, 0]) {
  const element = await page.waitForSelector(selector);
  const box = await element.boundingBox();
  await page.mouse.click(box.x + box.width / 2 + right, box.y + box.height / 2 + down);
}

export const textOf = (page, selector) => page.$eval(selector, (element) => element.innerText);

export async function logIn(page, user, password) {
  await page.click("#tab-jobs");
  await page.type("#panel-jobs input[autocomplete=username]", user);
  await page.type("#panel-jobs input[type=password]", password);
  await page.click("#panel-jobs form .primary");
}
