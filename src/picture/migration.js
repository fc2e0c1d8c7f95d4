
/* ==== a migration ==== */

const answer = data("answer");
const drawing = data("events");

const INSTANTS = [
	["tsc_saved_first", "P1", "the guest TSC is saved: the first vCPU's"],
	["tsc_saved_last", "P1", "the guest TSC is saved: the last vCPU's"],
	["clock_read", "P2", "the clock is read"],
	["tsc_written_first", "P3", "the guest TSC is written: the first vCPU's"],
	["tsc_written_last", "P3", "the guest TSC is written: the last vCPU's"],
	["clock_set", "P4", "the clock is set"],
	["ran", "runs", "the guest runs: the first stable PVTI"],
];
const STEP_TEXT = {
	"get-tsc": "TSC read", "set-tsc": "TSC written", "get-tsc-offset": "offset read",
	"set-tsc-offset": "offset written", "get-clock": "clock read", "set-clock": "clock set",
	"get-clock-guest": "line read", "set-clock-guest": "line set", paused: "pause told",
};

/* ns since the origin, or null. */
function at(name) {
	const instant = drawing.instants[name];
	return instant ? Number(instant.t_ns) : null;
}

function firstOf(...values) {
	const found = values.find(v => v !== null && v !== undefined);
	return found === undefined ? null : found;
}

/* ---- the events, by lane ---- */

const events = drawing.events.map(e => ({...e, t: Number(e.t_ns)})).sort((a, b) => a.t - b.t);
events.forEach((e, index) => { e.index = index; });

function isUnnecessary(e) {
	return e.event === "update" && e.cause === "vcpu-request" && e.effect === "resnapshot";
}

function markOf(e) {
	const classes = [e.event, e.side];
	let kind = e.event;
	if (e.event === "update")
		classes.push(isUnnecessary(e) ? "unnecessary" : e.effect);
	if (e.event === "request" && e.op === "cleared")
		kind = "cleared";
	if (e.event === "pvti" && !e.stable)
		classes.push("unstable");
	if (e.derived)
		classes.push("derived");
	return [kind, classes.join(" ")];
}

function findLanes() {
	const lanes = new Map();
	const add = (key, title, side) => lanes.set(key, {key, title, side, events: []});
	add("source", "source VMM", "source");
	add("target", "target VMM", "target");
	const ids = new Set(events.filter(e => e.vcpu !== null).map(e => e.vcpu));
	answer.vcpus.forEach(v => ids.add(v.id));
	[...ids].sort((a, b) => a - b).forEach(id => add(id, `vCPU ${id}`, null));
	for (const e of events)
		lanes.get(e.vcpu === null ? e.side : e.vcpu).events.push(e);
	return [...lanes.values()];
}

/* What the VMM did, as stretches on a host's lane. */
function findSteps() {
	const origins = {source: ["tsc_saved_first", "clock_read"], target: ["clock_set"]};
	return (answer.vmm_sequence || []).flatMap(step => {
		const known = origins[step.side].find(name => answer.timeline[name]);
		if (!known)
			return [];
		const since = ns => Number(BigInt(ns) - BigInt(answer.timeline[known].boot_ns)) + at(known);
		return [{...step, first: since(step.first_boot_ns), last: since(step.last_boot_ns)}];
	});
}

/* ---- the guest's clock against the ideal line ---- */

/* The steps of one vCPU: [t, ns ahead, is it derived], before and after the migration. */
function findStaircase(vcpu) {
	const pvtis = events.filter(e => e.event === "pvti" && e.vcpu === vcpu.id &&
		e.level_ns !== undefined);
	const source = [], target = [];
	for (const e of pvtis.filter(e => e.side === "source").reverse()) {
		source.unshift({t: e.t, level: Number(e.level_ns), e});
		if (e.rebased || e.clock_set || e.drift_ns === undefined)
			break;
	}
	for (const e of pvtis.filter(e => e.side === "target")) {
		if (target.length && e.rebased)
			break;
		target.push({t: e.t, level: Number(e.level_ns), e});
	}
	return {vcpu, source, target,
		predicted: vcpu.predicted_ns === null ? null : Number(vcpu.predicted_ns)};
}

const lanes = findLanes(), steps = findSteps(), stairs = answer.vcpus.map(findStaircase);

/* ---- which stretches of time there are to look at ---- */

const P1 = firstOf(at("tsc_saved_first"), at("clock_read"));
const P2 = at("clock_read"), P3 = firstOf(at("tsc_written_first"), at("clock_set"));
const P4 = at("clock_set"), RAN = at("ran");

