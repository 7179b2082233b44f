// Drives Debian's Chromium for the tests: one JSON command a line in, one JSON answer a line out.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const browser = await chromium.launch({ executablePath: process.argv[2], args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info", "--js-flags=--expose-gc"] });
let page;
const problems = [];

const DO = {
  async open({ width, height, scheme }) {
    await page?.context().close();
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => { if (message.type() === "error" && !/ERR_CONNECTION|Failed to load resource/.test(message.text())) problems.push(message.text()); });
    await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => console.error(`CSP ${event.violatedDirective} ${event.blockedURI}`)));
  },
  goto: ({ url }) => page.goto(url).then(() => null),
  type: ({ where, text }) => page.locator(where).fill(text),
  click: ({ where }) => page.locator(where).first().click(),
  press: ({ key }) => page.keyboard.press(key),
  text: ({ where }) => page.locator(where).first().innerText(),
  evaluate: ({ script }) => page.evaluate(script),
  // Not waitForFunction: it would evaluate text in the page, which the content policy forbids.
  async wait({ script, ms }) {
    for (const end = Date.now() + ms; !(await page.evaluate(script)); ) {
      if (Date.now() > end) throw new Error(`not within ${ms} ms: ${script}; ${(await page.locator("body").innerText()).slice(0, 1500)}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  },
  shot: ({ file, whole }) => page.screenshot({ path: file, fullPage: whole }).then(() => null),
  problems: () => problems.splice(0),
  resize: ({ width, height }) => page.setViewportSize({ width, height }),
  scheme: ({ scheme }) => page.emulateMedia({ colorScheme: scheme }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { call, ...given } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await DO[call](given)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
