// SPDX-License-Identifier: GPL-2.0
"use strict";

/* ---- what the file holds ---- */

/* Integers that a Number does not hold become strings of their digits. */
function data(id) {
	const text = document.getElementById(id).textContent;
	return JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}/g,
		found => found[0] === '"' ? found : `"${found}"`));
}

/* ---- elements: text is only ever text ---- */

function element(name, attributes, ...children) {
	return filled(document.createElement(name), attributes, children);
}

function shape(name, attributes, ...children) {
	return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes,
		children);
}

function filled(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {}))
		if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, value === true ? "" : value);
	for (const child of children.flat())
		if (child !== null && child !== undefined)
			node.append(child);
	return node;
}

function table(caption, columns, rows) {
	const head = columns.map(c =>
		element("th", {scope: "col", class: c.text ? "text" : null}, c.title));
	const body = rows.map(row => element("tr", {}, columns.map(c => {
		const value = c.of(row);
		return element("td", {class: c.wide ? "wide" : c.text ? "text" : null},
			value === null || value === undefined ? "?" : String(value));
	})));
	return element("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": caption},
		element("table", {}, element("caption", {}, caption),
			element("thead", {}, element("tr", {}, head)),
			element("tbody", {}, body)));
}

/* A table that is made when it is unfolded. */
function folded(title, make) {
	const details = element("details", {}, element("summary", {}, title));
	details.addEventListener("toggle", () => {
		if (details.open && details.children.length === 1)
			details.append(make());
	});
	return details;
}

function button(text, does, label) {
	const made = element("button", {type: "button", "aria-label": label}, text);
	made.addEventListener("click", does);
	return made;
}

/* ---- numbers for people ---- */

const UNITS = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]];