function padded(a, b, part) {
	const pad = Math.max((b - a) * part, 50);
	return [a - pad, b + pad];
}

function findViews() {
	const begin = firstOf(P1, P4, 0), ran = firstOf(RAN, P4, begin);
	/* Until all vCPUs ran, if that is not long after. */
	const arrivals = stairs.flatMap(s => s.target.slice(0, 1).map(p => p.t));
	const end = Math.max(ran, Math.min(arrivals.reduce((x, y) => Math.max(x, y), ran),
		begin + 3 * (ran - begin)));
	const whole = padded(begin, Math.max(end, begin + 1000), 0.3);
	const ts = events.map(e => e.t).concat(whole);
	const views = [{key: "migration", title: "The migration", range: whole},
		{key: "all", title: "All events", range: padded(ts.reduce((x, y) => Math.min(x, y)),
			ts.reduce((x, y) => Math.max(x, y)), 0.02)}];
	if (P1 !== null && P2 !== null)
		views.push({key: "stop", title: "The source stops: P1 to P2", range: padded(P1, P2, 0.35)});
	if (P3 !== null && P4 !== null)
		views.push({key: "start", title: "The target starts: P3 to P4", range: padded(P3, P4, 0.35)});
	if (P4 !== null && RAN !== null)
		views.push({key: "run", title: "The guest runs again", range: padded(P4, end, 0.2)});
	return views;
}

const views = findViews();

/* ---- drawing ---- */

const LEFT = 104, RIGHT = 16;

class Picture {
	constructor(stretch, node, interactive) {
		this.stretch = stretch;
		this.node = node;
		this.interactive = interactive;
		this.chosen = null;
		this.lane = 0;
	}

	x(t) {
		return LEFT + (t - this.stretch.a) / (this.stretch.b - this.stretch.a) * this.plot;
	}

	time(event) {
		const x = event.clientX - this.node.getBoundingClientRect().left;
		return this.stretch.a + (x - LEFT) / this.plot * (this.stretch.b - this.stretch.a);
	}

	draw() {
		this.width = Math.max(this.node.clientWidth || 1180, 420);
		this.plot = this.width - LEFT - RIGHT;
		this.y = 0;
		this.back = shape("g", {});
		this.front = shape("g", {"clip-path": "url(#plot)"});
		this.text = shape("g", {});
		this.axis();
		this.instants();
		this.brackets();
		this.rows();
		this.level("clock", "Clock, ns ahead of the source's line", false);
		this.level("magnified", this.reference(), true);
		this.shades();
		const svg = shape("svg", {width: this.width, height: this.y, "aria-hidden": "true",
			"data-from": this.stretch.a, "data-to": this.stretch.b, "data-left": LEFT,
			"data-plot": this.plot},
			hatching(), shape("clipPath", {id: "plot"}, shape("rect",
				{x: LEFT, y: 0, width: this.plot, height: this.y})),
			this.back, this.front, this.text);
		this.node.replaceChildren(svg);
		this.ring();
	}

	say(text, x, y, classes = "", anchor = "start") {
		this.text.append(shape("text", {x, y, class: classes, "text-anchor": anchor}, text));
	}

	axis() {
		const {a, b} = this.stretch;
		const {step, found} = ticks(a, b, this.plot / 120);
		const widest = Math.max(...found.map(Math.abs), step);
		this.say("since P1".replace("P1", ({tsc_saved_first: "P1", clock_read: "P2",
			clock_set: "P4"})[drawing.origin]), LEFT - 8, 18, "faint small", "end");
		for (const t of found) {
			const x = this.x(t);
			this.back.append(shape("line", {x1: x, x2: x, y1: 24, y2: "100%", class: "grid"}));
			this.say(tickText(t, step, widest), x, 18, "faint small", "middle");
		}
		this.y = 28;
	}

	/* Guides through all lanes, and what they are called above them. */
	instants() {
		const seen = INSTANTS.map(([name, label]) =>
			({name, label, t: at(name), instant: drawing.instants[name]}))
			.filter(i => i.t !== null && !/_last$/.test(i.name) &&
				i.t >= this.stretch.a && i.t <= this.stretch.b)
			.map(i => ({...i, x: this.x(i.t), width: i.label.length * 9 + 8}))
			.sort((a, b) => a.x - b.x);
		const rows = rowsFor(seen);
		const top = this.y;
		seen.forEach((i, n) => {
			const derived = i.instant.derived ? " derived" : "";
			this.back.append(shape("line", {x1: i.x, x2: i.x, y1: top + 16 * rows[n] + 14,
				y2: "100%", class: `guide${derived}`, "data-instant": i.name}));
			this.say(i.label + (derived ? "*" : ""), i.x, top + 16 * rows[n] + 11,
				`strong ${i.instant.side}`, "middle");
		});
		this.y = top + 16 * Math.max(1, ...rows.map(r => r + 1)) + 4;
		this.whiskers(seen.filter(i => i.instant.side === "target"));
	}

