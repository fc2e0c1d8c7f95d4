
/* ==== a report ==== */

const answer = data("answer");
const drawing = data("events");

const LEFT = 200, RIGHT = 16, TALL = 28, AT_ONCE = 100;

/* ---- what there is of each VM and vCPU ---- */

const cells = drawing.cells.map(values => {
	const cell = Object.fromEntries(drawing.columns.map((name, n) => [name, values[n]]));
	for (const name of ["t_ns", "max_forward", "max_backward", "updates"])
		cell[name] = Number(cell[name]);
	return cell;
});

function namesOf(vm) {
	return vm.namespace ? `${vm.namespace}/${vm.name}` : vm.name;
}

function findVms() {
	const spans = new Map(drawing.vms.map(([number, first, gone]) => [number, {first, gone}]));
	const byVm = new Map();
	for (const cell of cells)
		(byVm.get(cell.vm) || byVm.set(cell.vm, []).get(cell.vm)).push(cell);
	return answer.vms.map(vm => {
		const of = byVm.get(vm.number) || [], vcpus = new Map();
		for (const cell of of)
			if (cell.vcpu !== null)
				(vcpus.get(cell.vcpu) || vcpus.set(cell.vcpu, []).get(cell.vcpu)).push(cell);
		return {vm, name: namesOf(vm), open: false, vcpus,
			span: spans.get(vm.number) || {first: 0, gone: null},
			cells: of.slice().sort((a, b) => a.t_ns - b.t_ns)};
	});
}

const vms = findVms();

/* ---- words ---- */

function jumpsText(cell) {
	return [[cell.max_forward, "forward"], [cell.max_backward, "backward"]]
		.filter(([ns]) => ns).map(([ns, way]) => `jump ${way} ${exact(ns)}`);
}

function cellText(who, cell) {
	const many = [["updates", "update", "updates"], ["requests", "request", "requests"],
		["pvtis", "PVTI", "PVTIs"], ["tsc_writes", "TSC write", "TSC writes"],
		["set_clocks", "setting of the clock", "settings of the clock"]]
		.filter(([name]) => Number(cell[name]))
		.map(([name, one, more]) => count(Number(cell[name]), one, more) +
			(name === "updates" && Number(cell.unnecessary)
				? ` (${grouped(String(cell.unnecessary))} unnecessary)` : ""));
	return `${who} at ${exact(cell.t_ns)}: ${many.concat(jumpsText(cell)).join(", ") || "seen"}`;
}

/* ---- drawing ---- */

class Picture {
	constructor(node) {
		this.node = node;
		this.shown = AT_ONCE;
		this.filter = "";
		this.lane = 0;
		this.chosen = null;
		const length = Math.max(Number(drawing.length_ns), 1000);
		this.stretch = new Stretch([-length * 0.01, length * 1.01], 100, later(() => this.draw()));
		this.axis = element("div", {class: "row"});
		this.list = element("div", {});
		node.append(this.axis, this.list);
	}

	x(t) {
		return (t - this.stretch.a) / (this.stretch.b - this.stretch.a) * this.plot;
	}

	time(event) {
		const x = event.clientX - this.node.getBoundingClientRect().left - LEFT;
		return this.stretch.a + x / this.plot * (this.stretch.b - this.stretch.a);
	}

	wanted() {
		const text = this.filter.toLowerCase();
		return vms.filter(v => v.name.toLowerCase().includes(text) ||
			(v.vm.uuid || "").toLowerCase().includes(text));
	}

