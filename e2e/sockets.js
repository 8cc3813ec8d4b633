// Put into a page before its own code: the test sees its sockets, and says
// frames in the server's name.
(() => {
	const Native = WebSocket;
	window.sockets = [];
	window.warned = [];
	/** Frames for which it answers true wait in held. */
	window.hold = () => false;
	window.held = [];
	window.say = (frame) => sockets.at(-1).hear({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
	window.WebSocket = class extends Native {
		constructor(...args) {
			super(...args);
			sockets.push(this);
		}
		set onmessage(fn) {
			this.hear = fn;
			super.onmessage = fn && ((m) => (window.hold(JSON.parse(m.data)) ? held.push(m) : fn(m)));
		}
	};
	const { warn } = console;
	console.warn = (...args) => {
		warned.push(String(args[0]));
		if (!String(args[0]).startsWith("gochat: ignored")) warn(...args);
	};
})();