	/* By how much times of the target may be off against those of the source. */
	whiskers(instants) {
		if (answer.same_host || !instants.length)
			return;
		const error = answer.between_error_ns === null ? null : Number(answer.between_error_ns);
		for (const i of instants) {
			const from = error === null ? LEFT : this.x(i.t - error);
			const to = error === null ? this.width - RIGHT : this.x(i.t + error);
			const y = this.y + 6;
			this.front.append(shape("path", {class: "whisker", "data-whisker": i.name,
				"stroke-dasharray": error === null ? "3 4" : null,
				d: error === null ? `M${from} ${y}H${to}`
					: `M${from} ${y - 4}v8M${from} ${y}H${to}M${to} ${y - 4}v8`}));
			this.y += 12;
		}
		this.say(error === null ? "± anything" : `± ${rounded(error)}`, LEFT - 8, this.y - 2,
			"faint small", "end");
		this.y += 4;
	}

	brackets() {
		const first = answer.vcpus[0] || {};
		const list = [];
		if (P2 !== null && firstOf(first.t1_ns) !== null)
			list.push(["t1", `T1 ${rounded(first.t1_ns)}`, P2 - Number(first.t1_ns), P2]);
		if (P4 !== null && firstOf(first.t2_ns) !== null)
			list.push(["t2", `T2 ${rounded(first.t2_ns)}`, P4 - Number(first.t2_ns), P4]);
		if (answer.blackout_ns !== null && P4 !== null)
			list.push(["blackout", `blackout ${rounded(answer.blackout_ns)}`,
				P4 - Number(answer.blackout_ns), P4]);
		if (answer.downtime_ns !== null && RAN !== null)
			list.push(["downtime", `downtime ${rounded(answer.downtime_ns)}`,
				RAN - Number(answer.downtime_ns), RAN]);
		for (const [key, text, from, to] of list)
			this.bracket(key, text, this.x(from), this.x(to));
		this.y += 6;
	}

	bracket(key, text, from, to) {
		const y = this.y + 10;
		if (to < LEFT || from > this.width - RIGHT)
			return;
		this.front.append(shape("path", {class: "bracket", "data-bracket": key, "data-x1": from,
			"data-x2": to, d: `M${from} ${y - 4}v8M${from} ${y}H${to}M${to} ${y - 4}v8`}));
		/* Inside, where there is room; else beside it. */
		const [left, right] = [Math.max(from, LEFT), Math.min(to, this.width - RIGHT)];
		const room = text.length * 6.6 + 12;
		if (right - left > room) {
			this.text.append(shape("rect", {x: (left + right) / 2 - room / 2, y: y - 8,
				width: room, height: 16, fill: "var(--paper)"}));
			this.say(text, (left + right) / 2, y + 4, "strong", "middle");
		} else if (right + room < this.width) {
			this.say(text, right + 6, y + 4, "strong");
		} else {
			this.say(text, left - 6, y + 4, "strong", "end");
		}
		this.y += 18;
	}

	laneHeight() {
		const n = lanes.length - 2;
		return n <= 8 ? 24 : n <= 24 ? 16 : n <= 96 ? 10 : 5;
	}

	rows() {
		const height = this.laneHeight();
		this.rowsFrom = this.y;
		this.hidden = 0;
		for (const [index, lane] of lanes.entries()) {
			const tall = lane.side ? 40 : height;
			lane.y = this.y + tall / 2 + (lane.side ? 4 : 0);
			lane.top = this.y;
			lane.tall = tall;
			this.background(lane);
			if (lane.side || height >= 16 || (height >= 10 && index % 4 === 2) || index % 8 === 2)
				this.say(lane.title, LEFT - 8, lane.y + 4,
					`${lane.side || "faint"} ${height < 16 && !lane.side ? "small" : ""}`, "end");
			if (lane.side)
				this.vmm(lane);
			this.marks(lane, lane.side ? 1 : Math.min(1, height / 18));
			this.y += tall;
		}
		this.rowsTo = this.y;
		this.y += 10;
	}