	draw() {
		this.plot = Math.max((this.node.clientWidth || 1180) - LEFT - RIGHT, 200);
		const wanted = this.wanted();
		this.lanes = wanted.slice(0, this.shown).flatMap(v => [
			{v, key: `${v.vm.number}`, who: v.name, title: v.name, cells: v.cells},
			...(v.open ? [...v.vcpus.entries()].map(([id, of]) =>
				({v, id, key: `${v.vm.number}/${id}`, who: `${v.name}/${id}`, title: `vCPU ${id}`,
					cells: of})) : [])]);
		this.lane = Math.min(this.lane, Math.max(this.lanes.length - 1, 0));
		this.drawAxis();
		const focused = document.activeElement && document.activeElement.dataset.vm;
		this.list.replaceChildren(...this.lanes.map(lane => this.row(lane)));
		if (focused)
			this.list.querySelector(`[data-vm="${focused}"]`)?.focus();
		this.rest.textContent = wanted.length > this.shown
			? `${count(wanted.length - this.shown, "more VM", "more VMs")}: show them` : "";
		this.rest.hidden = wanted.length <= this.shown;
	}

	drawAxis() {
		const svg = shape("svg", {width: this.plot, height: 24, "aria-hidden": "true"});
		const {step, found} = ticks(this.stretch.a, this.stretch.b, this.plot / 120);
		const widest = Math.max(...found.map(Math.abs), step);
		for (const t of found)
			svg.append(shape("text", {x: this.x(t), y: 16, class: "faint small",
				"text-anchor": "middle"}, tickText(t, step, widest)));
		this.axis.replaceChildren(element("span", {class: "who"}, "since the start"), svg);
	}

	row(lane) {
		const {v} = lane;
		const head = lane.id === undefined && v.vcpus.size
			? element("button", {type: "button", class: "who", "aria-expanded": String(v.open),
				"data-vm": v.vm.number, title: lane.title}, `${v.open ? "▾" : "▸"} ${lane.title}`)
			: element("span", {class: "who", title: lane.title}, lane.title);
		if (head.dataset.vm)
			head.addEventListener("click", () => { v.open = !v.open; this.draw(); });
		const svg = shape("svg", {width: this.plot, height: TALL, "aria-hidden": "true",
			"data-lane": lane.key, "data-from": this.stretch.a, "data-to": this.stretch.b});
		this.background(svg, lane);
		this.marks(svg, lane);
		if (lane === this.lanes[this.lane] && this.chosen)
			svg.append(shape("circle", {cx: this.x(this.chosen.t_ns), cy: TALL / 2, r: 11,
				class: "chosen"}));
		return element("div", {class: "row"}, head, svg);
	}

	/* Since when and until when it was there, and where its masterclock was on. */
	background(svg, lane) {
		const end = lane.v.span.gone === null ? Number(drawing.length_ns) : Number(lane.v.span.gone);
		const bar = (from, to, active) => {
			const x1 = Math.max(this.x(from), 0), x2 = Math.min(this.x(to), this.plot);
			if (x2 > x1)
				svg.append(shape("rect", {x: x1, y: 3, width: x2 - x1, height: TALL - 6,
					class: active === null ? "there" : active ? "wash-target" : "wash-source"}));
		};
		let since = Number(lane.v.span.first), active = null;
		for (const cell of lane.v.cells) {
			if (cell.active === null || cell.active === active)
				continue;
			bar(since, cell.t_ns, active);
			since = Math.max(cell.t_ns, since);
			active = cell.active;
		}
		bar(since, end, active);
	}

	/* What lies on a pixel is put together. */
	marks(svg, lane) {
		const pixels = new Map();
		for (const cell of lane.cells) {
			if (cell.t_ns < this.stretch.a || cell.t_ns > this.stretch.b)
				continue;
			const pixel = Math.round(this.x(cell.t_ns));
			const sum = pixels.get(pixel) || {...cell, from: [], updates: 0, unnecessary: 0,
				requests: 0, pvtis: 0, tsc_writes: 0, set_clocks: 0, max_forward: 0, max_backward: 0};
			for (const name of ["updates", "unnecessary", "requests", "pvtis", "tsc_writes",
				"set_clocks"])
				sum[name] += Number(cell[name]);
			sum.max_forward = Math.max(sum.max_forward, cell.max_forward);
			sum.max_backward = Math.min(sum.max_backward, cell.max_backward);
			pixels.set(pixel, sum);
		}
		/* Marks that would cover each other are columns, as high as there are many. */
		const crowded = pixels.size > this.plot / 12;
		for (const sum of pixels.values())
			if (crowded)
				this.column(svg, lane, sum);
			else
				this.sum(svg, lane, sum);
	}

