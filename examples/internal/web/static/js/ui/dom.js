// @ts-check

/** Making elements, without ever making HTML of a text. */

/** @typedef {Node|string|null|undefined|false} Child */

/**
 * An element: attributes by name, listeners under `on`, dataset under `data`,
 * custom properties under `vars`; true is an empty attribute, null and false
 * none.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child|Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
	const el = document.createElement(tag);
	for (const [name, value] of Object.entries(props)) {
		if (value === null || value === undefined || value === false) continue;
		if (name === "on") for (const [type, fn] of Object.entries(value)) el.addEventListener(type, fn);
		else if (name === "data") Object.assign(el.dataset, value);
		else if (name === "vars") for (const [v, x] of Object.entries(value)) el.style.setProperty(v, x);
		else el.setAttribute(name, value === true ? "" : String(value));
	}
	append(el, children);
	return el;
}

/** @param {Element} el @param {(Child|Child[])[]} children */
export function append(el, children) {
	for (const child of children.flat()) if (child !== null && child !== undefined && child !== false) el.append(child);
}

/** @param {Element} el @param {...(Child|Child[])} children */
export function fill(el, ...children) {
	el.replaceChildren();
	append(el, children);
}

/** Sets text only where it differs, so that nothing is announced twice. @param {Element} el @param {string} text */
export function setText(el, text) {
	if (el.textContent !== text) el.textContent = text;
}

/** @type {WeakMap<Element, {key: string, stamp: any}>} what reconcile made: attributes would be slow */
const made = new WeakMap();

/**
 * Makes the children of parent those of items, keeping the elements of keys
 * that were there: make builds one, and builds it anew when stamp is another
 * one, unless update can change it.
 * @template T
 * @param {Element} parent
 * @param {T[]} items
 * @param {{key: (item: T) => string, stamp: (item: T) => any, make: (item: T) => HTMLElement, update?: (el: HTMLElement, item: T) => void}} o
 */
export function reconcile(parent, items, { key, stamp, make, update }) {
	/** @type {Map<string, HTMLElement>} */
	const old = new Map();
	for (let el = /** @type {any} */ (parent.firstElementChild); el; el = el.nextElementSibling) old.set(made.get(el)?.key ?? "", el);
	/** @type {Element|null} */
	let at = parent.firstElementChild;
	for (const item of items) {
		const k = key(item);
		const s = stamp(item);
		let el = old.get(k);
		old.delete(k);
		if (el && update && made.get(el)?.stamp !== s) {
			update(el, item);
			made.set(el, { key: k, stamp: s });
		}
		if (el && made.get(el)?.stamp !== s) {
			const fresh = make(item);
			const focused = el.contains(document.activeElement);
			if (at === el) at = el.nextElementSibling;
			el.replaceWith(fresh);
			el = fresh;
			if (focused) /** @type {any} */ (el.querySelector("button, a"))?.focus();
			parent.insertBefore(el, at);
		} else if (!el) {
			el = make(item);
			parent.insertBefore(el, at);
		} else if (el === at) {
			at = el.nextElementSibling;
		} else {
			parent.insertBefore(el, at);
		}
		if (made.get(el)?.stamp === s) continue;
		made.set(el, { key: k, stamp: s });
		el.dataset.key = k;
	}
	for (const el of old.values()) el.remove();
}

const REST = 250; // ms at the most between two calls that took long
const LATE = 500; // ms to wait for a frame

/**
 * Calls fn at most once a frame, and less often where it takes long: three
 * quarters of the time are left for what else there is to do, such as typing.
 * @param {() => void} fn
 */
export function perFrame(fn) {
	let asked = false;
	let free = 0; // when fn may be called again
	const run = () => {
		const go = () => {
			cancelAnimationFrame(frame);
			clearTimeout(late);
			asked = false;
			const began = performance.now();
			fn();
			const ended = performance.now();
			free = ended + Math.min(3 * (ended - began), REST);
		};
		const frame = requestAnimationFrame(go);
		const late = setTimeout(go, LATE); // a page that is not in sight has no frames
	};
	return () => {
		if (asked) return;
		asked = true;
		const wait = free - performance.now();
		if (wait > 0) setTimeout(run, wait);
		else run();
	};
}