	/* Where the guest ran. */
	background(lane) {
		const stripe = (from, to, side) => {
			const x1 = Math.max(this.x(from), LEFT), x2 = Math.min(this.x(to), this.width - RIGHT);
			if (x2 > x1)
				this.back.append(shape("rect", {x: x1, y: lane.top + 1, width: x2 - x1,
					height: lane.tall - 2, class: `wash-${side}`}));
		};
		if (lane.side !== "target" && P1 !== null)
			stripe(-1e18, P1, "source");
		const of = stairs.find(s => s.vcpu.id === lane.key);
		const ran = of && of.target.length ? of.target[0].t : RAN;
		if (lane.side !== "source" && ran !== null)
			stripe(ran, 1e18, "target");
		this.back.append(shape("line", {x1: LEFT, x2: this.width - RIGHT, y1: lane.top + lane.tall,
			y2: lane.top + lane.tall, class: "grid"}));
	}

	vmm(lane) {
		const labels = [];
		for (const step of steps.filter(s => s.side === lane.side)) {
			const x1 = this.x(step.first), x2 = Math.max(this.x(step.last), x1 + 3);
			if (x2 < LEFT || x1 > this.width - RIGHT)
				continue;
			this.front.append(shape("rect", {x: x1, y: lane.y - 2.5, width: x2 - x1, height: 5, rx: 2,
				class: `mark ioctl${step.derived ? " derived" : ""}`, "data-step": step.ioctl}));
			const text = (STEP_TEXT[step.ioctl] || step.ioctl) +
				(step.count > 1 ? ` ×${step.count}` : "") + (step.derived ? "*" : "");
			labels.push({x: (Math.max(x1, LEFT) + Math.min(x2, this.width - RIGHT)) / 2, width: text.length * 6.2, text});
		}
		labels.sort((a, b) => a.x - b.x);
		const rows = rowsFor(labels);
		labels.forEach((l, n) => {
			if (rows[n] === 0)
				this.say(l.text, Math.min(Math.max(l.x, LEFT + l.width / 2),
					this.width - RIGHT - l.width / 2), lane.y - 10, "small faint", "middle");
		});
	}

	/* Of those of one kind that would lie on each other, one. */
	marks(lane, size) {
		const last = new Map();
		for (const e of lane.events) {
			if (e.t < this.stretch.a || e.t > this.stretch.b)
				continue;
			const [kind, classes] = markOf(e), x = this.x(e.t);
			if (last.has(classes) && x - last.get(classes) < 1) {
				this.hidden++;
				continue;
			}
			last.set(classes, x);
			const made = mark(kind, classes, x, lane.y, size);
			made.dataset.event = e.index;
			made.append(shape("title", {}, e.line));
			if (e.event === "tsc-track")
				this.front.prepend(made);
			else
				this.front.append(made);
		}
	}

	/* The clock stood still. */
	shades() {
		if (P2 === null || P4 === null)
			return;
		const x1 = Math.max(this.x(P2), LEFT), x2 = Math.min(this.x(P4), this.width - RIGHT);
		if (x2 > x1)
			this.back.prepend(shape("rect", {x: x1, y: this.rowsFrom, width: x2 - x1,
				height: this.y - this.rowsFrom, class: "stood"}));
	}

	/* ---- the staircases ---- */

	reference() {
		return stairs.some(s => s.predicted !== null)
			? "The same, magnified: ns ahead of what was predicted"
			: "The same, magnified: ns ahead of the first stable PVTI";
	}

	base(s, magnified) {
		if (!magnified)
			return 0;
		return s.predicted !== null ? s.predicted : s.target.length ? s.target[0].level : null;
	}

	/* What of a staircase is to be seen: with the step that it begins in. */
	within(points) {
		return points.filter((p, n) => p.t <= this.stretch.b &&
			(n + 1 === points.length || points[n + 1].t >= this.stretch.a));
	}

