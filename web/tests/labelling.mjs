// A person labels by keys; prints what the page showed as JSON, and keeps a picture of it.

import { openPage, textOf } from "./browser.mjs";

const task = JSON.parse(process.argv[2]);
const { page, notes, close } = await openPage({ ...task, width: 1280, height: 900 });
const seen = {};

const count = () => page.$eval("#count", (line) => line.textContent);
const sample = () => page.$eval("#about b", (line) => Number(line.textContent.split(" ")[1]));

/** Press a key and wait until the page counts so many labels. */
async function press(key, words) {
  await page.keyboard.press(key);
  await page.waitForFunction((wanted) => document.querySelector("#count").textContent === wanted, {}, words);
  await page.waitForSelector("#about b");
}

try {
  await page.goto(`${task.url}/label/${task.labelling}`, { waitUntil: "load" });
  await page.type("#login [name=user]", task.user);
  await page.type("#login [name=password]", task.password);
  await page.click("#login .primary");
  await page.waitForSelector("#picture svg");
  seen.classes = await textOf(page, "#classes");
  seen.before = await textOf(page, "#curve");
  for (let number = 1; number <= 24; number += 1) {
    await press((await sample()) % 2 ? "2" : "1", `${number} labels`);
  }
  await page.waitForSelector("#curve circle");
  seen.curve = await textOf(page, "#curve");
  await press("Backspace", "23 labels");
  await press("Space", "23 labels, 1 skipped");
  await page.keyboard.press("m");
  await page.waitForFunction(() => document.querySelector("#classes").textContent.includes("%"));
  seen.guess = await textOf(page, "#classes");
  seen.painted = await page.$eval("#map", (map) => {
    const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
    return data.filter((value, i) => i % 4 === 3 && value > 0).length;
  });
  await page.screenshot({ path: `${task.artifacts}/labelling.png` });
  await page.reload({ waitUntil: "load" });
  await page.waitForSelector("#picture svg");
  seen.again = await count();
  seen.notes = notes;
} catch (error) {
  seen.error = String(error.stack);
} finally {
  await close();
}
console.log(JSON.stringify(seen));
