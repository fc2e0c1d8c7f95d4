// SPDX-License-Identifier: GPL-2.0
// A headless Chromium on stdin and stdout: an object a line in, an object a line out. It notes what a
// page may not do: messages on the console, errors, requests for anything but its own file.

import {createInterface} from "node:readline";
import {createRequire} from "node:module";
import {readFileSync} from "node:fs";

const require = createRequire(process.env.KCT_NODE_MODULES + "/");
const {chromium} = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({executablePath: "/usr/bin/chromium", args: ["--no-sandbox",
	"--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
	"--disable-component-update", "--disable-sync"]});
let page, noted;

const does = {
	async open({path, dark, width = 1280, scripts = true}) {
		if (page)
			await page.context().close();
		const context = await browser.newContext({viewport: {width, height: 900}, javaScriptEnabled: scripts,
			colorScheme: dark ? "dark" : "light", bypassCSP: false});
		page = await context.newPage();
		noted = [];
		page.on("console", message => noted.push(`console: ${message.text()}`));
		page.on("pageerror", error => noted.push(`error: ${error.message}`));
		page.on("dialog", dialog => { noted.push("dialog"); dialog.dismiss(); });
		page.on("request", request => {
			if (request.url() !== `file://${path}`)
				noted.push(`request: ${request.url()}`);
		});
		await page.goto(`file://${path}`);
		if (scripts)
			await page.evaluate(() => new Promise(done => requestAnimationFrame(() =>
				requestAnimationFrame(done))));
		return null;
	},
	noted: () => noted,
	evaluate: ({code}) => page.evaluate(code),
	click: ({selector}) => page.click(selector),
	async press({keys}) {
		for (const key of keys)
			await page.keyboard.press(key);
		await page.evaluate(() => new Promise(done => requestAnimationFrame(() =>
			requestAnimationFrame(done))));
		return null;
	},
	wheel: ({x, y, by}) => page.mouse.move(x, y).then(() => page.keyboard.down("Control"))
		.then(() => page.mouse.wheel(0, by)).then(() => page.keyboard.up("Control")),
	screenshot: ({path, selector}) => (selector ? page.locator(selector).screenshot({path})
		: page.screenshot({path, fullPage: true})).then(() => null),
	pdf: ({path}) => page.pdf({path}).then(() => null),
	// By the debugger, which the page's policy does not bind.
	async violations() {
		const session = await page.context().newCDPSession(page);
		await session.send("Runtime.evaluate", {expression: axe});
		const {result} = await session.send("Runtime.evaluate", {awaitPromise: true,
			returnByValue: true, expression: `axe.run({resultTypes: ["violations"]}).then(r =>
				r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html).slice(0, 3).join(" ")))`});
		return result.value;
	},
};

for await (const line of createInterface({input: process.stdin})) {
	const order = JSON.parse(line);
	let answer;
	try {
		answer = {result: await does[order.do](order) ?? null};
	} catch (error) {
		answer = {error: String(error)};
	}
	process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