	level(key, title, magnified) {
		const values = [0];
		for (const s of stairs) {
			const base = this.base(s, magnified);
			if (base === null)
				continue;
			const shown = magnified ? this.within(s.target) : s.source.concat(s.target);
			values.push(...shown.map(p => p.level - base));
			if (!magnified && s.predicted !== null)
				values.push(s.predicted);
		}
		let low = values.reduce((x, y) => Math.min(x, y)), high = values.reduce((x, y) => Math.max(x, y));
		const pad = Math.max((high - low) * 0.12, magnified ? 1.2 : 2);
		low -= pad;
		high += pad;
		const top = this.y + 26, tall = magnified ? 150 : 170;
		const y = v => top + (high - v) / (high - low) * tall;
		this.text.append(shape("rect", {x: LEFT, y: this.y + 2, width: title.length * 7.2, height: 19,
			fill: "var(--paper)"}));
		this.say(title, LEFT, this.y + 16, "strong");
		const {step, found} = ticks(low, high, 5);
		const widest = Math.max(Math.abs(low), Math.abs(high));
		for (const v of found) {
			this.back.append(shape("line", {x1: LEFT, x2: this.width - RIGHT, y1: y(v), y2: y(v),
				class: v ? "grid" : "axis"}));
			this.say(tickText(v, step, widest), LEFT - 8, y(v) + 4, "faint small", "end");
		}
		const group = shape("g", {"data-scale": key, "data-low": low, "data-high": high,
			"data-top": top, "data-tall": tall});
		this.front.append(group);
		for (const s of stairs)
			this.staircase(group, s, y, magnified);
		this.ends(y, magnified, top + 10, top + tall);
		this.y = top + tall + 12;
	}

	staircase(group, s, y, magnified) {
		const base = this.base(s, magnified);
		if (base === null)
			return;
		const emphasis = this.emphasis(s.vcpu.id);
		const right = this.stretch.b;
		const path = (points, classes) => {
			if (points.length > 1)
				group.append(shape("path", {class: `step ${classes} ${emphasis}`,
					"data-vcpu": s.vcpu.id,
					d: "M" + points.map(([t, v]) => `${this.x(t)} ${y(v)}`).join("L")}));
		};
		const runs = (list, until) => list.flatMap((p, n) =>
			[[p.t, p.level - base], [n + 1 < list.length ? list[n + 1].t : until, p.level - base]]);
		const stop = firstOf(P1, P4, s.source.length ? s.source[s.source.length - 1].t : null);
		if (!magnified && s.source.length)
			path(runs(s.source, stop), "of-source");
		const arrival = s.target[0];
		if (!magnified && stop !== null && P4 !== null && s.source.length)
			path([[stop, 0], [P4, 0]], "of-source derived");
		if (s.predicted !== null && P4 !== null) {
			path([[P4, magnified ? 0 : 0], [P4, s.predicted - base],
				[arrival ? arrival.t : right, s.predicted - base]], "derived");
			if (arrival)
				path([[arrival.t, s.predicted - base], [arrival.t, arrival.level - base]], "");
		}
		path(runs(s.target, Math.max(right, arrival ? s.target[s.target.length - 1].t : right)), "");
		for (const p of magnified ? s.target : s.source.concat(s.target))
			group.append(shape("circle", {cx: this.x(p.t), cy: y(p.level - base), r: 2.6,
				class: `dot ${p.e.side === "source" ? "of-source" : ""} ${emphasis}`,
				"data-level": p.level, "data-vcpu": s.vcpu.id, "data-event": p.e.index},
				shape("title", {}, p.e.line)));
	}

	emphasis(id) {
		if (!this.chosen || this.chosen.vcpu === null || stairs.length < 2)
			return "";
		return this.chosen.vcpu === id ? "this" : "other";
	}

	/* At the right edge: which vCPUs ended up where. */
	ends(y, magnified, from, to) {
		const groups = new Map();
		for (const s of stairs) {
			const shown = s.target.filter(p => p.t <= this.stretch.b), base = this.base(s, magnified);
			if (!shown.length || base === null)
				continue;
			const v = shown[shown.length - 1].level - base;
			groups.set(v, (groups.get(v) || []).concat(s.vcpu.id));
		}
		const list = [...groups.entries()].map(([v, ids]) => ({v, y: y(v), ids}))
			.sort((a, b) => a.y - b.y);
		if (!magnified && list.length) {
			const both = list.length > 1 ? `${exact(list[list.length - 1].v)} to ${exact(list[0].v)}`
				: exact(list[0].v);
			this.say(both, this.width - RIGHT - 6, Math.min(Math.max(list[0].y - 7, from), to),
				"strong target", "end");
			return;
		}
		let free = from - 20;
		for (const {v, y: at, ids} of list) {
			if (at - 5 < free)
				continue;
			free = at + 8;
			this.say(`${exact(v)}: ${ids.length > 6 ? count(ids.length, "vCPU", "vCPUs")
				: "vCPU " + ids.join(", ")}`, this.width - RIGHT - 6, at - 5, "small target", "end");
		}
	}

	/* ---- the event that is chosen ---- */

