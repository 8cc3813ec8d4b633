// A bot in JavaScript, with nothing but Node.js: it answers /dice.
//
//     GOCHAT_SECRET="a long random text" PORT=8090 node bot.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.GOCHAT_SECRET;

/** Whether the chat has sent body, and not long ago. */
function signed(headers, body) {
	const at = headers["x-gochat-timestamp"] ?? "";
	const got = Buffer.from(headers["x-gochat-signature"] ?? "");
	const want = Buffer.from("v1=" + createHmac("sha256", secret).update(`v1:${at}:`).update(body).digest("hex"));
	return Math.abs(Date.now() / 1000 - Number(at)) < 300 && got.length === want.length && timingSafeEqual(got, want);
}

/** What to say to a call. */
function answer({ text, user }) {
	const sides = text === "" ? 6 : Number(text);
	if (!Number.isInteger(sides) || sides < 2 || sides > 1000) {
		return { error: { code: "usage", message: "A dice has 2 to 1000 sides, as in /dice 20." } };
	}
	const n = 1 + Math.floor(Math.random() * sides);
	return { response_type: "in_channel", text: `${user.name} rolls ${n} of ${sides}.` };
}

const server = createServer(async (req, res) => {
	const parts = [];
	let size = 0;
	for await (const part of req) {
		if ((size += part.length) > 64 << 10) return res.writeHead(413).end();
		parts.push(part);
	}
	const body = Buffer.concat(parts);
	if (req.method !== "POST" || !signed(req.headers, body)) return res.writeHead(401).end();
	res.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer(JSON.parse(body))));
});
server.listen(process.env.PORT ?? 0, "127.0.0.1", () => console.log(server.address().port));
