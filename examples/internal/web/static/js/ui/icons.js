// @ts-check

/** Drawings on a grid of 24, in the colour of the text. */
const PATHS = {
	menu: "M4 7h16M4 12h16M4 17h16",
	plus: "M12 5v14M5 12h14",
	hash: "M5 9h15M4 15h15M10 4 8 20M16 4l-2 16",
	lock: "M7 11V8a5 5 0 0 1 10 0v3M6 11h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1Z",
	people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.4a6.5 6.5 0 0 1 3.5 5.6",
	compass: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM15.5 8.5l-2 5-5 2 2-5 5-2Z",
	search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4",
	send: "M4.5 12 4 4.5 20.5 12 4 19.5l.5-7.5Zm0 0H12",
	close: "M6 6l12 12M18 6 6 18",
	clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3 2",
	alert: "M12 8v5M12 16.5v.01M10.3 4 2.8 17.2A2 2 0 0 0 4.5 20h15a2 2 0 0 0 1.7-2.8L13.7 4a2 2 0 0 0-3.4 0Z",
	down: "M12 5v14M6 13l6 6 6-6",
	leave: "M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4M10 8l-4 4 4 4M6 12h9",
	hidden: "M4 4l16 16M9.9 5.2A9.6 9.6 0 0 1 12 5c5 0 8.5 4.2 9.5 7-.4 1.1-1.2 2.4-2.4 3.6M6.2 7.2C4.3 8.5 3 10.4 2.5 12c1 2.8 4.5 7 9.5 7 " +
		"1.6 0 3-.4 4.3-1.1M10 10a2.8 2.8 0 0 0 4 4",
	reply: "M9 7 4 12l5 5M4 12h10a6 6 0 0 1 6 6v1",
	edit: "M4 20l.8-4L16.500 4.300a1.800 1.800 0 0 1 2.600 0l.6.6a1.800 1.800 0 0 1 0 2.600L8 19.200 4 20ZM14.500 6.300l3.200 3.200",
	trash: "M4.500 7h15M9.500 7V4.500h5V7M6.500 7l.8 12.500h9.400L17.500 7M10.300 10.500v5.500M13.700 10.500v5.500",
	smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8.500 14a4.200 4.200 0 0 0 7 0M9 9.500v.01M15 9.500v.01",
	settings: "M4 8h9M17 8h3M4 16h3M11 16h9M15 10.200a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400ZM9 18.200a2.200 2.200 0 1 0 0-4.400 2.200 2.200 0 0 0 0 4.400Z",
	archive: "M4 5h16v4H4V5ZM5.500 9v9.500a.5.5 0 0 0 .5.5h12a.5.5 0 0 0 .5-.5V9M10 13h4",
	device: "M5 5h14a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1ZM9 20h6M12 16v4",
	keyboard: "M4 7h16a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1ZM7 10.500v.01M10.500 10.500v.01M14 10.500v.01M17 10.500v.01M8.500 14h7",
	link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700L12 17",
	bell: "M6 16.500V11a6 6 0 0 1 12 0v5.500l1.500 1.500h-15L6 16.500ZM10 20.500h4",
	message: "M20 12a7.5 7.5 0 0 1-10.9 6.700L4 20l1.3-4.600A7.5 7.5 0 1 1 20 12Z",
	check: "M5 12.5 10 17.5 19.5 7",
	more: "M4 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0ZM11 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0ZM18 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0Z",
	offline: "M3 3l18 18M8.5 8.600A11 11 0 0 0 4.5 11M12 7c3 0 5.6 1.2 7.5 3M7.5 14a7 7 0 0 1 4-2M15 13a7 7 0 0 1 1.5 1M12 18v.01",
};

/** @typedef {keyof typeof PATHS} IconName */

/** Those that point along the line. */
const TURNS = new Set(["send", "reply", "leave"]);

const SVG = "http://www.w3.org/2000/svg";

/** An icon that says nothing by itself: its button has a name. @param {IconName} name */
export function icon(name) {
	const svg = document.createElementNS(SVG, "svg");
	svg.setAttribute("viewBox", "0 0 24 24");
	svg.setAttribute("class", TURNS.has(name) ? "icon icon-turns" : "icon");
	svg.setAttribute("aria-hidden", "true");
	const path = document.createElementNS(SVG, "path");
	path.setAttribute("d", PATHS[name]);
	svg.append(path);
	return svg;
}