	choose(e) {
		this.chosen = e;
		this.lane = lanes.findIndex(l => l.key === (e.vcpu === null ? e.side : e.vcpu));
		this.stretch.include(e.t);
		this.draw();
	}

	ring() {
		const lane = lanes[this.lane];
		if (this.chosen)
			this.front.append(shape("circle", {cx: this.x(this.chosen.t), cy: lane.y, r: 10,
				class: "chosen"}));
		else if (this.interactive && document.activeElement === this.node)
			this.front.append(shape("rect", {x: LEFT, y: lane.top + 1, width: this.plot,
				height: lane.tall - 2, class: "chosen"}));
	}

	/* The next event of the lane, or the one of another lane that is nearest. */
	next(by) {
		const list = lanes[this.lane].events;
		if (!list.length)
			return;
		const here = this.chosen ? list.indexOf(this.chosen) : -1;
		const first = list.findIndex(e => e.t >= this.stretch.a);
		const to = here < 0 ? Math.max(first, 0) : here + by;
		this.choose(list[Math.min(Math.max(to, 0), list.length - 1)]);
	}

	other(by) {
		const t = this.chosen ? this.chosen.t : (this.stretch.a + this.stretch.b) / 2;
		for (let n = this.lane + by; n >= 0 && n < lanes.length; n += by) {
			const list = lanes[n].events;
			if (!list.length)
				continue;
			this.choose(list.reduce((best, e) =>
				Math.abs(e.t - t) < Math.abs(best.t - t) ? e : best));
			return;
		}
	}
}

/* ---- the page ---- */

const HINT = "Point at an event, or give the timeline the focus and press an arrow key.";

function lead() {
	const end = (side, name) => {
		const host = side.host || {};
		return element("span", {class: name}, `${host.name || "?"} (kernel ${host.kernel || "?"})`);
	};
	return element("p", {class: "lead"}, "From ", end(answer.source, "source"), " to ",
		end(answer.target, "target"), `, ${count(answer.vcpus.length, "vCPU", "vCPUs")}`,
		answer.same_host ? ", on one host." : ".",
		answer.vmm_pattern ? ` The VMM did it the way called “${answer.vmm_pattern}”.` : "");
}

function spread(name) {
	const known = answer.vcpus.map(v => v[name]).filter(v => v !== null).map(BigInt);
	if (!known.length)
		return null;
	const low = known.reduce((a, b) => a < b ? a : b), high = known.reduce((a, b) => a > b ? a : b);
	return [low, high];
}

function cards() {
	const one = (title, value, note) => element("div", {}, element("dt", {}, title),
		element("dd", {}, value, element("small", {}, note)));
	const range = (title, name, note) => {
		const found = spread(name);
		const both = found ? [...new Set(found.map(v => rounded(v, name !== "t1_ns" && name !== "t2_ns")))] : [];
		return one(title, both.length > 1 ? both.join(" … ") : both[0] || "?",
			(found ? found[0] === found[1] ? exact(found[0])
				: `${exact(found[0])} to ${exact(found[1])}` : "not known") + (note ? `; ${note}` : ""));
	};
	return element("dl", {class: "cards"},
		range("The guest's clock jumped", "observed_ns", "observed"),
		range("Predicted: T1 − T2", "predicted_ns", ""),
		range("T1: P1 to P2", "t1_ns", answer.tsc_saved || ""),
		range("T2: P3 to P4, by the TSC", "t2_ns", "derived"),
		range("By unnecessary updates", "by_updates_ns", ""),
		one("Blackout", rounded(answer.blackout_ns), `${exact(answer.blackout_ns, false)}; the clock stood`),
		one("Downtime", rounded(answer.downtime_ns), `${exact(answer.downtime_ns, false)}; at least`));
}

function thinned() {
	const said = [];
	for (const [part, where] of [["before", "long before it"], ["about", "about it"],
		["after", "long after it"]]) {
		const {drawn, seen} = drawing.events_of[part];
		if (Number(drawn) < Number(seen))
			said.push(`${grouped(String(drawn))} of ${grouped(String(seen))} events ${where}`);
	}
	return said.length ? element("p", {class: "alert", id: "thinned"},
		`Drawn are only ${said.join(", ")}: of those before the last, of the others the first. ` +
		"The figures are of all events.") : null;
}

function doubts() {
	return answer.complete ? null : element("p", {class: "alert"},
		`Incomplete: ${answer.incomplete_why}. What rests on what is missing is not shown.`);
}