/* Digits in groups of three, by a narrow space. */
function grouped(digits) {
	return digits.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

function sign(value, always) {
	return value < 0 ? "\u2212" : always && value > 0 ? "+" : "";
}

/* Every digit: −13 882 871 ns. */
function exact(ns, always = true) {
	if (ns === null || ns === undefined)
		return "?";
	const value = BigInt(ns);
	return sign(value, always) + grouped(String(value < 0n ? -value : value)) + "\u202fns";
}

/* Up to four digits that matter: −13.88 ms. */
function rounded(ns, always = false) {
	if (ns === null || ns === undefined)
		return "?";
	const value = Number(ns), size = Math.abs(value);
	if (!size)
		return "0\u202fns";
	const [unit, one] = UNITS.find(u => size >= u[1]) || UNITS[3];
	const scaled = size / one;
	const places = one === 1 ? 0 : scaled >= 1000 ? 0 : scaled >= 100 ? 1 : scaled >= 10 ? 2 : 3;
	return sign(value, always) + grouped(scaled.toFixed(places)) + "\u202f" + unit;
}

function count(n, one, many) {
	return `${grouped(String(n))} ${n === 1 ? one : many}`;
}

/* ---- axes ---- */

/* Round numbers from a to b, at most so many. */
function ticks(a, b, most) {
	const raw = (b - a) / Math.max(1, most);
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = Math.max(1, [1, 2, 5, 10].find(m => m * power >= raw) * power);
	const found = [];
	for (let i = Math.ceil(a / step); i * step <= b; i++)
		found.push(i * step);
	return {step, found};
}

/* A tick's label, with as many digits as its neighbours differ by. */
function tickText(value, step, widest) {
	if (value === 0)
		return "0";
	const [unit, one] = UNITS.find(u => widest >= u[1]) || UNITS[3];
	const places = Math.max(0, Math.ceil(Math.log10(one / step) - 1e-9));
	return sign(value, true) + grouped(Math.abs(value / one).toFixed(Math.min(places, 9))) +
		"\u202f" + unit;
}

/* Labels beside each other get rows so that none covers another. Gives the row of each. */
function rowsFor(labels) {
	const ends = [];
	return labels.map(({x, width}) => {
		let row = ends.findIndex(end => end < x - width / 2);
		if (row < 0)
			row = ends.push(0) - 1;
		ends[row] = x + width / 2 + 6;
		return row;
	});
}

function hatching() {
	return shape("defs", {}, shape("pattern",
		{id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse",
			patternTransform: "rotate(45)"},
		shape("line", {x1: 0, y1: 0, x2: 0, y2: 7, class: "hatching"})));
}

/* ---- marks: the same everywhere, and told apart without colour ---- */

const MARKS = {
	request: "M-5-4H5L0 5Z", cleared: "M-4-4L4 4M4-4L-4 4", update: "M4.5 0A4.5 4.5 0 1 1-4.5 0A4.5 4.5 0 1 1 4.5 0Z",
	pvti: "M-1.5-6H1.5V6H-1.5Z", "tsc-write": "M-4-4H4V4H-4Z", ioctl: "M0-6L5 0L0 6L-5 0Z",
	"set-clock": "M0-7L6 0L0 7L-6 0Z", other: "M-2-2H2V2H-2Z", jump: "M0-6L5.5 4.5H-5.5Z",
};

function mark(kind, classes, x, y, size = 1) {
	return shape("path", {d: MARKS[kind] || MARKS.other, class: `mark ${classes}`,
		transform: `translate(${x} ${y}) scale(${size})`});
}

function legend(entries) {
	return element("ul", {class: "legend", "aria-label": "Legend"},
		entries.map(([kind, classes, text]) => element("li", {},
			shape("svg", {viewBox: "-8 -8 16 16", "aria-hidden": "true"},
				mark(kind, classes, 0, 0)), text)));
}

/* ---- a stretch of time that mouse and keyboard move ---- */

class Stretch {
	constructor(all, least, changed) {
		this.all = all;
		this.least = least;
		this.changed = changed;
		[this.a, this.b] = all;
	}

	show(a, b) {
		const [first, last] = this.all;
		const length = Math.min(Math.max(b - a, this.least), last - first);
		const middle = (a + b) / 2;
		this.a = Math.min(Math.max(middle - length / 2, first), last - length);
		this.b = this.a + length;
		this.changed();
	}

	zoom(factor, about = (this.a + this.b) / 2) {
		this.show(about + (this.a - about) * factor, about + (this.b - about) * factor);
	}

	move(part) {
		const by = (this.b - this.a) * part;
		const room = by < 0 ? Math.max(by, this.all[0] - this.a) : Math.min(by, this.all[1] - this.b);
		this.show(this.a + room, this.b + room);
	}

	include(t) {
		if (t < this.a || t > this.b)
			this.show(t - (this.b - this.a) / 2, t + (this.b - this.a) / 2);
	}
}

/* Wheel with Ctrl zooms, dragging moves, a double click zooms in. `time` gives that of an event. */
function followMouse(node, stretch, time) {
	let dragged = null;
	node.addEventListener("wheel", event => {
		if (!event.ctrlKey && !event.metaKey)
			return;
		event.preventDefault();
		stretch.zoom(event.deltaY < 0 ? 0.7 : 1 / 0.7, time(event));
	}, {passive: false});
	node.addEventListener("dblclick", event => stretch.zoom(0.4, time(event)));
	node.addEventListener("pointerdown", event => {
		if (event.button === 0)
			dragged = {x: event.clientX, a: stretch.a, b: stretch.b, t: time(event)};
	});
	window.addEventListener("pointermove", event => {
		if (!dragged || Math.abs(event.clientX - dragged.x) < 4)
			return;
		const by = dragged.t - time(event);
		stretch.move(by / (stretch.b - stretch.a));
	});
	window.addEventListener("pointerup", () => { dragged = null; });
}

/* For paper everything is unfolded, and the script's own text is not shown twice. */
function foldText() {
	const text = document.getElementById("text");
	const fold = open => { text.open = open; };
	fold(false);
	window.addEventListener("beforeprint", () => fold(true));
	window.addEventListener("afterprint", () => fold(false));
}

/* Redraw once in a frame, whatever asked for it. */
function later(draw) {
	let waits = false;
	return () => {
		if (!waits)
			requestAnimationFrame(() => { waits = false; draw(); });
		waits = true;
	};
}
