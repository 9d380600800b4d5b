/*
 * browser.js PAGE OUT-PREFIX [WIDTH...]: look at one page of a file in headless Chromium, at each width and as it is printed.
 *
 * Writes OUT-PREFIX-WIDTH.png and OUT-PREFIX.pdf, and prints one JSON object: requests (their addresses), errors of the page, for each width
 * how wide its content is and whether a text is smaller than can be read, and what stands in the page: figures by id, tables by caption.
 * NODE_PATH leads to playwright-core; CHROMIUM names the browser.
 */
const { chromium } = require("playwright-core");
const path = require("path");

/* Runs in the page: widths, sizes of texts, texts that stick out of it. */
function measure() {
	const texts = [...document.querySelectorAll("svg text, td, th, p, li, dd, dt, figcaption, caption, h1, h2")];
	const sizes = texts.filter((e) => e.textContent.trim() !== "").map((e) => parseFloat(getComputedStyle(e).fontSize));
	const out = [...document.querySelectorAll("h1, h2, p, li, dd, dt, figcaption, svg, .box, .scroll")].filter((e) => {
		const r = e.getBoundingClientRect();
		return r.width > 0 && (r.right > innerWidth + 1 || r.left < -1);
	});
	return { content: document.documentElement.scrollWidth, smallest: Math.min(...sizes), outside: out.map((e) => e.tagName + " " + e.textContent.slice(0, 40)) };
}

/* Runs in the page: the numbers that a reader sees. */
function contents() {
	const table = (t) => [...t.querySelectorAll("tr")].map((r) => [...r.children].map((c) => c.textContent.trim()));
	const tables = {};
	for (const t of document.querySelectorAll("table"))
		tables[t.caption.textContent.trim()] = table(t);
	const figures = {};
	for (const e of document.querySelectorAll(".figures b"))
		figures[e.id] = Number(e.textContent);
	return {
		figures, tables, text: document.body.innerText, lang: document.documentElement.lang,
		pairs: [...document.querySelectorAll(".pair")].map((p) => p.querySelectorAll("figure svg").length + "+" + p.querySelectorAll("table").length),
		bars: [...document.querySelectorAll("svg rect title")].map((t) => t.textContent),
	};
}

async function main() {
	const [file, prefix, ...widths] = process.argv.slice(2);
	const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
	const context = await browser.newContext({ offline: true, deviceScaleFactor: 1 });
	const page = await context.newPage();
	const answer = { requests: [], errors: [], widths: {} };

	page.on("request", (r) => answer.requests.push(r.url()));
	page.on("console", (m) => answer.errors.push(m.text()));
	page.on("pageerror", (e) => answer.errors.push(String(e)));
	await page.goto("file://" + path.resolve(file));
	for (const width of widths.map(Number)) {
		await page.setViewportSize({ width, height: 900 });
		answer.widths[width] = await page.evaluate(measure);
		await page.screenshot({ path: `${prefix}-${width}.png`, fullPage: true });
	}
	Object.assign(answer, await page.evaluate(contents));
	await page.pdf({ path: `${prefix}.pdf`, preferCSSPageSize: true, printBackground: true });
	await browser.close();
	process.stdout.write(JSON.stringify(answer));
}

main().catch((e) => {
	process.stderr.write(String(e) + "\n");
	process.exit(1);
});