	column(svg, lane, sum) {
		const all = sum.updates + sum.requests + sum.pvtis + sum.tsc_writes + sum.set_clocks;
		const tall = Math.min(4 + Math.log2(all + 1) * 2, TALL - 4);
		const made = shape("rect", {x: this.x(sum.t_ns), y: (TALL - tall) / 2, width: 1, height: tall,
			class: `column ${sum.unnecessary ? "unnecessary" : ""}`,
			"data-said": cellText(lane.who, sum), "data-t": sum.t_ns});
		svg.append(made);
	}

	sum(svg, lane, sum) {
		const x = this.x(sum.t_ns), y = TALL / 2;
		const put = (kind, classes, at, size) => {
			const made = mark(kind, classes, x, at, size);
			made.dataset.said = cellText(lane.who, sum);
			made.dataset.t = sum.t_ns;
			made.append(shape("title", {}, made.dataset.said));
			svg.append(made);
		};
		if (sum.tsc_writes)
			put("tsc-write", "tsc-write", y, 0.8);
		if (sum.set_clocks)
			put("set-clock", "set-clock", y, 1);
		if (sum.requests && !sum.updates)
			put("request", "request", y, 0.8);
		if (sum.updates)
			put("update", `update ${sum.unnecessary ? "unnecessary" : ""}`, y,
				0.7 + Math.log10(sum.updates) * 0.35);
		const size = ns => 0.5 + Math.log10(Math.abs(ns) + 1) * 0.12;
		if (sum.max_forward)
			put("jump", "jump forward", 5, size(sum.max_forward));
		if (sum.max_backward) {
			put("jump", "jump backward", TALL - 5, size(sum.max_backward));
			const made = svg.lastChild;
			made.setAttribute("transform", `${made.getAttribute("transform")} rotate(180)`);
		}
		if (sum.pvtis && !sum.updates && !sum.max_forward && !sum.max_backward && !sum.set_clocks)
			put("pvti", "pvti target", y, 0.7);
	}

	/* ---- by keyboard ---- */

	choose(cell) {
		this.chosen = cell;
		this.stretch.include(cell.t_ns);
		this.draw();
	}

	next(by) {
		const list = this.lanes.length ? this.lanes[this.lane].cells : [];
		if (!list.length)
			return;
		const here = this.chosen ? list.indexOf(this.chosen) : -1;
		this.choose(list[Math.min(Math.max(here < 0 ? 0 : here + by, 0), list.length - 1)]);
	}

	other(by) {
		const to = this.lane + by;
		if (to < 0 || to >= this.lanes.length)
			return;
		const t = this.chosen ? this.chosen.t_ns : this.stretch.a;
		this.lane = to;
		const list = this.lanes[to].cells;
		this.chosen = list.length ? list.reduce((best, c) =>
			Math.abs(c.t_ns - t) < Math.abs(best.t_ns - t) ? c : best) : null;
		this.draw();
	}

	unfold() {
		const {v} = this.lanes[this.lane] || {};
		if (v && v.vcpus.size) {
			v.open = !v.open;
			this.lane = this.lanes.findIndex(l => l.v === v && l.id === undefined);
			this.draw();
		}
	}

	said() {
		const lane = this.lanes[this.lane];
		return this.chosen && lane ? cellText(lane.who, this.chosen) : HINT;
	}
}

/* ---- the page ---- */

const HINT = "Point at a mark, or give the picture the focus and press an arrow key.";

function lead() {
	const host = answer.host;
	return element("p", {class: "lead"}, `${count(answer.vms.length, "VM", "VMs")}, ` +
		`${count(Number(answer.events), "event", "events")} in ${rounded(drawing.length_ns)} on ` +
		`${host.name || "?"}, kernel ${host.kernel || "?"}.` +
		(answer.command ? ` While this ran: ${answer.command}` : ""));
}