function uncertainty() {
	if (answer.same_host)
		return null;
	return element("p", {}, answer.between_error_ns === null
		? "Two hosts, whose wall clocks are not both synchronised: everything on the target may be off by anything against the source."
		: `Two hosts: everything on the target may be off by ${exact(answer.between_error_ns, false)} against the source. The whiskers show that.`);
}

function interactive(figure) {
	const said = element("output", {class: "said", for: "timeline"});
	const node = element("div", {class: "chart", id: "timeline", tabindex: 0, role: "application",
		"aria-roledescription": "timeline", "aria-describedby": "keys",
		"aria-label": "The migration as a timeline. The tables below hold the same numbers."});
	const all = views.find(v => v.key === "all").range;
	const stretch = new Stretch(all, 20, later(() => picture.draw()));
	const picture = new Picture(stretch, node, true);
	const buttons = views.map(view => {
		const made = button(view.title, () => {
			stretch.show(...view.range);
			buttons.forEach(b => b.setAttribute("aria-pressed", String(b === made)));
		});
		made.dataset.view = view.key;
		made.setAttribute("aria-pressed", String(view.key === "migration"));
		return made;
	});
	const tell = () => {
		const e = picture.chosen;
		said.textContent = e ? `${e.side}, ${exact(e.t_ns)} since the beginning\n${e.line}` : HINT;
	};
	const keys = {
		ArrowRight: () => picture.next(1), ArrowLeft: () => picture.next(-1),
		ArrowDown: () => picture.other(1), ArrowUp: () => picture.other(-1),
		"+": () => stretch.zoom(0.5, picture.chosen ? picture.chosen.t : undefined),
		"=": () => stretch.zoom(0.5, picture.chosen ? picture.chosen.t : undefined),
		"-": () => stretch.zoom(2, picture.chosen ? picture.chosen.t : undefined),
		a: () => stretch.move(-0.25), d: () => stretch.move(0.25),
		0: () => stretch.show(...views[0].range),
		Escape: () => { picture.chosen = null; picture.draw(); },
	};
	node.addEventListener("keydown", event => {
		const does = keys[event.key] || (views[Number(event.key) - 1] &&
			(() => stretch.show(...views[Number(event.key) - 1].range)));
		if (!does || event.ctrlKey || event.altKey || event.metaKey)
			return;
		event.preventDefault();
		does();
		tell();
	});
	const over = event => event.target.dataset && event.target.dataset.event;
	node.addEventListener("pointerover", event => {
		if (over(event))
			said.textContent = events[over(event)].line;
	});
	node.addEventListener("pointerout", tell);
	node.addEventListener("click", event => {
		if (over(event)) {
			picture.choose(events[over(event)]);
			tell();
		}
	});
	node.addEventListener("focus", () => picture.draw());
	node.addEventListener("blur", () => picture.draw());
	followMouse(node, stretch, event => picture.time(event));
	new ResizeObserver(later(() => picture.draw())).observe(node);
	figure.append(element("div", {class: "bar", role: "group", "aria-label": "What is shown"},
		buttons, button("+", () => stretch.zoom(0.5), "Zoom in"),
		button("−", () => stretch.zoom(2), "Zoom out"),
		button("←", () => stretch.move(-0.25), "Earlier"),
		button("→", () => stretch.move(0.25), "Later")), node, said);
	stretch.show(...views[0].range);
	tell();
	/* On paper nobody zooms: all the views, one below the other. */
	const papers = element("div", {});
	window.addEventListener("beforeprint", () => {
		papers.replaceChildren(...views.filter(v => v.key !== "all").flatMap(view => {
			const paper = element("div", {class: "chart"});
			const s = new Stretch(all, 20, () => {});
			[s.a, s.b] = view.range;
			new Picture(s, paper, false).draw();
			return [element("h3", {}, view.title), paper];
		}));
		node.hidden = true;
		figure.append(papers);
	});
	window.addEventListener("afterprint", () => { node.hidden = false; papers.remove(); });
}

