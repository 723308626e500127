// What the page says when something goes wrong; prints the words as JSON.

import { clickMiddle, logIn, openPage, textOf, waitForMap } from "./browser.mjs";

const task = JSON.parse(process.argv[2]);
const { page, close } = await openPage(task);
const seen = {};
try {
  await page.goto(task.url, { waitUntil: "load" });
  await waitForMap(page);

  await clickMiddle(page, ".map", [0, -400]);
  await page.waitForFunction(() => document.querySelector(".point .message")?.innerText.includes("no data"));
  seen.outside = await textOf(page, ".point");

  await logIn(page, task.user, "not the password");
  await page.waitForSelector("#panel-jobs .fault");
  seen.login = await textOf(page, "#panel-jobs .fault");

  await page.click("#tab-ask");
  await page.waitForSelector("#panel-ask .chip");
  await page.$eval("#panel-ask textarea", (area) => {
    area.value = "SELECT nonsense";
    area.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await page.click("#panel-ask .primary");
  await page.waitForSelector("#panel-ask .fault");
  seen.question = await textOf(page, "#panel-ask .fault");
} catch (error) {
  seen.error = String(error.stack);
} finally {
  await close();
}
console.log(JSON.stringify(seen));