function sum(of) {
	return answer.vms.reduce((total, vm) => total + BigInt(of(vm) ?? 0), 0n);
}

function most(of) {
	return answer.vms.reduce((found, vm) => {
		const value = Number(of(vm));
		return Math.abs(value) > Math.abs(found.value) ? {value, exact: of(vm), vm} : found;
	}, {value: 0, exact: 0, vm: null});
}

function cards() {
	const one = (title, value, note) => element("div", {}, element("dt", {}, title),
		element("dd", {}, value, element("small", {}, note)));
	const jump = (title, of) => {
		const found = most(of);
		return one(title, rounded(found.value, true), found.vm
			? `${exact(found.exact)} of ${namesOf(found.vm)}` : "none");
	};
	const number = of => grouped(String(sum(of)));
	return element("dl", {class: "cards"},
		one("Updates", number(vm => vm.updates.total), "of the masterclock"),
		one("Unnecessary", number(vm => vm.unnecessary), "a new snapshot for a request"),
		one("Requests", answer.vms.some(vm => vm.requests === null) ? "?"
			: number(vm => vm.requests), "made pending"),
		jump("Largest jump forward", vm => vm.drift_ns.max_forward),
		jump("Largest jump backward", vm => vm.drift_ns.max_backward),
		one("Lost", grouped(String(answer.lost)), "events"));
}

function notes() {
	const said = [];
	if (!answer.complete)
		said.push(`Incomplete: ${answer.incomplete_why}.`);
	const stretch = Number(drawing.stretch_ns);
	if (stretch > 1)
		said.push("Thinned out, for there were too many events: what happened to a vCPU within " +
			`${rounded(stretch)} is drawn as one mark, at the beginning of that time, with its ` +
			"number and its largest jumps." + (drawing.vcpus_together
			? " There were too many vCPUs, too: what happened to them is drawn at their VM." : "") +
			" The tables and the JSON count every event.");
	if (Number(drawing.not_drawn))
		said.push(`There was no room for ${count(Number(drawing.not_drawn), "event", "events")} in ` +
			"the picture.");
	if (answer.folded && Number(answer.folded.vms))
		said.push(`${count(Number(answer.folded.vms), "VM is", "VMs are")} gone and only in the sums.`);
	return said.map(text => element("p", {class: "alert"}, text));
}

function interactive(figure) {
	const said = element("output", {class: "said"}, HINT);
	const node = element("div", {class: "chart", id: "timeline", tabindex: 0, role: "application",
		"aria-roledescription": "timeline", "aria-describedby": "keys",
		"aria-label": "The VMs over time. The tables below hold the numbers."});
	const picture = new Picture(node);
	const {stretch} = picture;
	const about = () => picture.chosen ? picture.chosen.t_ns : undefined;
	const keys = {
		ArrowRight: () => picture.next(1), ArrowLeft: () => picture.next(-1),
		ArrowDown: () => picture.other(1), ArrowUp: () => picture.other(-1),
		"+": () => stretch.zoom(0.5, about()), "=": () => stretch.zoom(0.5, about()),
		"-": () => stretch.zoom(2, about()), a: () => stretch.move(-0.25),
		d: () => stretch.move(0.25), 0: () => stretch.show(...stretch.all),
		Enter: () => picture.unfold(), Escape: () => { picture.chosen = null; picture.draw(); },
	};
	node.addEventListener("keydown", event => {
		const does = keys[event.key];
		if (!does || event.target !== node || event.ctrlKey || event.altKey || event.metaKey)
			return;
		event.preventDefault();
		does();
		said.textContent = picture.said();
	});
	node.addEventListener("pointerover", event => {
		said.textContent = event.target.dataset.said || picture.said();
	});
	followMouse(node, stretch, event => picture.time(event));
	new ResizeObserver(later(() => picture.draw())).observe(node);
	const search = element("input", {type: "search", "aria-label": "Only VMs of this name or UUID",
		placeholder: "VM"});
	search.addEventListener("input", () => { picture.filter = search.value; picture.draw(); });
	picture.rest = button("", () => { picture.shown += AT_ONCE * 5; picture.draw(); });
	figure.append(element("div", {class: "bar", role: "group", "aria-label": "What is shown"},
		button("All of it", () => stretch.show(...stretch.all)),
		button("+", () => stretch.zoom(0.5, about()), "Zoom in"),
		button("−", () => stretch.zoom(2, about()), "Zoom out"),
		button("←", () => stretch.move(-0.25), "Earlier"),
		button("→", () => stretch.move(0.25), "Later"),
		button("Unfold all", () => { vms.forEach(v => { v.open = true; }); picture.draw(); }),
		button("Fold all", () => { vms.forEach(v => { v.open = false; }); picture.draw(); }),
		search), node, element("div", {class: "bar"}, picture.rest), said);
	picture.draw();
}