function tables() {
	const ns = name => ({title: name.replace(/_ns$/, "").replace(/_/g, " "),
		of: v => v[name] === null ? null : exact(v[name])});
	const later = (title, of) => ({title, of: v => v.later ? of(v.later) : null});
	const instants = INSTANTS.filter(([name]) => drawing.instants[name]);
	const missing = INSTANTS.filter(([name]) => !drawing.instants[name]).map(i => i[0]);
	const sums = ["between_error_ns", "clock_advance_ns", "blackout_ns", "clock_lost_ns",
		"downtime_ns", "unexplained_ns"];
	return [
		element("h2", {}, "Every number"),
		table("The instants" + (missing.length ? ` (not known: ${missing.join(", ")})` : ""), [
			{title: "Name", text: true, of: i => i[1]}, {title: "What", text: true, of: i => i[2]},
			{title: "Side", text: true, of: i => drawing.instants[i[0]].side},
			{title: "Since the beginning", of: i => exact(drawing.instants[i[0]].t_ns)},
			{title: "Wall clock", text: true, of: i => drawing.instants[i[0]].wall},
			{title: "CLOCK_BOOTTIME, ns", of: i => answer.timeline[i[0]].boot_ns},
			{title: "How", text: true,
				of: i => drawing.instants[i[0]].derived ? "derived" : "observed"},
		], instants),
		table("Each vCPU; + is a jump forward", [
			{title: "vCPU", of: v => v.id}, ...["t1_ns", "t2_ns", "predicted_ns", "observed_ns",
				"by_updates_ns", "by_rate_ns", "unexplained_ns", "tsc_advance_ns"].map(ns),
			{title: "unnecessary updates", of: v => v.unnecessary},
			later("later PVTIs", l => l.pvti_moved),
			later("later drift", l => exact(l.drift_ns.total)),
			later("largest forward", l => exact(l.drift_ns.max_forward)),
			later("largest backward", l => exact(l.drift_ns.max_backward)),
			{title: "why not known", text: true, of: v => v.why || ""},
		], answer.vcpus),
		table("In all", [{title: "Figure", text: true, of: n => n}, {title: "ns", of: n =>
			answer[n] === null ? null : exact(answer[n], n !== "between_error_ns")}], sums),
		table("What the VMM did", [
			{title: "Side", text: true, of: s => s.side}, {title: "ioctl", text: true, of: s => s.ioctl +
				(s.realtime ? " with realtime" : "")}, {title: "Times", of: s => s.count},
			{title: "First, since the beginning", of: s => exact(Math.round(s.first))},
			{title: "Last", of: s => exact(Math.round(s.last))},
			{title: "How", text: true, of: s => s.derived ? "derived" : "observed"},
		], steps),
		folded(`The ${count(events.length, "event", "events")} that are drawn`, () =>
			table("Events", [
				{title: "Since the beginning", of: e => exact(e.t_ns)},
				{title: "Side", text: true, of: e => e.side},
				{title: "Ahead of the source's line",
					of: e => e.level_ns === undefined ? "" : exact(e.level_ns)},
				{title: "As in trace", wide: true, of: e => e.line},
			], events)),
	];
}

function page() {
	const figure = element("div", {});
	const picture = document.getElementById("picture");
	picture.append(...[lead(), doubts(), cards(), element("h2", {}, "What happened when"), uncertainty(),
		thinned(), figure].filter(Boolean));
	interactive(figure);
	picture.append(
		legend([["request", "request", "a request is made"], ["cleared", "request", "a request is cleared"],
			["update", "update unnecessary", "an unnecessary update"],
			["update", "update enabled", "the masterclock is enabled"],
			["update", "update", "another update"], ["pvti", "pvti source", "a PVTI, on the source"],
			["pvti", "pvti target", "on the target"], ["pvti", "pvti unstable", "not stable"],
			["tsc-write", "tsc-write", "a TSC write"], ["ioctl", "ioctl", "an ioctl of the VMM"],
			["ioctl", "ioctl derived", "hollow, dashed, *: derived, not observed"]]),
		element("p", {class: "keys", id: "keys"}, "Hatched: the clock stood still. With the timeline in focus, ",
			["←", "→"].map(k => element("kbd", {}, k)), " go from event to event, ",
			["↑", "↓"].map(k => element("kbd", {}, k)), " from lane to lane, ",
			["+", "−"].map(k => element("kbd", {}, k)), " zoom, ",
			["a", "d"].map(k => element("kbd", {}, k)), " move, ",
			views.map((v, n) => element("kbd", {}, String(n + 1))), " show what the buttons do, ",
			element("kbd", {}, "Esc"), " leaves the event. Dragging moves, Ctrl and the wheel zoom."),
		...(answer.advice.length ? [element("h2", {}, "Advice"),
			element("ul", {}, answer.advice.map(a => element("li", {}, a + ".")))] : []),
		...tables());
	document.querySelector("main").append(element("p", {class: "foot"},
		"Made by kvmclock-trace. The file holds the JSON of the command, in the script “answer”."));
	foldText();
}

page();
