// Firefox for the tests in Python: one command a line, one answer a line. WebDriver BiDi below.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.argv[2],
  headless: true,
  // Loopback is where the tests are; nothing else is asked for.
  extraPrefsFirefox: { "network.captive-portal-service.enabled": false },
});
const kept = new Map();
const errors = new Map();

const commands = {
  window: () => browser.createBrowserContext(),
  async tab({ window, url, before }) {
    const page = await kept.get(window).newPage();
    const thrown = [];
    errors.set(page, thrown);
    // The browser's own notice of a refusal comes as an error that no script threw.
    page.on("pageerror", (error) => {
      if (!String(error).startsWith("Error: Cross-Origin Request Blocked")) thrown.push(String(error));
    });
    if (before) await page.evaluateOnNewDocument(before);
    await page.goto(url);
    return page;
  },
  run: ({ tab, script, argument }) =>
    kept.get(tab).evaluate(
      `(async () => { const found = (${script}); return typeof found === "function" ? found(${JSON.stringify(argument)}) : found; })()`,
    ),
  errors: ({ tab }) => errors.get(kept.get(tab)),
  close: ({ which }) => kept.get(which).close(),
};

let last = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    let value = await commands[command.what](command);
    if (command.what === "window" || command.what === "tab") {
      kept.set(++last, value);
      value = last;
    }
    answer = { value: value ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
