// Opens a page in headless Chromium at the width of a phone and of a desk; exits 1 on any console
// error, failed request, or text that runs over the edge of the window.
//
//     npm install playwright-core      (and a Chromium: CHROMIUM=/usr/bin/chromium)
//     node bench/check_page.mjs page.html [folder for screenshots]
import { chromium } from "playwright-core";
import { pathToFileURL } from "node:url";

const [page, folder = "."] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
const problems = [];
for (const [name, width, height, colorScheme] of [
  ["phone", 360, 800, "light"],
  ["phone-dark", 360, 800, "dark"],
  ["desk", 1200, 900, "light"],
]) {
  const tab = await browser.newPage({ viewport: { width, height }, colorScheme });
  tab.on("console", (said) => said.type() === "error" && problems.push(`${name}: ${said.text()}`));
  tab.on("pageerror", (error) => problems.push(`${name}: ${error}`));
  tab.on("request", (asked) => {
    if (!/^(file|data):/.test(asked.url())) problems.push(`${name}: fetches ${asked.url()}`);
  });
  await tab.goto(pathToFileURL(page).href);
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
  if (wide > width) problems.push(`${name}: ${wide} px wide in a window of ${width}`);
  await tab.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  await tab.close();
}
await browser.close();
console.log(problems.length ? problems.join("\n") : "no problem");
process.exit(problems.length ? 1 : 0);