function columns(more) {
	const by = (title, of) => ({title, of});
	return [...more,
		by("requests", v => v.requests), by("cleared", v => v.requests_cleared),
		by("PVTIs", v => v.pvti_updates), by("changed", v => v.pvti_changed),
		by("rebased", v => v.pvti_rebased), by("TSC writes", v => v.tsc_writes),
		by("drift", v => exact(v.drift_ns.total)),
		by("of that, set", v => exact(v.drift_ns.set_clock)),
		by("largest forward", v => exact(v.drift_ns.max_forward)),
		by("largest backward", v => exact(v.drift_ns.max_backward))];
}

function tables() {
	const parts = [];
	const all = answer.vms.slice(0, 1000);
	parts.push(element("h2", {}, "Every number"), table(
		`The VMs${all.length < answer.vms.length ? `: the first ${all.length}; the JSON has all` : ""}`,
		columns([{title: "VM", text: true, of: namesOf}, {title: "Number", of: v => `#${v.number}`},
			{title: "masterclock", text: true, of: v => v.masterclock},
			{title: "updates", of: v => v.updates.total},
			{title: "unnecessary", of: v => v.unnecessary},
			{title: "clock set", of: v => v.set_clocks}]), all));
	const vcpus = all.flatMap(vm => vm.vcpus.map(vcpu => ({...vcpu, vm}))).slice(0, 5000);
	parts.push(folded("Each vCPU", () => table("The vCPUs", columns([
		{title: "VM", text: true, of: v => namesOf(v.vm)}, {title: "vCPU", of: v => v.id},
		{title: "updates", of: v => v.updates}]), vcpus)));
	return parts;
}

function page() {
	const figure = element("div", {});
	const picture = document.getElementById("picture");
	picture.append(lead(), cards(), element("h2", {}, "The VMs over time"), ...notes(), figure);
	interactive(figure);
	picture.append(
		legend([["update", "update unnecessary", "unnecessary updates (larger: more)"],
			["update", "update", "other updates; where marks would cover each other, columns"], ["jump", "jump", "a jump of the clock: above forward, below backward"],
			["request", "request", "requests"], ["set-clock", "set-clock", "the clock is set"],
			["tsc-write", "tsc-write", "TSC writes"], ["pvti", "pvti target", "PVTIs"]]),
		element("p", {class: "keys", id: "keys"}, "Green: the masterclock is active. Blue: it is not. Grey: not known. With the picture in focus, ",
			["←", "→"].map(k => element("kbd", {}, k)), " go from mark to mark, ",
			["↑", "↓"].map(k => element("kbd", {}, k)), " from lane to lane, ",
			element("kbd", {}, "Enter"), " unfolds a VM, ",
			["+", "−"].map(k => element("kbd", {}, k)), " zoom, ",
			["a", "d"].map(k => element("kbd", {}, k)), " move, ",
			element("kbd", {}, "0"), " shows all. Dragging moves, Ctrl and the wheel zoom."),
		...tables());
	document.querySelector("main").append(element("p", {class: "foot"},
		"Made by kvmclock-trace. The file holds the JSON of the command, in the script “answer”."));
	foldText();
}

page();
